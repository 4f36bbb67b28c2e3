//! Shards and `merge`, interruptions and `--resume`: the same bits as a run in one piece.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Dtype, files_below, program};
use crate::fixtures::{Place, contents, record, refused, succeeded};

fn merge(place: &Place, out: &str, more: &[&str]) -> Command {
    let mut command = program();
    command.arg("merge").arg(place.at(out)).args(more);
    command
}

#[test]
fn parts_join_to_what_a_run_in_one_piece_writes() {
    let place = Place::new(1003, Dtype::F4, 0.0);
    place.assigned("whole", &["--each-level"]);
    assert!(!place.at("whole/parts").exists(), "the part of a whole run is removed");
    for (number, format) in ["npy", "csv"].into_iter().enumerate() {
        let out = format!("parts{number}");
        let options = ["--each-level", "--format", format, "--tile-rows", "64"];
        if format != "npy" {
            place.assigned("whole-table", &options);
        }
        for shard in ["2/3", "3/3"] {
            succeeded(&place.assign(&out, &[&options[..], &["--shard", shard]].concat()).output().expect("starts"));
        }
        refused(&mut merge(&place, &out, &[]), 3, &["rows have not been assigned", "no part with rows 0..334"]);
        succeeded(&place.assign(&out, &[&options[..], &["--rows", "0..334"]].concat()).output().expect("starts"));
        succeeded(&merge(&place, &out, &["--remove-parts"]).output().expect("starts"));
        let whole = if format == "npy" { "whole" } else { "whole-table" };
        assert!(contents(&place.at(&out)) == contents(&place.at(whole)), "{format}");
        assert!(!place.at(&out).join("parts").exists());
        let (one, joined) = (record(&place.at(whole)), record(&place.at(&out)));
        assert_eq!((&joined["levels"], &joined["fingerprint"]), (&one["levels"], &one["fingerprint"]));
        assert_eq!(joined["parts"].as_array().map(Vec::len), Some(3));
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let place = Place::new(500, Dtype::F4, 0.0);
    let part = |share: &[&str]| succeeded(&place.assign("out", share).output().expect("starts"));
    part(&["--rows", "0..300"]);
    part(&["--rows", "250..500"]);
    refused(&mut merge(&place, "out", &[]), 3, &["parts overlap", "rows 250..300 twice"]);
    fs::remove_dir_all(place.at("out/parts/assign-000000000250-000000000500")).expect("removes");
    part(&["--rows", "300..500", "--each-level"]);
    refused(&mut merge(&place, "out", &[]), 3, &["different assignments"]);
    refused(&mut place.assign("out", &["--rows", "300..500"]), 2, &["started already"]);
    refused(&mut place.assign("out", &["--rows", "300..500", "--resume"]), 2, &["another assignment"]);
    part(&["--rows", "300..500", "--force"]);
    let labels = place.at("out/parts/assign-000000000000-000000000300/level1-labels.npy");
    let mut bytes = fs::read(&labels).expect("labels");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&labels, &bytes).expect("writes");
    refused(&mut merge(&place, "out", &[]), 3, &["have changed since"]);
    bytes[last] ^= 1;
    fs::write(&labels, &bytes).expect("writes");
    succeeded(&merge(&place, "out", &[]).output().expect("starts"));
    // parts stay unless they are to be removed, and a second merge has to be asked for
    refused(&mut merge(&place, "out", &[]), 2, &["would overwrite"]);
    succeeded(&merge(&place, "out", &["--force"]).output().expect("starts"));
    // other embeddings under the same name
    let mut other = Place::new(500, Dtype::F4, 0.0);
    other.write_new(|points| points[7][0] += 1.0, Dtype::F4);
    fs::copy(&other.new, &place.new).expect("copies");
    refused(&mut merge(&place, "out", &["--force"]), 3, &["from other inputs"]);
}

/// Enough work to be interrupted.
const SLOW: [&str; 8] = ["--device", "cpu", "--threads", "1", "--tile-rows", "16", "--checkpoint", "0s"];

#[cfg(unix)]
#[test]
fn interrupted_runs_resume_to_the_same_bits() {
    let place = Place::new(20_011, Dtype::F4, 0.0);
    place.assigned("whole", &["--device", "cpu"]);
    let whole = contents(&place.at("whole"));
    let (mut terminated, mut killed) = (0, 0);
    for attempt in 0..12u32 {
        let (out, signal) = (format!("stopped{attempt}"), if attempt % 2 == 0 { "-TERM" } else { "-KILL" });
        let mut child = place.assign(&out, &SLOW).stderr(Stdio::piped()).spawn().expect("starts");
        let state = place.at(&out).join("parts/assign-000000000000-000000020011/part.json");
        while !state.exists() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(u64::from(attempt) * 3));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().is_ok());
        let output = child.wait_with_output().expect("ends");
        if output.status.success() {
            continue;
        }
        if signal == "-TERM" {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(75), "{said}");
            assert!(said.contains("--resume"), "{said}");
            terminated += 1;
        } else {
            killed += 1;
        }
        assert!(!place.at(&out).join("assign.json").exists() && !place.at(&out).join("level1").exists());
        refused(&mut place.assign(&out, &SLOW), 2, &["started already"]);
        let record = place.assigned(&out, &["--device", "cpu", "--resume"]);
        assert_eq!(record["parts"][0]["resumed"], 1);
        assert!(contents(&place.at(&out)) == whole, "{signal}");
        assert!(!place.at(&out).join("parts").exists());
    }
    assert!(terminated >= 2 && killed >= 2, "{terminated} terminated, {killed} killed: too few to tell");
    // a finished one is left alone
    let before = fs::metadata(place.at("whole/assign.json")).and_then(|m| m.modified()).expect("a time");
    place.assigned("whole", &["--resume"]);
    assert_eq!(fs::metadata(place.at("whole/assign.json")).and_then(|m| m.modified()).expect("a time"), before);
}

#[test]
fn a_part_without_its_arrays_starts_over() {
    let place = Place::new(400, Dtype::F4, 0.0);
    place.assigned("whole", &[]);
    let part = |more: &[&str]| place.assign("out", &[&["--shard", "1/1"], more].concat()).output().expect("starts");
    succeeded(&part(&[]));
    let folder = place.at("out/parts/assign-000000000000-000000000400");
    fs::remove_file(folder.join("level2-labels.npy")).expect("removes");
    let output = part(&["--resume"]);
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("starting over"));
    succeeded(&merge(&place, "out", &["--remove-parts"]).output().expect("starts"));
    assert!(contents(&place.at("out")) == contents(&place.at("whole")), "{:?}", files_below(&place.at("out")));
}
