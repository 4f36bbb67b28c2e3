//! The config files that come with the source: they run, and they name every key.

mod common;

use clap::CommandFactory;
use clustrata::cli::args::Cli;
use clustrata::plan::settings::{KmeansOptions, Options};
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
    Options::parse(&everything(example)).expect("what is commented out is valid too");
    names_every_key(example, "metrics");
    assert!(Options::parse("clustring: x").is_err(), "a key that is none is noticed");
}

#[test]
fn the_example_of_kmeans_names_every_key_and_only_keys() {
    let example = include_str!("../configs/kmeans-example.yaml");
    let settings = KmeansOptions::parse(example).expect("what is set is valid").resolve().expect("and fits together");
    assert_eq!(settings.levels.len(), 3);
    assert_eq!(settings.warnings, Vec::<String>::new());
    let everything = KmeansOptions::parse(&everything(example)).expect("what is commented out is valid too");
    everything.resolve().expect("and fits together");
    names_every_key(example, "kmeans");
    assert!(KmeansOptions::parse("n_cluster: 3").is_err(), "a key that is none is noticed");
}

/// An example with what is commented out set.
fn everything(example: &str) -> String {
    example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|l| l.contains(": ")).unwrap_or(line).to_owned() + "\n")
        .filter(|line| !line.starts_with("Every"))
        .collect()
}

fn names_every_key(example: &str, command: &str) {
    let cli = Cli::command();
    let command = cli.find_subcommand(command).expect("exists");
    let keys = command.get_arguments().map(|argument| argument.get_id().as_str()).filter(|key| {
        !["config", "help", "quiet", "verbose", "json", "json_log", "version", "shard", "rows", "resume"].contains(key)
    });
    for key in keys {
        assert!(example.contains(&format!("{key}: ")), "`{key}` is missing in the example");
    }
}
