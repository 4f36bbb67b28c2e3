//! Runs on a real Slurm: a controller and three nodes on this machine. Skipped, and said so, where it is not installed.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[path = "../common/mod.rs"]
mod common;

mod chain;
mod cluster;
mod endings;
mod gpus;
mod grids;
mod labels;
mod mail;
mod shards;
mod signals;
mod stand_ins;
mod states;
mod sweeps;

use std::path::Path;

/// A spec of one run, with lines for its `slurm` block.
fn spec(root: &Path, clustering: &Path, embeddings: &Path, slurm: &str) -> String {
    // JSON is YAML, and quotes whatever a path holds
    let quoted = |path: &Path| serde_json::Value::from(path.to_str().expect("UTF-8")).to_string();
    format!(
        "job_details: {{name: test, root: {}}}\n\
         parameters:\n  clustering: {}\n  embeddings: {}\n  device: cpu\n  metrics: all\n\
         slurm:\n{slurm}",
        quoted(root),
        quoted(clustering),
        quoted(embeddings)
    )
}

/// The same for the digits.
fn digits(root: &Path, slurm: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    spec(root, &data, &data.join("embeddings.npy"), slurm)
}
