//! Parts add up to what one process finds.

use std::fs;

use serde_json::{Value, json};

use crate::common::{devices, record};
use crate::fixtures::{Place, ROWS, difference, refused, succeeded, without_silhouettes};

/// Float64 sums in another order.
const SUMS: f64 = 1e-12;

const ALL: [&str; 2] = ["--metrics", "all"];

fn shards(of: usize) -> Vec<String> {
    (1..=of).map(|index| format!("{index}/{of}")).collect()
}

#[test]
fn any_number_of_shards_gives_the_figures_of_one_process() {
    let place = Place::new();
    let more = [&ALL[..], &["--distances", "all"]].concat();
    let whole = place.whole("whole", &more);
    for of in [1, 2, 3, 8] {
        let out = format!("parts{of}");
        let names = shards(of);
        let shares: Vec<[&str; 2]> = names.iter().map(|name| ["--shard", name.as_str()]).collect();
        let merged = place.in_parts(&out, &shares, &more);
        let sums = difference(&without_silhouettes(&merged), &without_silhouettes(&whole));
        assert!(sums.is_some_and(|d| d <= SUMS), "{of} shards: {sums:?}");
        // what is near 0 is a difference of means: absolute, 1e-7 of a silhouette's range
        for (level, want) in
            merged["levels"].as_array().into_iter().flatten().zip(whole["levels"].as_array().into_iter().flatten())
        {
            let of = |level: &serde_json::Value| level["figures"]["silhouette"].as_f64().expect("a number");
            assert!((of(level) - of(want)).abs() < 1e-7, "{} and {}", of(level), of(want));
        }
        assert_eq!(merged["distances"]["distances"], whole["distances"]["distances"], "each distance once");
        assert_eq!(merged["distances"]["means"], whole["distances"]["means"]);
        assert_eq!(merged["plan"], whole["plan"]);
        assert_eq!(merged["parts"].as_array().map(Vec::len), Some(of));
        for name in ["level1/distances.npy", "level2/distances.npy", "level1/distances_all.npy"] {
            let read = |out: &str| fs::read(place.at(out).join(name)).expect("a file");
            assert!(read("whole") == read(&out), "{name} of {of} shards");
        }
    }
    // a lost row shows
    let short = place.whole("short", &["--metrics", "fast"]);
    let mut wrong = short.clone();
    wrong["levels"][0]["figures"]["inertia"] =
        (short["levels"][0]["figures"]["inertia"].as_f64().expect("a sum") * (1.0 + 1e-11)).into();
    assert!(difference(&wrong["levels"], &short["levels"]).is_some_and(|d| d > SUMS));
}

#[test]
fn each_distance_is_computed_once() {
    let place = Place::new();
    let merged = place.in_parts("out", &[["--shard", "1/3"], ["--shard", "2/3"], ["--shard", "3/3"]], &ALL);
    let rows = ROWS as u64;
    assert_eq!(merged["distances"]["distances"]["own"], 2 * rows);
    // 51 of the 101 clusters of level 1 have points
    assert_eq!(merged["distances"]["distances"]["searched"], rows * (51 + 7));
    assert_eq!(merged["distances"]["means"]["own"], 2 * rows);
    assert_eq!(merged["distances"]["silhouette"]["pairs"], rows * rows);
}

#[test]
fn ranges_of_rows_of_any_length_add_up_on_every_device() {
    let place = Place::new();
    let shares = [["--rows", "0..1"], ["--rows", "1..66"], ["--rows", "66..4000"], ["--rows", "4000..4099"]];
    for device in devices() {
        let more = ["--device", device, "--metrics", "all", "--silhouette", "sample:500", "--seed", "3"];
        let whole = place.whole(&format!("whole-{device}"), &more);
        let merged = place.in_parts(&format!("parts-{device}"), &shares, &more);
        // on a GPU the sums within a tile are float32's
        let tolerance = if device == "cpu" { SUMS } else { 1e-6 };
        let sums = difference(&without_silhouettes(&merged), &without_silhouettes(&whole));
        assert!(sums.is_some_and(|d| d <= tolerance), "{device}: {sums:?}");
        let counts = |record: &serde_json::Value| record["distances"]["silhouette"]["pairs"].clone();
        assert_eq!(counts(&merged), counts(&whole));
    }
}

