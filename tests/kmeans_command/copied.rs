//! `--scratch`: a process reads its rows from a copy on the machine's own disk.

use std::fs;

use ndarray::Array1;
use serde_json::Value;

use crate::common::files_below;
use crate::fixtures::{Place, contents, succeeded};

/// Shape of the digits, and bytes of a row.
const ROWS: u64 = 1797;
const ROW: u64 = 64 * 4;

const SETTINGS: [&str; 6] = ["--n-clusters", "20,4", "--n-iters", "6", "--device", "cpu"];

/// What each process did with `--scratch`, in the order of their bytes.
fn stagings(made: &Value) -> Vec<Value> {
    let legs = made["provenance"]["legs"].as_array().expect("legs");
    let mut all: Vec<Value> = legs.iter().map(|leg| leg["scratch"].clone()).collect();
    all.sort_by_key(|staging| staging["copied_bytes"].as_u64());
    all
}

fn copied(made: &Value) -> Vec<u64> {
    stagings(made).iter().filter_map(|staging| staging["copied_bytes"].as_u64()).collect()
}

#[test]
fn the_rows_are_copied_once_and_read_from_there() {
    let place = Place::digits();
    let disk = place.at("node disk");
    let disk = disk.to_str().expect("UTF-8");
    let plain = place.made("plain", &SETTINGS);
    assert_eq!(stagings(&plain), [Value::Null]);
    let made = place.made("copied", &[&SETTINGS[..], &["--scratch", disk]].concat());
    assert_eq!((copied(&made), stagings(&made)[0]["bytes"].as_u64()), (vec![ROWS * ROW], Some(ROWS * ROW)));
    assert!(contents(&place.at("plain")) == contents(&place.at("copied")));
    // another run finds the copy, by the config of this one too, and by a variable
    let config = fs::read_to_string(place.at("copied/config.yaml")).expect("a config");
    assert!(config.contains("node disk"), "{config}");
    let again =
        place.kmeans("by variable", &[&SETTINGS[..], &["--scratch", "$DISK"]].concat()).env("DISK", disk).output();
    succeeded(&again.expect("starts"));
    let again = crate::fixtures::made_as(&place.at("by variable"));
    assert_eq!((copied(&again), stagings(&again)[0]["bytes"].as_u64()), (vec![0], Some(ROWS * ROW)));
    let config = fs::read_to_string(place.at("by variable/config.yaml")).expect("a config");
    assert!(config.contains("$DISK") && !config.contains("node disk"), "{config}");
    // a copy with other values than the source is made again
    let copies = files_below(disk.as_ref());
    let copy = copies.iter().find(|name| name.ends_with(".rows")).expect("a copy");
    let copy = std::path::Path::new(disk).join(copy);
    let values: Vec<u8> = fs::read(&copy).expect("a copy").chunks_exact(4).rev().flatten().copied().collect();
    fs::write(&copy, values).expect("writes");
    let mended = place.made("mended", &[&SETTINGS[..], &["--scratch", disk]].concat());
    assert_eq!(copied(&mended), [ROWS * ROW]);
    assert!(contents(&place.at("plain")) == contents(&place.at("mended")));
}

#[test]
fn each_of_several_processes_copies_its_own_rows() {
    let place = Place::digits();
    let disk = place.at("disk");
    let start = |shard: &str| {
        let mut command = place.kmeans("hier", &[&SETTINGS[..], &["--shard", shard]].concat());
        command.arg("--scratch").arg(&disk).spawn().expect("starts")
    };
    for child in [start("2/2"), start("1/2")] {
        succeeded(&child.wait_with_output().expect("ends"));
    }
    let made = crate::fixtures::made_as(&place.at("hier"));
    assert_eq!(copied(&made), [ROWS / 2 * ROW, ROWS.div_ceil(2) * ROW]);
}

#[test]
fn rows_that_lie_far_apart_are_read_where_they_are() {
    let place = Place::digits();
    let of_rows = |name: &str, rows: Vec<i64>| {
        let path = place.at(name);
        ndarray_npy::write_npy(&path, &Array1::from(rows)).expect("writes");
        let path = path.to_str().expect("UTF-8").to_owned();
        let disk = place.at("disk");
        let disk = disk.to_str().expect("UTF-8");
        let more = ["--subset-indices-path", &path, "--scratch", disk];
        stagings(&place.made(&format!("of {name}"), &[&SETTINGS[..], &more].concat())).remove(0)
    };
    let near = of_rows("near.npy", (300..700).rev().collect());
    assert_eq!((near["copied_bytes"].as_u64(), &near["source"]), (Some(400 * ROW), &Value::Null));
    let far = of_rows("far.npy", (0..500).map(|row| 3 * row).collect());
    assert_eq!(far["copied_bytes"], 0);
    assert!(far["source"].as_str().is_some_and(|why| why.contains("500 rows") && why.contains("1498")), "{far}");
}

#[test]
fn a_disk_that_can_not_be_used_is_a_warning() {
    let place = Place::digits();
    let output = place.kmeans("hier", &[&SETTINGS[..], &["--scratch", "$NO_SUCH_DISK"]].concat()).output();
    let output = output.expect("starts");
    succeeded(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.matches("WARN").count() == 1 && said.contains("$NO_SUCH_DISK is not set"), "{said}");
    let made = crate::fixtures::made_as(&place.at("hier"));
    assert!(made["warnings"].as_array().is_some_and(|all| all.len() == 1), "{}", made["warnings"]);
}
