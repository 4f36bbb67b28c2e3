//! The config files in the repository: they run, and they list every key.

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
fn the_metrics_example_lists_every_key_and_no_other() {
    let example = include_str!("../configs/cluster-example.yaml");
    Options::parse(example).expect("the example is valid");
    Options::parse(&everything(example)).expect("the example with every key set is valid");
    assert_lists_every_key(example, "metrics");
    assert!(Options::parse("clustring: x").is_err(), "an unknown key is refused");
}

#[test]
fn the_kmeans_example_lists_every_key_and_no_other() {
    let example = include_str!("../configs/kmeans-example.yaml");
    let settings = KmeansOptions::parse(example).expect("the example is valid").resolve().expect("and consistent");
    assert_eq!(settings.levels.len(), 3);
    assert_eq!(settings.warnings, Vec::<String>::new());
    let everything = KmeansOptions::parse(&everything(example)).expect("the example with every key set is valid");
    everything.resolve().expect("and consistent");
    assert_lists_every_key(example, "kmeans");
    assert!(KmeansOptions::parse("n_cluster: 3").is_err(), "an unknown key is refused");
}

/// The example with all commented-out keys set.
fn everything(example: &str) -> String {
    example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|l| l.contains(": ")).unwrap_or(line).to_owned() + "\n")
        .filter(|line| !line.starts_with("Every"))
        .collect()
}

fn assert_lists_every_key(example: &str, command: &str) {
    let cli = Cli::command();
    let command = cli.find_subcommand(command).expect("exists");
    let keys = command.get_arguments().map(|argument| argument.get_id().as_str()).filter(|key| {
        !["config", "help", "quiet", "verbose", "json", "json_log", "version", "shard", "rows", "resume"].contains(key)
    });
    for key in keys {
        assert!(example.contains(&format!("{key}: ")), "the example lacks `{key}`");
    }
}