#[test]
fn rows_that_are_left_out_are_left_out_of_every_part() {
    let place = Place::with_nan();
    let more = [&ALL[..], &["--nonfinite", "skip"]].concat();
    let whole = place.whole("whole", &more);
    let merged = place.in_parts("parts", &[["--shard", "1/2"], ["--shard", "2/2"]], &more);
    assert!(merged["skipped_rows"].as_u64().is_some_and(|rows| rows > 1));
    assert_eq!(merged["skipped_rows"], whole["skipped_rows"]);
    let sums = difference(&without_silhouettes(&merged), &without_silhouettes(&whole));
    assert!(sums.is_some_and(|d| d <= SUMS), "{sums:?}");
    assert!(merged["distances"]["search"]["searched"].as_u64().is_some_and(|n| n > 0), "searched once more");
}

#[test]
fn figures_of_one_pass_take_one_round() {
    let place = Place::new();
    let whole = place.whole("whole", &["--metrics", "fast"]);
    for share in ["1/2", "2/2"] {
        succeeded(&mut place.metrics("parts", &["--metrics", "fast", "--shard", share]));
    }
    succeeded(&mut place.merge("parts", &["--remove-parts"]));
    let merged = record(&place.at("parts"));
    assert!(difference(&merged["levels"], &whole["levels"]).is_some_and(|d| d <= SUMS));
    assert!(!place.at("parts/parts").exists(), "removed where that was asked for");
}

#[test]
fn a_machine_s_own_disk_is_read_and_written_and_comes_back() {
    let place = Place::new();
    let more = ["--metrics", "fast", "--distances", "own"];
    let whole = place.whole("whole", &more);
    // two machines, of which the first has two parts
    for (share, node) in [("1/3", "node1"), ("2/3", "node1"), ("3/3", "node2")] {
        let scratch = place.at(node).display().to_string();
        succeeded(&mut place.metrics("parts", &[&more[..], &["--shard", share, "--scratch", &scratch]].concat()));
    }
    succeeded(&mut place.merge("parts", &[]));
    let merged = record(&place.at("parts"));
    assert!(difference(&merged["levels"], &whole["levels"]).is_some_and(|d| d <= SUMS));
    assert_eq!(merged["distances"], whole["distances"], "each distance once");
    let legs = merged["provenance"]["legs"].as_array().expect("legs");
    let told: Vec<&Value> = legs.iter().map(|leg| &leg["scratch"]).filter(|scratch| !scratch.is_null()).collect();
    let nothing = json!({"copied_bytes": 0, "bytes": 0, "source": "no row is read twice"});
    assert_eq!(told, [&nothing; 3]);
    assert!(
        fs::read(place.at("parts/level1/distances.npy")).ok() == fs::read(place.at("whole/level1/distances.npy")).ok()
    );
    for node in ["node1", "node2"] {
        let left = crate::common::files_below(&place.at(node));
        assert!(!left.iter().any(|file| file.contains("distances")), "{left:?}");
    }
}

