//! Runs on a real Slurm: a controller and three nodes on this machine. Skipped, and said so, where it is not installed.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[path = "../common/mod.rs"]
mod common;

mod cluster;
mod signals;

use std::path::Path;

/// The lines of a spec for the digits, beside which a test puts its own.
fn digits(root: &Path, slurm: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    format!(
        "job_details: {{name: digits, root: '{}'}}\n\
         parameters:\n  clustering: '{data}'\n  embeddings: '{data}/embeddings.npy'\n  device: cpu\n  metrics: all\n\
         slurm:\n{slurm}",
        root.display(),
        data = data.display()
    )
}
