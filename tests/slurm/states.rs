//! What `status` says of runs, sweeps and folders of sweeps, and its exit codes, with scripts in the place of Slurm's commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::cluster::{text, wait_until};
use crate::common::{record, scratch};
use crate::digits;
use crate::grids::without_slurm;
use crate::stand_ins::{StandIns, name};

/// A spec of runs that differ in their seed.
fn grid(slurm: &StandIns, sweep: &str, seeds: usize, more: &str) -> String {
    let seeds: Vec<usize> = (1..=seeds).collect();
    let spec = digits(&slurm.path("runs"), more)
        .replace("name: test", &format!("name: {sweep}"))
        .replace("  metrics: all\n", &format!("  metrics: fast\n  seed: {seeds:?}\n"));
    let path = slurm.path(&format!("{sweep}.yaml"));
    fs::write(&path, spec).expect("writes");
    name(&path).to_owned()
}

fn job(id: u64, state: &str) -> Value {
    json!({"job_id": id, "array_job_id": 0, "job_state": state, "state_reason": "Priority", "nodes": "n3"})
}

/// What `status` prints of a folder; it must end with this exit code.
fn status(slurm: &StandIns, folder: &Path, code: i32) -> String {
    let output = slurm.clustrata(&["status", name(folder)]);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    text(&output)
}

