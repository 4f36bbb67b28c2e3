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
    refused(&mut place.merge("overlap", &[]), 3, &["two parts overlap", "rows-000000001000-000000004099"]);
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
    refused(&mut place.merge("out", &[]), 3, &["belongs to another run", "metrics: "]);
    // resuming the same part with other metrics
    let resumed = ["--metrics", "size", "--rows", "0..1000", "--resume"];
    refused(&mut place.metrics("out", &resumed), 3, &["belongs to another run", "metrics: "]);
    // other embeddings under the same name
    let mut bytes = fs::read(&place.embeddings).expect("embeddings");
    parts(&place, "changed", &["0..1000"]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&place.embeddings, bytes).expect("writes");
    parts(&place, "changed", &["1000..4099"]);
    refused(
        &mut place.merge("changed", &[]),
        3,
        &["belongs to another run", "embeddings: ", "rows-000000000000-000000001000"],
    );
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

#[test]
fn a_part_under_another_name_is_not_believed() {
    let place = Place::new();
    parts(&place, "renamed", &["0..2049"]);
    let folder = |out: &str, rows: &str| place.at(out).join("parts").join(rows);
    let (first, whole) = ("rows-000000000000-000000002049", "rows-000000000000-000000004099");
    fs::rename(folder("renamed", first), folder("renamed", whole)).expect("renames");
    refused(&mut place.merge("renamed", &[]), 3, &["in the wrong place", whole]);
    // computed again if the part is requested
    succeeded(&mut place.metrics("renamed", &[&FAST[..], &["--rows", "0..4099", "--resume"]].concat()));
    succeeded(&mut place.merge("renamed", &[]));

    parts(&place, "copied", &["0..2049"]);
    let second = "rows-000000002049-000000004099";
    fs::create_dir(folder("copied", second)).expect("makes a folder");
    fs::copy(folder("copied", first).join("distances.part"), folder("copied", second).join("distances.part"))
        .expect("copies");
    refused(&mut place.merge("copied", &[]), 3, &["in the wrong place", second]);

    let all = ["--metrics", "explained-variance", "--shard", "1/1"];
    succeeded(&mut place.metrics("stage", &all));
    let part = folder("stage", whole);
    fs::copy(part.join("distances.part"), part.join("means.part")).expect("copies");
    refused(&mut place.merge("stage", &[]), 3, &["in the wrong place", "means.part"]);
}

#[test]
fn refused_rows_are_refused_however_often() {
    let place = Place::with_nan();
    let fast = ["--metrics", "fast", "--checkpoint", "1ms", "--tile-rows", "64", "--shard", "1/1"];
    for _time in 0..3 {
        refused(&mut place.metrics("out", &fast), 3, &["NaN"]);
        refused(&mut place.metrics("out", &[&fast[..], &["--resume"]].concat()), 3, &["NaN"]);
    }
    refused(&mut place.merge("out", &[]), 3, &["no partial results"]);
}

#[test]
fn another_number_of_shards_is_noticed_at_once() {
    let place = Place::new();
    let all = ["--metrics", "explained-variance", "--shard"];
    for share in ["1/2", "2/2"] {
        succeeded(&mut place.metrics("out", &[&all[..], &[share]].concat()));
    }
    refused(&mut place.metrics("out", &[&all[..], &["1/3"]].concat()), 3, &["two parts overlap"]);
}
