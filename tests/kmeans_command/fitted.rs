//! `fit-rows` and `fit-indices`: level 1 is fitted to some rows, and all rows are assigned.

use ndarray::Array1;
use ndarray_npy::{read_npy, write_npy};

use crate::fixtures::{Place, array, contents, inertia, refused, succeeded};

const LEVELS: [&str; 6] = ["--n-clusters", "40,8", "--n-iters", "12", "--device", "cpu"];

#[test]
fn a_sample_is_fitted_and_all_rows_are_assigned() {
    let place = Place::digits();
    let made = place.made("some", &[&LEVELS[..], &["--fit-rows", "0.25", "--dtype", "float64"]].concat());
    let step = &made["steps"][0];
    assert_eq!(
        (&step["fitted"], &step["points"], &step["init"]),
        (&450.into(), &1797.into(), &"kmeans-plus-plus".into())
    );
    assert_eq!((&made["steps"][1]["fitted"], &made["settings"]["fit-rows"]), (&40.into(), &0.25.into()));
    assert_eq!(array(&place.at("some/level1/step0/cluster_assignment.npy")).len(), 1797);
    let record = place.judged("some", &["--metrics", "misassigned"]);
    assert_eq!(record["levels"][0]["figures"]["misassigned"], 0);
    // the rows that were fitted, given as a file, are the same clustering
    let sampled: Array1<i64> = read_npy(place.at("some/level1/step0/sampled_indices.npy")).expect("rows");
    assert!(sampled.len() == 450 && sampled.windows(2).into_iter().all(|pair| pair[0] < pair[1]));
    let rows = place.at("rows.npy");
    write_npy(&rows, &sampled.iter().rev().copied().collect::<Array1<i64>>()).expect("writes");
    let by_file = ["--fit-indices", rows.to_str().expect("text"), "--dtype", "float64"];
    place.made("same", &[&LEVELS[..], &by_file].concat());
    assert!(contents(&place.at("same")) == contents(&place.at("some")));
    // another seed draws another sample, and a fit to all rows is better on all rows
    place.made("other", &[&LEVELS[..], &["--fit-rows", "450", "--seed", "1"]].concat());
    let other: Array1<i64> = read_npy(place.at("other/level1/step0/sampled_indices.npy")).expect("rows");
    assert_ne!(sampled, other);
    place.made("all", &LEVELS);
    let (some, all) = (inertia(&record, 0), inertia(&place.judged("all", &[]), 0));
    assert!(all < 0.97 * some && some < 1.3 * all, "{some} and {all}");
}

#[test]
fn a_fit_to_all_rows_has_the_bits_of_a_fit_without_the_setting() {
    let place = Place::digits();
    place.made("plain", &LEVELS);
    let plain = contents(&place.at("plain"));
    for (out, rows) in [("exactly", "1797"), ("more", "1_000_000")] {
        place.made(out, &[&LEVELS[..], &["--fit-rows", rows]].concat());
        assert!(contents(&place.at(out)) == plain, "{rows}");
    }
    // a list of all rows goes through the sample's code
    let rows = place.at("rows.npy");
    write_npy(&rows, &(0..1797).collect::<Array1<i64>>()).expect("writes");
    place.made("list", &[&LEVELS[..], &["--fit-indices", rows.to_str().expect("text")]].concat());
    let list = contents(&place.at("list"));
    let same =
        |(name, bytes): &&(String, Vec<u8>)| list.iter().any(|(other, content)| other == name && content == bytes);
    assert_eq!(plain.iter().filter(same).count(), plain.len());
    assert_eq!(list.len(), plain.len() + 1, "sampled_indices.npy");
    // control: one row fewer changes the bits
    place.made("fewer", &[&LEVELS[..], &["--fit-rows", "1796"]].concat());
    assert!(contents(&place.at("fewer")) != plain);
}

#[test]
fn a_subset_is_sampled_within_itself() {
    let place = Place::digits();
    let subset = place.at("subset.npy");
    write_npy(&subset, &(0..1797).rev().step_by(3).collect::<Array1<i64>>()).expect("writes");
    let subset = ["--subset-indices-path", subset.to_str().expect("text")];
    let made = place.made("some", &[&LEVELS[..], &subset, &["--fit-rows", "300"]].concat());
    assert_eq!((&made["steps"][0]["fitted"], &made["steps"][0]["points"]), (&300.into(), &599.into()));
    // the same rows by their numbers in the embeddings
    let places: Array1<i64> = read_npy(place.at("some/level1/step0/sampled_indices.npy")).expect("places");
    let rows = place.at("rows.npy");
    write_npy(&rows, &places.mapv(|at| 1796 - 3 * at)).expect("writes");
    let by_file = ["--fit-indices", rows.to_str().expect("text")];
    place.made("same", &[&LEVELS[..], &subset, &by_file].concat());
    assert!(contents(&place.at("same")) == contents(&place.at("some")));
    write_npy(&rows, &Array1::from(vec![1796_i64, 1795])).expect("writes");
    refused(&mut place.kmeans("no", &[&LEVELS[..], &subset, &by_file].concat()), 3, &["not in the subset", "row 1795"]);
}

#[test]
fn too_few_rows_and_contradictions_are_refused() {
    let place = Place::digits();
    let no = |more: &[&str], words: &[&str]| {
        refused(&mut place.kmeans("no", &[&LEVELS[..], more].concat()), 2, words);
    };
    no(&["--fit-rows", "39"], &["fewer rows to fit than clusters", "39", "at least 40"]);
    no(&["--fit-rows", "0.02"], &["fewer rows to fit than clusters", "36"]);
    no(&["--fit-rows", "1.5"], &["share between 0 and 1"]);
    no(&["--fit-rows", "99", "--fit-indices", "rows.npy"], &["keep one of them"]);
}

/// Every process draws the same sample, of which each fits its share.
#[test]
fn several_processes_fit_the_same_sample() {
    use std::process::Stdio;
    let place = Place::digits();
    let more = [&LEVELS[..], &["--fit-rows", "700", "--init", "kmeans-parallel"]].concat();
    place.made("alone", &more);
    let run = |out: &str| {
        let start = |shard: &str| {
            let mut command = place.kmeans(out, &[&more[..], &["--shard", shard]].concat());
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
        };
        let second = start("2/2");
        for child in [start("1/2"), second] {
            succeeded(&child.wait_with_output().expect("ends"));
        }
        contents(&place.at(out))
    };
    let team = run("team");
    assert!(team == run("again"), "the same processes give the same bits");
    let sample = |all: &[(String, Vec<u8>)]| {
        let found = all.iter().find(|(name, _)| name == "level1/step0/sampled_indices.npy");
        found.expect("the sample").1.clone()
    };
    assert!(sample(&team) == sample(&contents(&place.at("alone"))));
    let (one, all) = (inertia(&place.judged("alone", &[]), 0), inertia(&place.judged("team", &[]), 0));
    // another order of summation may move a point that lies between two centroids
    assert!((one - all).abs() < 5e-3 * one, "{one} and {all}");
}