#[test]
fn a_grid_whose_first_job_was_refused_is_all_there() {
    let slurm = StandIns::new();
    slurm.program("bin/sbatch", "echo 'sbatch: error: invalid account' >&2; exit 1");
    let spec = grid(&slurm, "grid", 4, "  shards: 1\n");
    let refused = slurm.clustrata(&["submit", &spec]);
    assert!(!refused.status.success() && text(&refused).contains("invalid account"), "{}", text(&refused));
    let said = status(&slurm, &slurm.path("runs/grid"), 1);
    assert!(said.contains("4 runs, 0 submitted"), "{said}");
    assert!(said.matches("not submitted").count() == 4 && said.contains("seed=4"), "{said}");
    // the hint is a command that works
    let hint = format!("try     clustrata submit {spec} --retry");
    assert!(said.contains(&hint), "{said}");
    let slurm = slurm.with_sbatch();
    let output = slurm.clustrata(&["submit", &spec, "--retry"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(slurm.calls("sbatch").len(), 4);
    let said = status(&slurm, &slurm.path("runs/grid"), 1);
    assert!(said.contains("4 missing of 4 runs"), "{said}");
}

#[test]
fn a_folder_of_grids_has_a_line_for_each_and_one_exit_code() {
    let slurm = StandIns::new();
    for sweep in ["first", "second"] {
        let output = slurm.clustrata(&["submit", &grid(&slurm, sweep, 2, "  shards: 1\n")]);
        assert!(output.status.success(), "{}", text(&output));
    }
    let root = slurm.path("runs");
    slurm.queue(&json!({"jobs": [job(101, "RUNNING"), job(103, "PENDING")], "errors": []}));
    let said = status(&slurm, &root, 75);
    assert!(said.contains("first   1 running, 1 missing of 2 runs"), "{said}");
    assert!(said.contains("second  1 queued, 1 missing of 2 runs") && said.contains("2 sweeps"), "{said}");
    slurm.queue(&json!({"jobs": [], "errors": []}));
    assert!(status(&slurm, &root, 1).contains("first   2 missing of 2 runs"));
    for run in ["first/seed=1", "first/seed=2", "second/seed=1", "second/seed=2"] {
        fs::write(root.join(run).join("record.json"), "{}").expect("writes");
    }
    assert!(status(&slurm, &root, 0).contains("second  2 done of 2 runs"));
}

#[test]
fn why_a_job_failed_and_what_to_do_is_said() {
    let slurm = StandIns::new();
    let out = slurm.submitted(1);
    let mark = out.join("slurm/state/metrics");
    let log = out.join("slurm/logs/metrics-101.log");
    let begun = "begun 101 n3 2026-01-01T00:00:00Z\n";
    let ended = |code: u8| format!("{begun}ended {code} 2026-01-01T00:30:00Z\n");
    let spec = name(&slurm.path("spec.yaml")).to_owned();
    let (again, retry) =
        (format!("clustrata submit {spec} --retry"), format!("try     clustrata retry {}", name(&out)));
    let environment =
        format!("{begun}why a line of the environment failed with exit code 1: module load x\nended 1 t\n");
    let cases: [(&str, Option<&str>, &[&str]); 10] = [
        (begun, Some("OUT_OF_MEMORY"), &["out of memory: job 101 on n3", "more `memory`", &again]),
        (begun, Some("CANCELLED"), &["cancelled: job 101", &retry]),
        (begun, Some("NODE_FAIL"), &["node failure (Slurm lost n3)", &retry]),
        (begun, None, &["killed (Slurm no longer knows why", &retry]),
        (begun, Some("TIMEOUT"), &["timeout (no checkpoint was written)", "more `time`", &again]),
        (&ended(126), Some("FAILED"), &["exit code 126 (the node can't execute the program", "executable", &again]),
        (&ended(127), Some("FAILED"), &["exit code 127 (the node does not find", "exclude: n3", &again]),
        (&ended(3), Some("FAILED"), &["exit code 3 (a cluster is not there): job 101", "the input", &again]),
        (&environment, Some("FAILED"), &["module load x", "`environment`", &again]),
        ("", Some("FAILED"), &["failed before its script began", "n3 could not write", "mounts", &again]),
    ];
    fs::write(&log, "error: a cluster is not there\n  where: x\n").expect("writes");
    for (marks, state, parts) in cases {
        fs::write(&mark, marks).expect("writes");
        let jobs: Vec<Value> = state.map(|state| job(101, state)).into_iter().collect();
        slurm.queue(&json!({"jobs": jobs, "errors": []}));
        let said = status(&slurm, &out, 1);
        parts.iter().for_each(|part| assert!(said.contains(part), "no {part} in {said}"));
        let may_retry = parts.contains(&retry.as_str());
        assert_eq!(said.contains(&retry), may_retry, "a retry would fail again: {said}");
    }
}

#[test]
fn a_clustering_shows_its_step_and_iteration() {
    let slurm = StandIns::new();
    let embeddings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy");
    let (config, hier) = (slurm.path("kmeans.yaml"), slurm.path("hier"));
    let keys = json!({"embeddings_path": embeddings, "n_clusters": [40, 8], "n_iters": 6, "device": "cpu"});
    fs::write(&config, keys.to_string()).expect("writes");
    let spec = json!({
        "job_details": {"name": "chain", "root": slurm.path("runs")},
        "kmeans": {"config": config, "out": hier},
        "parameters": {"device": "cpu"},
    });
    let path = slurm.path("chain.yaml");
    fs::write(&path, spec.to_string()).expect("writes");
    assert!(slurm.clustrata(&["submit", name(&path)]).status.success());
    // the log of a clustering that was made in the same way
    let made = slurm.path("made");
    let output = slurm.clustrata(&["kmeans", name(&config), "--out", name(&made)]);
    assert!(output.status.success(), "{}", text(&output));
    let log = fs::read_to_string(made.join("log.txt")).expect("a log");
    let up_to = log.find("iteration 2 of 6\n").expect("iterations") + "iteration 2 of 6\n".len();
    fs::write(hier.join("log.txt"), &log[..up_to]).expect("writes");
    slurm.queue(&json!({"jobs": [job(101, "RUNNING")], "errors": []}));
    for folder in [&hier, &slurm.path("runs/chain")] {
        let said = status(&slurm, folder, 75);
        let want = "level 1, step 0: 40 clusters, 1797 points; k-means: iteration 2 of 6; job 101 on n3";
        assert!(said.contains(want), "{said}");
    }
}

#[test]
fn watching_ends_with_the_jobs_and_says_what_changed() {
    let slurm = StandIns::new();
    let spec = grid(&slurm, "grid", 2, "  shards: 1\n");
    assert!(slurm.clustrata(&["submit", &spec]).status.success());
    let root = slurm.path("runs/grid");
    slurm.queue(&json!({"jobs": [job(101, "PENDING"), job(102, "PENDING")], "errors": []}));
    let shown = slurm.path("shown");
    let file = fs::File::create(&shown).expect("a file");
    let mut watch = slurm.program_with(&["status", name(&root), "--watch", "1"]);
    let mut child = watch.stdout(file).stderr(Stdio::inherit()).spawn().expect("starts");
    let said = || fs::read_to_string(&shown).unwrap_or_default();
    wait_until(|| said().contains("2 queued of 2 runs"));
    slurm.queue(&json!({"jobs": [job(101, "RUNNING"), job(102, "PENDING")], "errors": []}));
    wait_until(|| said().contains("1 running, 1 queued of 2 runs"));
    assert_eq!(said().matches("seed=2").count(), 1, "it has not changed: {}", said());
    for run in ["seed=1", "seed=2"] {
        fs::write(root.join(run).join("record.json"), "{}").expect("writes");
    }
    slurm.queue(&json!({"jobs": [], "errors": []}));
    assert_eq!(child.wait().expect("ends").code(), Some(0));
    assert!(said().contains("2 done of 2 runs"), "{}", said());
}

#[test]
fn a_failed_gate_shows_and_the_report_has_hours() {
    let place = scratch();
    let (spec, root) = (place.path().join("grid.yaml"), place.path().join("runs"));
    let gates =
        "  metrics: fast\n  LIST_gate:\n    - {name: strict, fail-if: ['level1.clusters > 0']}\n    - {name: none}\n";
    fs::write(&spec, digits(&root, "  shards: 1\n").replace("  metrics: all\n", gates)).expect("writes");
    let output = without_slurm(&["submit", name(&spec), "--local"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let sweep: PathBuf = root.join("test");
    let output = without_slurm(&["status", name(&sweep)]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    assert!(text(&output).contains("2 done (1 failed a gate) of 2 runs"), "{}", text(&output));
    let output = without_slurm(&["status", name(&sweep.join("gate=none"))]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // half an hour, by what the script wrote
    let mark = sweep.join("gate=none/slurm/state/metrics");
    fs::write(&mark, "begun 0 - 2026-01-01T00:00:00Z\nended 0 2026-01-01T00:30:00Z\n").expect("writes");
    let output = without_slurm(&["status", name(&sweep), "--report"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    let said = text(&output);
    let line = said.lines().find(|line| line.starts_with("gate=none")).unwrap_or_default();
    assert!(line.contains("done") && line.contains("0.500"), "{said}");
    // the memory that its record says
    let bytes = record(&sweep.join("gate=none"))["provenance"]["peak_memory_bytes"].as_u64();
    let megabytes = bytes.map(|bytes| format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000));
    assert!(megabytes.is_some_and(|memory| line.contains(&memory)), "{line}");
    assert!(said.lines().next_back().is_some_and(|last| last.ends_with("hours of jobs")), "{said}");
}

#[test]
fn a_dry_run_ends_in_a_short_summary() {
    let slurm = StandIns::new();
    let spec = grid(&slurm, "grid", 12, "  shards: 3\n  gpus: 1\n  time: 90\n");
    let output = slurm.clustrata(&["submit", &spec, "--dry-run"]);
    assert!(output.status.success(), "{}", text(&output));
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    let (scripts, summary) = shown.split_once("### summary").expect("a summary");
    assert_eq!(scripts.matches("# shards.sh").count(), 12);
    assert!(summary.lines().count() <= 10, "{summary}");
    for part in [
        "12: 12 to submit now",
        "24 jobs of 48 tasks (12 shards, 12 merge)",
        "--time=90 --gpus=1",
        &format!("clustrata submit {spec}"),
    ] {
        assert!(summary.contains(part), "no {part} in {summary}");
    }
    assert!(!slurm.path("runs").exists(), "nothing is written");
}
