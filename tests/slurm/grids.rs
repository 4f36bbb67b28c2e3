//! Grids of runs: on Slurm, and one after another without it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cluster::{Cluster, text};
use crate::common::{files_below, record, scratch};
use crate::{digits, spec};

/// A grid of three runs of the digits, which differ in their seed.
fn three(root: &Path, slurm: &str) -> String {
    digits(root, slurm).replace("  metrics: all\n", "  metrics: fast\n  seed: [1, 2, 3]\n")
}

/// The program where Slurm's commands are not to be found.
pub(crate) fn without_slurm(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
    command.env("PATH", "/nonexistent").args(arguments).output().expect("the program starts")
}

#[test]
fn only_what_failed_of_a_grid_is_submitted_again() {
    let Some(cluster) = Cluster::up() else { return };
    let root = cluster.shared().join("runs");
    let starts = cluster.shared().join("starts");
    // the run with seed 2 fails as long as there is no file `mended`
    let program = format!(
        "echo \"$3\" >>'{starts}'\ncase $3 in *seed=2*) [ -e '{mended}' ] || exit 5 ;; esac\nexec '{program}' \"$@\"",
        starts = starts.display(),
        mended = cluster.shared().join("mended").display(),
        program = env!("CARGO_BIN_EXE_clustrata"),
    );
    let slurm = format!("  binary: '{}'\n", cluster.program("program", &program).display());
    let spec = cluster.spec("grid.yaml", &three(&root, &slurm));
    cluster.clustrata(&["submit", &spec]);
    cluster.wait_for_all_jobs();
    let sweep = root.join("test");
    let status = cluster.status(&[sweep.to_str().expect("UTF-8")], 1);
    assert!(status.contains("2 done, 1 failed of 3 runs") && status.contains("exit code 5"), "{status}");

    fs::write(cluster.shared().join("mended"), "").expect("writes");
    let before = fs::read(sweep.join("seed=1/record.json")).expect("a record");
    // more memory may be asked for by then
    let spec = cluster.spec("grid.yaml", &three(&root, &format!("{slurm}  memory: 100\n")));
    let report = cluster.clustrata(&["submit", &spec, "--retry"]);
    assert!(fs::read_to_string(sweep.join("seed=2/slurm/metrics.sh")).expect("a script").contains("--mem=100"));
    assert!(
        report.contains("2 done, 1 queued of 3 runs") || report.contains("2 done, 1 running of 3 runs"),
        "{report}"
    );
    cluster.wait_for_all_jobs();
    assert!(cluster.clustrata(&["submit", &spec, "--retry"]).contains("3 done of 3 runs"));
    let started = fs::read_to_string(&starts).expect("a file");
    let of = |seed: u8| started.matches(&format!("seed={seed}/")).count();
    assert_eq!([of(1), of(2), of(3)], [1, 2, 1]);
    assert_eq!(fs::read(sweep.join("seed=1/record.json")).expect("a record"), before);

    // another spec is not a retry of this one; the same spec can start over
    let other = cluster.spec("other.yaml", &three(&root, &slurm).replace("metrics: fast", "metrics: inertia"));
    let refused = cluster.try_clustrata(&["submit", &other, "--retry"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("the spec has changed"), "{}", text(&refused));
    assert!(text(&refused).contains("metrics: ") && text(&refused).contains(" instead of "), "{}", text(&refused));
    assert_eq!(cluster.try_clustrata(&["submit", &spec]).status.code(), Some(2));
    fs::write(sweep.join("seed=1/notes.txt"), "mine").expect("writes");
    cluster.clustrata(&["submit", &other, "--overwrite"]);
    cluster.wait_for_all_jobs();
    assert!(sweep.join("seed=1/notes.txt").exists(), "what is not ours stays");
    let figures = |seed: u8| record(&sweep.join(format!("seed={seed}")))["levels"][0]["figures"].clone();
    assert!(figures(1)["inertia"].is_number() && figures(1)["size_gini"].is_null(), "{}", figures(1));
}

#[test]
fn a_grid_runs_on_this_machine_without_slurm() {
    let place = scratch();
    let spec = place.path().join("grid.yaml");
    let root = place.path().join("runs");
    fs::write(&spec, three(&root, "  shards: 4\n")).expect("writes");
    let spec = spec.to_str().expect("UTF-8");
    let submit = |more: &[&str]| without_slurm(&[&["submit", spec, "--local"], more].concat());
    let output = submit(&[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("3 done of 3 runs"), "{}", text(&output));
    assert_eq!(submit(&[]).status.code(), Some(2), "done before");
    fs::remove_file(root.join("test/seed=2/record.json")).expect("removes");
    fs::remove_file(root.join("test/seed=2/levels.csv")).expect("removes");
    // what is left of the run stands in its way
    let output = submit(&["--retry"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("1 of 3 runs failed") && text(&output).contains("seed=2"), "{}", text(&output));
    let status = without_slurm(&["status", root.join("test").to_str().expect("UTF-8")]);
    assert!(text(&status).contains("2 done, 1 failed of 3 runs"), "{}", text(&status));
    assert!(submit(&["--overwrite"]).status.success());
    assert!(root.join("test/seed=2/record.json").exists());
}

#[test]
fn a_dry_run_shows_everything_and_writes_nothing() {
    let place = scratch();
    let spec = place.path().join("grid.yaml");
    let root = place.path().join("runs");
    fs::write(&spec, three(&root, "  shards: 4\n  account: mine\n")).expect("writes");
    let output = without_slurm(&["submit", spec.to_str().expect("UTF-8"), "--dry-run"]);
    assert!(output.status.success(), "{}", text(&output));
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    for part in
        ["#SBATCH --array=1-4", "#SBATCH --account=mine", "--kill-on-invalid-dep=yes", "afterok:$JOB1", "seed: 3"]
    {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert_eq!(files_below(place.path()), ["grid.yaml"]);
    let output = without_slurm(&["submit", spec.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("can't run scontrol") && text(&output).contains("--local"), "{}", text(&output));
    assert_eq!(files_below(place.path()), ["grid.yaml"]);
}

#[test]
fn what_is_wrong_with_any_run_is_said_before_anything_is_written() {
    let place = scratch();
    let root = place.path().join("runs");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    let text_of = spec(&root, &data, Path::new("EMBEDDINGS"), "  shards: 4\n").replace(
        "\"EMBEDDINGS\"",
        &format!("['{}/embeddings.npy', /no/such.npy, '{}/level1/centroids.npy']", data.display(), data.display()),
    );
    let path = place.path().join("grid.yaml");
    fs::write(&path, text_of).expect("writes");
    for mode in ["--dry-run", "--local"] {
        let output = without_slurm(&["submit", path.to_str().expect("UTF-8"), mode]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(
            text(&output).contains("/no/such.npy") && text(&output).matches("error:").count() >= 2,
            "{}",
            text(&output)
        );
    }
    assert_eq!(files_below(place.path()), ["grid.yaml"]);
    let status = without_slurm(&["status", place.path().to_str().expect("UTF-8")]);
    assert_eq!(status.status.code(), Some(2));
    assert!(text(&status).contains("no submitted run"), "{}", text(&status));
}
