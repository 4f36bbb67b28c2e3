//! The other subcommands.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{devices, files_below, record, scratch};
use crate::fixtures::{arg, refused, succeeded, text};

fn clustrata(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
    command.env("CLUSTRATA_CACHE", "");
    command.args(arguments);
    command
}

#[test]
fn devices_are_listed_for_people_and_for_programs() {
    let people = text(&succeeded(&mut clustrata(&["devices"])).stdout);
    assert!(people.contains("--device auto uses") && people.contains("cpu") && people.contains("thread"), "{people}");
    let programs: Value =
        serde_json::from_slice(&succeeded(&mut clustrata(&["devices", "--json"])).stdout).expect("JSON");
    let name = programs["auto"]["device"]["name"].as_str().expect("a name");
    assert!(people.contains(name) && programs["auto"]["reason"].is_string(), "{programs}");
    for (index, adapter) in programs["adapters"].as_array().expect("a list").iter().enumerate() {
        assert_eq!(adapter["index"], index);
        assert!(people.contains(adapter["name"].as_str().expect("a name")));
    }
}

#[test]
fn check_passes_on_every_device() {
    for device in devices() {
        let report = text(&succeeded(&mut clustrata(&["check", "--device", device])).stdout);
        assert!(report.contains("checks passed") && !report.contains("WRONG"), "{report}");
    }
}

#[test]
fn the_demo_runs_into_a_fresh_folder_and_again_into_the_same() {
    let folder = scratch();
    let out = folder.path().join("deep/demo");
    let run = || {
        let output = succeeded(&mut clustrata(&["demo", "--device", "cpu", "--out", arg(&out)]));
        (text(&output.stdout), text(&output.stderr), files_below(&out))
    };
    let (summary, messages, files) = run();
    let first = record(&out.join("metrics"));
    // nine clusters of level 3 are ranked, and none is both among the best and the worst
    assert!(summary.contains("29 montages"), "{summary}");
    assert_eq!(first["warnings"], serde_json::json!([]));
    let (_, _, again) = run();
    assert_eq!(again, files);
    let second = record(&out.join("metrics"));
    assert_eq!(second["levels"], first["levels"]);
    by_hand(&messages, folder.path(), &first);
}

/// The command that the demo prints must do the same.
fn by_hand(messages: &str, folder: &Path, want: &Value) {
    let line = messages.lines().find(|line| line.contains("the same with: clustrata")).expect("says how");
    let (_, told) = line.split_once("clustrata ").expect("a command");
    let out = folder.join("by-hand");
    let mut command = clustrata(&["--quiet"]);
    succeeded(command.args(told.split_whitespace()).args(["--device", "cpu", "--out"]).arg(&out));
    assert_eq!(record(&out)["levels"], want["levels"]);
}

#[test]
fn the_demo_takes_the_default_folder() {
    let folder = scratch();
    succeeded(clustrata(&["--quiet", "demo", "--device", "cpu"]).current_dir(folder.path()));
    assert!(folder.path().join("clustrata-demo/metrics/record.json").is_file());
}

#[test]
fn a_demo_that_cannot_run_says_why() {
    let folder = scratch();
    let out = folder.path().join("demo");
    fs::write(&out, "a file").expect("writes");
    let below = out.join("deeper");
    for out in [&out, &below] {
        refused(&mut clustrata(&["--quiet", "demo", "--out", arg(out)]), folder.path(), 1, &["demo", "found:", "try:"]);
    }
    let fresh = folder.path().join("fresh");
    let mut command = clustrata(&["--quiet", "demo", "--device", "no such device", "--out", arg(&fresh)]);
    refused(&mut command, folder.path(), 4, &["no such device", "--device cpu"]);
}

#[test]
fn help_and_version_are_printed() {
    let version = text(&succeeded(&mut clustrata(&["--version"])).stdout);
    assert_eq!(version.trim(), concat!("clustrata ", env!("CARGO_PKG_VERSION")));
    for command in ["metrics", "demo", "devices", "check"] {
        let help = text(&succeeded(&mut clustrata(&[command, "--help"])).stdout);
        assert!(help.contains("Usage"), "{help}");
    }
}
