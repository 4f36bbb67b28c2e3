//! Wrong inputs, and output folders that hold something else.

use std::fs;

use crate::common::{Dtype, npy, program};
use crate::fixtures::{Place, labels, record, refused, succeeded};

#[test]
fn wrong_inputs_are_named() {
    let place = Place::new(50, Dtype::F4, 0.0);
    refused(program().arg("assign"), 2, &["neither a clustering nor centroids", "no embeddings"]);
    refused(&mut place.assign("out", &["--centroids", "c.npy"]), 2, &["name one of them"]);
    fs::write(place.at("narrow.npy"), npy(&[vec![0.0; 4]], Dtype::F4)).expect("writes");
    let mut command = program();
    command.arg("assign").arg(&place.hier).arg("--embeddings").arg(place.at("narrow.npy"));
    refused(command.arg("--out").arg(place.at("out")), 3, &["level 1", "level 2", "4 columns", "19"]);
    refused(&mut place.assign("out", &["--shard", "1/51"]), 2, &["at most 50 shards"]);
    // level 2 must have a parent for each cluster
    fs::write(place.at("hier/level2/sorted_clusters.npy"), crate::common::sorted_clusters(&[vec![0], vec![1]]))
        .expect("writes");
    refused(&mut place.assign("out", &[]), 3, &["level 2", "numbers of centroids and clusters"]);
    let five: Vec<Vec<u64>> = (0..5).map(|cluster| vec![cluster]).collect();
    fs::write(place.at("hier/level2/sorted_clusters.npy"), crate::common::sorted_clusters(&five)).expect("writes");
    refused(&mut place.assign("out", &[]), 3, &["level 2", "32 of 37"]);
    assert!(!place.at("out").exists());
}

#[test]
fn only_centroids_and_parents_are_read() {
    let place = Place::new(60, Dtype::F4, 0.0);
    place.assigned("before", &[]);
    fs::remove_file(place.at("hier/level1/sorted_clusters.npy")).expect("removes");
    place.assigned("after", &[]);
    assert_eq!(labels(&place.at("before"), 2), labels(&place.at("after"), 2));
}

#[test]
fn the_folders_of_others_are_not_written() {
    let place = Place::new(60, Dtype::F4, 0.0);
    refused(&mut place.assign("hier", &[]), 2, &["is a clustering"]);
    refused(&mut place.assign("hier", &["--shard", "1/2"]), 2, &["is a clustering"]);
    fs::create_dir(place.at("judged")).expect("makes a folder");
    fs::write(place.at("judged/record.json"), "{}").expect("writes");
    for more in [&["--force"][..], &["--force", "--shard", "1/2"]] {
        refused(&mut place.assign("judged", more), 2, &["record.json"]);
    }
    place.assigned("out", &[]);
    refused(&mut place.assign("out", &[]), 2, &["would overwrite", "--force"]);
    refused(&mut place.assign("out", &["--shard", "1/2"]), 2, &["assign.json"]);
    fs::write(place.at("out/mine.txt"), "mine").expect("writes");
    place.assigned("out", &["--force", "--format", "csv"]);
    assert!(!place.at("out/level1").exists() && place.at("out/mine.txt").exists(), "its own files are replaced");
    refused(&mut place.assign("out", &["--resume", "--each-level"]), 2, &["would overwrite"]);
}

#[test]
fn its_own_config_repeats_an_assignment() {
    let place = Place::new(90, Dtype::F4, 0.0);
    place.assigned("out", &["--each-level", "--nonfinite", "skip", "--device", "cpu"]);
    let mut command = program();
    command.arg("assign").arg("--config").arg(place.at("out/config.yaml")).arg("--out").arg(place.at("again"));
    succeeded(&command.args(["--json"]).output().expect("starts"));
    let (one, again) = (record(&place.at("out")), record(&place.at("again")));
    assert_eq!((&one["fingerprint"], &one["levels"]), (&again["fingerprint"], &again["levels"]));
    fs::write(place.at("wrong.yaml"), "each_levels: true\n").expect("writes");
    refused(&mut place.assign("no", &["--config", &place.at("wrong.yaml").display().to_string()]), 2, &["each-level"]);
}
