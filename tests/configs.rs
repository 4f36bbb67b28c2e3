//! The config files that come with the source: they run, and they name every key.

mod common;

use clap::CommandFactory;
use clustrata::cli::Cli;
use clustrata::config::Options;
use common::{program, record, scratch};

#[test]
fn the_demo_config_runs_from_the_checkout() {
    let out = scratch();
    let metrics = out.path().join("metrics");
    let mut command = program();
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["metrics", "--config", "configs/demo.yaml", "--out"])
        .arg(&metrics);
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(record(&metrics)["levels"].as_array().map(Vec::len), Some(3));
    assert!(metrics.join("level2/distances.npy").is_file());
}

#[test]
fn the_example_names_every_key_and_only_keys() {
    let example = include_str!("../configs/cluster-example.yaml");
    Options::parse(example).expect("what is set is valid");
    let everything: String = example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|l| l.contains(": ")).unwrap_or(line).to_owned() + "\n")
        .filter(|line| !line.starts_with("Every"))
        .collect();
    Options::parse(&everything).expect("what is commented out is valid too");
    let command = Cli::command();
    let metrics = command.find_subcommand("metrics").expect("exists");
    let keys = metrics.get_arguments().map(|argument| argument.get_id().as_str()).filter(|key| {
        !["config", "help", "quiet", "verbose", "json", "json_log", "version", "shard", "rows", "resume"].contains(key)
    });
    for key in keys {
        assert!(example.contains(&format!("{key}: ")), "`{key}` is missing in cluster-example.yaml");
    }
    assert!(Options::parse("clustring: x").is_err(), "a key that is none is noticed");
}