#[test]
fn a_part_copies_the_rows_that_it_reads_twice_and_only_once() {
    let place = Place::new();
    let whole = place.whole("whole", &ALL);
    let (node, rows) = (place.at("node").display().to_string(), 4099_u64.div_ceil(2));
    let more = [&ALL[..], &["--scratch", &node, "--resume"]].concat();
    let round = || {
        for share in ["1/2", "2/2"] {
            succeeded(&mut place.metrics("parts", &[&more[..], &["--shard", share]].concat()));
        }
    };
    let copies = || crate::common::files_below(&place.at("node")).into_iter().filter(|name| name.ends_with(".rows"));
    succeeded(&mut place.metrics("parts", &[&more[..], &["--shard", "1/2"]].concat()));
    assert_eq!(copies().count(), 0, "the first round reads every row once");
    // the second part goes on with distances to the true means and the silhouette, and then the first does
    round();
    round();
    let size = |name: &String| fs::metadata(place.at("node").join(name)).expect("a copy").len();
    let sizes: Vec<u64> = copies().map(|name| size(&name)).collect();
    let row = 17 * 4;
    assert!(sizes.len() == 2 && sizes.iter().sum::<u64>() == 4099 * row && sizes[0].abs_diff(rows * row) <= row);
    // a task that is queued again has its copy, and one that has nothing to do needs none
    fs::remove_file(place.at("parts/parts").join(first_part(&place)).join("silhouette.part")).expect("removed");
    fs::remove_file(place.at("parts/parts").join(first_part(&place)).join("means.part")).expect("removed");
    round();
    succeeded(&mut place.merge("parts", &[]));
    let merged = record(&place.at("parts"));
    let sums = difference(&without_silhouettes(&merged), &without_silhouettes(&whole));
    assert!(sums.is_some_and(|d| d <= SUMS), "{sums:?}");
    let legs = merged["provenance"]["legs"].as_array().expect("legs").iter();
    let told: Vec<[u64; 2]> = legs
        .filter(|leg| !leg["scratch"].is_null())
        .map(|leg| ["copied_bytes", "bytes"].map(|key| leg["scratch"][key].as_u64().expect("a number")))
        .collect();
    let used: Vec<&[u64; 2]> = told.iter().filter(|[_, bytes]| *bytes > 0).collect();
    assert_eq!((used.len(), used.iter().map(|[_, bytes]| bytes).sum::<u64>()), (2, 4099 * row), "{told:?}");
    // the second part made its copy, and the first used that from before
    let without = used.iter().filter(|[copied, _]| *copied == 0).count();
    assert_eq!((without, used.iter().filter(|[copied, bytes]| copied == bytes).count()), (1, 1), "{told:?}");
}

/// Name of the folder of the first part.
fn first_part(place: &Place) -> String {
    let entries = fs::read_dir(place.at("parts/parts")).expect("parts").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("rows-")).min().expect("a part")
}

#[test]
fn what_is_done_is_left_as_it_is() {
    let place = Place::new();
    let more = ["--metrics", "fast", "--shard", "1/1"];
    succeeded(&mut place.metrics("out", &more));
    let file = place.at("out/parts/rows-000000000000-000000004099/distances.part");
    let before = fs::read(&file).expect("a result");
    // with --resume and without: the same command comes back for the second round
    succeeded(&mut place.metrics("out", &more));
    succeeded(&mut place.metrics("out", &[&more[..], &["--resume"]].concat()));
    assert!(fs::read(&file).expect("a result") == before);
    succeeded(&mut place.merge("out", &[]));
    succeeded(&mut place.metrics("out", &[&more[..], &["--resume"]].concat()));
    refused(&mut place.metrics("out", &more), 2, &["finished run", "--force"]);
    refused(&mut place.merge("out", &[]), 2, &["finished run", "--force"]);
    succeeded(&mut place.merge("out", &["--force", "--rank-by", "size"]));
    assert_eq!(record(&place.at("out"))["levels"][0]["ranking"]["by"], "size");
}

#[test]
fn paths_are_those_of_who_wrote_the_parts() {
    let place = Place::new();
    let mut command = crate::common::program();
    let relative = ["metrics", "hier", "--embeddings", "embeddings.npy", "--out", "out", "--metrics", "fast"];
    command.current_dir(place.at("")).args(relative).args(["--device", "cpu", "--shard", "1/1"]);
    succeeded(&mut command);
    // from somewhere else
    succeeded(&mut place.merge("out", &[]));
}

#[test]
fn runs_that_share_a_machine_s_disk_do_not_share_distances() {
    let place = Place::new();
    let scratch = place.at("scratch").display().to_string();
    let more = ["--metrics", "fast", "--distances", "own", "--scratch", &scratch, "--shard", "1/1"];
    let mut runs: Vec<_> = ["a", "b", "c"]
        .map(|out| place.metrics(out, &more).stderr(std::process::Stdio::null()).spawn().expect("starts"))
        .into();
    assert!(runs.iter_mut().all(|run| run.wait().expect("ends").success()));
    let whole = place.whole("whole", &["--metrics", "fast", "--distances", "own"]);
    for out in ["a", "b", "c"] {
        succeeded(&mut place.merge(out, &[]));
        assert!(difference(&record(&place.at(out))["levels"], &whole["levels"]).is_some_and(|d| d <= SUMS));
        let read = |out: &str| fs::read(place.at(out).join("level1/distances.npy")).expect("distances");
        assert!(read(out) == read("whole"), "{out}");
    }
}
