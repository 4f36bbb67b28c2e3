//! What does not add up is refused by name.

use std::fs;

use crate::fixtures::{Place, refused, succeeded};

const FAST: [&str; 2] = ["--metrics", "fast"];

/// Parts of these rows, done.
fn parts(place: &Place, out: &str, rows: &[&str]) {
    for rows in rows {
        succeeded(&mut place.metrics(out, &[&FAST[..], &["--rows", rows]].concat()));
    }
}

#[test]
fn gaps_and_overlaps_are_named() {
    let place = Place::new();
    refused(&mut place.merge("nothing", &[]), 3, &["no partial results", "--shard"]);
    parts(&place, "gap", &["0..1000", "2000..4099"]);
    refused(&mut place.merge("gap", &[]), 3, &["rows 1000..2000 are missing", "--rows"]);
    parts(&place, "end", &["0..1000", "1000..4000"]);
    refused(&mut place.merge("end", &[]), 3, &["rows 4000..4099 are missing"]);
    parts(&place, "overlap", &["0..2000", "1000..4099"]);
    refused(&mut place.merge("overlap", &[]), 3, &["in common", "rows-000000001000-000000004099"]);
    for out in ["gap", "end", "overlap"] {
        assert!(!place.at(out).join("record.json").exists(), "{out}");
    }
}

#[test]
fn the_second_round_is_asked_for() {
    let place = Place::new();
    let all = ["--metrics", "explained-variance,inertia", "--shard"];
    for share in ["1/2", "2/2"] {
        succeeded(&mut place.metrics("out", &[&all[..], &[share]].concat()));
    }
    // the second of them found the first round complete
    refused(&mut place.merge("out", &[]), 3, &["sums around the means of rows 0..2049 are missing"]);
    succeeded(&mut place.metrics("out", &[&all[..], &["1/2"]].concat()));
    succeeded(&mut place.merge("out", &[]));
}

#[test]
fn parts_of_another_run_are_named() {
    let place = Place::new();
    parts(&place, "out", &["0..1000"]);
    // other figures
    let other = ["--metrics", "size", "--rows", "1000..4099"];
    succeeded(&mut place.metrics("out", &other));
    refused(&mut place.merge("out", &[]), 3, &["of another run", "metrics: "]);
    // the same part with other figures, to go on from
    let resumed = ["--metrics", "size", "--rows", "0..1000", "--resume"];
    refused(&mut place.metrics("out", &resumed), 3, &["of another run", "metrics: "]);
    // other embeddings under the same name
    let mut bytes = fs::read(&place.embeddings).expect("embeddings");
    parts(&place, "changed", &["0..1000"]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&place.embeddings, bytes).expect("writes");
    parts(&place, "changed", &["1000..4099"]);
    refused(&mut place.merge("changed", &[]), 3, &["of another run", "embeddings: ", "rows-000000000000-000000001000"]);
}

#[test]
fn a_damaged_part_is_named_and_done_again() {
    let place = Place::new();
    parts(&place, "out", &["0..1000", "1000..4099"]);
    let file = place.at("out/parts/rows-000000000000-000000001000/distances.part");
    let whole = fs::read(&file).expect("a part");
    for at in [0, 40, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&file, damaged).expect("writes");
        refused(&mut place.merge("out", &[]), 3, &["rows-000000000000-000000001000"]);
    }
    fs::write(&file, &whole[..whole.len() / 2]).expect("writes");
    refused(&mut place.merge("out", &[]), 3, &["rows-000000000000-000000001000"]);
    succeeded(&mut place.metrics("out", &[&FAST[..], &["--rows", "0..1000", "--resume"]].concat()));
    succeeded(&mut place.merge("out", &[]));
}

#[test]
fn parts_that_are_none_are_refused() {
    let place = Place::new();
    for (option, value) in [("--shard", "0/3"), ("--shard", "4/3"), ("--rows", "5..5"), ("--rows", "0..4100")] {
        refused(&mut place.metrics("out", &[option, value]), 2, &[value]);
    }
    refused(&mut place.metrics("out", &["--shard", "1/3", "--rows", "0..5"]), 2, &["--rows"]);
    assert!(!place.at("out").exists());
}

#[test]
fn distances_of_a_part_that_are_gone_are_named() {
    let place = Place::new();
    let own = ["--metrics", "fast", "--distances", "own", "--shard"];
    for share in ["1/2", "2/2"] {
        succeeded(&mut place.metrics("out", &[&own[..], &[share]].concat()));
    }
    let file = place.at("out/parts/rows-000000000000-000000002049/level1-distances.npy");
    let whole = fs::read(&file).expect("distances");
    fs::write(&file, &whole[..whole.len() - 400]).expect("writes");
    refused(&mut place.merge("out", &[]), 3, &["level1-distances.npy"]);
    fs::remove_file(&file).expect("removes");
    refused(&mut place.merge("out", &[]), 3, &["level1-distances.npy"]);
    assert!(!place.at("out/record.json").exists() && !place.at("out/level1").exists());
}
