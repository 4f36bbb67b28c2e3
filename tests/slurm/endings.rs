//! How jobs end on a real Slurm, and what `status` says of it.

use std::fs;

use crate::cluster::{Cluster, wait_until};
use crate::digits;
use crate::stand_ins::name;

#[test]
fn a_node_that_does_not_see_the_folder_is_told_from_a_program_that_fails() {
    let Some(cluster) = Cluster::up() else { return };
    let spec = |sweep: &str, slurm: &str| {
        let text = digits(&cluster.shared().join("runs"), slurm).replace("name: test", &format!("name: {sweep}"));
        cluster.spec(&format!("{sweep}.yaml"), &text)
    };
    let missing = cluster.program("gone", "exit 0");
    let not_found = spec("found", &format!("  binary: '{}'\n  sbatch: [--hold]\n", missing.display()));
    let unseen = spec("seen", "  sbatch: [--hold]\n");
    let module = spec("module", "  environment: [no-such-module load vulkan]\n");
    for spec in [&not_found, &unseen, &module] {
        cluster.clustrata(&["submit", spec]);
    }
    let run = |sweep: &str| cluster.shared().join("runs").join(sweep).join("run");
    fs::remove_file(&missing).expect("removes");
    fs::remove_dir_all(run("seen").join("slurm/logs")).expect("removes");
    let held = cluster.ask("squeue", &["-h", "-t", "PD", "-o", "%i"]);
    for job in held.lines() {
        cluster.ask("scontrol", &["release", job.trim()]);
    }
    cluster.wait_for_all_jobs();
    let status = |sweep: &str| cluster.status(&[name(&run(sweep))], 1);
    let said = status("found");
    assert!(said.contains("exit code 127 (the node does not find the program"), "{said}");
    let said = status("seen");
    assert!(said.contains("failed before its script began") && said.contains("could not write"), "{said}");
    assert!(!said.contains("clustrata retry"), "{said}");
    let said = status("module");
    assert!(said.contains("a line of the environment failed with exit code 127: no-such-module load vulkan"), "{said}");
    assert!(said.contains("correct `environment`"), "{said}");
}

#[test]
fn a_cancelled_job_is_said_to_be_cancelled() {
    let Some(cluster) = Cluster::up() else { return };
    let program = cluster.program("waits", "while :; do sleep 0.1; done");
    let spec = cluster
        .spec("spec.yaml", &digits(&cluster.shared().join("runs"), &format!("  binary: '{}'\n", program.display())));
    cluster.clustrata(&["submit", &spec]);
    let out = cluster.shared().join("runs/test/run");
    wait_until(|| out.join("slurm/state/metrics").exists());
    let said = cluster.status(&[name(&out)], 75);
    assert!(said.contains("(running)"), "{said}");
    let job = cluster.ask("squeue", &["-h", "-o", "%i"]).trim().to_owned();
    cluster.ask("scancel", &[&job]);
    cluster.wait_for_all_jobs();
    let said = cluster.status(&[name(&out)], 1);
    assert!(said.contains("cancelled") && said.contains("try     clustrata retry"), "{said}");
}

#[test]
fn a_gate_that_fails_in_the_merge_shows_beside_the_results() {
    let Some(cluster) = Cluster::up() else { return };
    let gate = |threshold: &str| {
        let text = digits(&cluster.shared().join("runs"), "  shards: 2\n");
        text.replace("  metrics: all\n", &format!("  metrics: fast\n  fail-if: ['level1.clusters > {threshold}']\n"))
            .replace("name: test", &format!("name: over-{threshold}"))
    };
    for threshold in ["0", "1000"] {
        cluster.clustrata(&["submit", &cluster.spec(&format!("{threshold}.yaml"), &gate(threshold))]);
    }
    cluster.wait_for_all_jobs();
    let run = |threshold: &str| cluster.shared().join(format!("runs/over-{threshold}/run"));
    let said = cluster.status(&[name(&run("0"))], 5);
    assert!(said.contains("(done)") && said.contains("level1.clusters") && said.contains("merge-"), "{said}");
    assert!(run("0").join("record.json").exists() && !run("0").join("parts").exists());
    assert!(!cluster.status(&[name(&run("1000"))], 0).contains("gate"));
    let said = cluster.status(&[name(&cluster.shared().join("runs"))], 5);
    assert!(said.contains("over-0     1 done (1 failed a gate) of 1 run"), "{said}");
}
