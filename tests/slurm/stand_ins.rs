//! What a real Slurm does not do when it is asked to: a controller that is gone, submissions at the same time, a job
//! inside a job. Shell scripts stand in for Slurm's commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::cluster::{text, wait_until};
use crate::common::scratch;
use crate::digits;

/// Writes down how it was called and in what environment; waits while there is a file `hold`.
const SBATCH: &str = r#"
echo "$*" >>"$HERE/sbatch.calls"
env >"$HERE/sbatch.env"
if [ -e "$HERE/hold" ]; then : >"$HERE/held"; while [ -e "$HERE/hold" ]; do sleep 0.02; done; fi
echo $((100 + $(wc -l <"$HERE/sbatch.calls")))
"#;

const SQUEUE: &str = r#"
case " $* " in *" --json "*) cat "$HERE/queue.json" ;; *) echo "${SQUEUE_SAYS-RUNNING}" ;; esac
"#;

const SCONTROL: &str = r#"
if [ "$1" = show ]; then echo "MaxArraySize = 1001"; else echo "$*" >>"$HERE/scontrol.calls"; fi
"#;

/// A folder with commands that stand in for Slurm's.
pub(crate) struct StandIns {
    folder: tempfile::TempDir,
}

impl StandIns {
    pub(crate) fn new() -> StandIns {
        let stand_ins = StandIns { folder: scratch() };
        fs::create_dir(stand_ins.path("bin")).expect("a folder");
        let commands = [("sbatch", SBATCH), ("squeue", SQUEUE), ("scontrol", SCONTROL), ("scancel", "")];
        for (name, lines) in commands {
            stand_ins.program(&format!("bin/{name}"), lines);
        }
        stand_ins.queue(&json!({"jobs": [], "errors": []}));
        stand_ins
    }

    /// The same, with an sbatch that accepts jobs.
    pub(crate) fn with_sbatch(self) -> StandIns {
        self.program("bin/sbatch", SBATCH);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn program(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/bash\n{lines}\n")).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        path
    }

    /// What squeue answers from now on.
    pub(crate) fn queue(&self, answer: &Value) {
        fs::write(self.path("queue.json"), answer.to_string()).expect("writes");
    }

    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).env("HERE", self.folder.path());
        command
    }

    pub(crate) fn clustrata(&self, arguments: &[&str]) -> Output {
        self.program_with(arguments).output().expect("the program starts")
    }

    pub(crate) fn program_with(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_clustrata"));
        command.args(arguments);
        command
    }

    pub(crate) fn calls(&self, command: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(&format!("{command}.calls"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Writes a spec and gives its path.
    pub(crate) fn spec(&self, slurm: &str) -> String {
        let path = self.path("spec.yaml");
        fs::write(&path, digits(&self.path("runs"), slurm)).expect("writes");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Submits a run of so many shards; its folder.
    pub(crate) fn submitted(&self, shards: u64) -> PathBuf {
        let output = self.clustrata(&["submit", &self.spec(&format!("  shards: {shards}\n"))]);
        assert!(output.status.success(), "{}", text(&output));
        self.path("runs/test/run")
    }
}

pub(crate) fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

pub(crate) fn assert_refused(output: &Output, parts: &[&str]) {
    assert!(!output.status.success(), "{}", text(output));
    for part in parts {
        assert!(text(output).contains(part), "no {part} in {}", text(output));
    }
}

#[test]
fn a_job_from_inside_a_job_is_queued_again_itself() {
    let slurm = StandIns::new();
    let stops = slurm.program("stops", "exit 75");
    let spec = slurm.spec(&format!("  binary: '{}'\n", stops.display()));
    let outer = [("SLURM_ARRAY_JOB_ID", "6"), ("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_RESTART_COUNT", "9")];
    let output = slurm.program_with(&["submit", &spec]).envs(outer).env("SLURM_KEPT", "1").output().expect("starts");
    assert!(output.status.success(), "{}", text(&output));
    let handed_on = fs::read_to_string(slurm.path("sbatch.env")).expect("a file");
    assert!(handed_on.contains("SLURM_KEPT=1"));
    assert!(outer.iter().all(|(name, _)| !handed_on.contains(name)), "{handed_on}");

    // by hand, they are handed on
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = [slurm.path("runs/test/run/slurm/metrics.sh"), root.join("slurm/metrics.slurm")];
    let by_hand = |script: &Path| {
        let mut bash = slurm.command("bash");
        bash.arg(script).arg("CLUSTERING").env("CLUSTRATA", &stops).env("SLURM_JOB_ID", "7").envs(outer);
        bash
    };
    for script in &scripts {
        let _ = fs::remove_file(slurm.path("scontrol.calls"));
        let output = by_hand(script).output().expect("bash");
        assert_eq!(output.status.code(), Some(75), "{}", text(&output));
        assert_eq!(slurm.calls("scontrol"), ["requeue 7"], "{}", script.display());
    }
    let silent = by_hand(&scripts[0]).env("SQUEUE_SAYS", "COMPLETING").output().expect("bash");
    assert!(text(&silent).contains("job 7 is not queued again: squeue calls it COMPLETING"), "{}", text(&silent));
    let often = by_hand(&scripts[0]).env("SLURM_RESTART_COUNT", "50").output().expect("bash");
    assert!(text(&often).contains("it was 50 times, of at most 50"), "{}", text(&often));
    assert_eq!(slurm.calls("scontrol").len(), 1);
}

#[test]
fn nothing_is_submitted_where_the_queue_gives_no_answer() {
    let slurm = StandIns::new();
    let out = slurm.submitted(3);
    let before = slurm.calls("sbatch").len();
    let errors = json!([{"error": "Unable to contact slurm controller", "error_number": 1800}]);
    for answer in [json!({"jobs": [], "errors": errors}), json!({})] {
        slurm.queue(&answer);
        assert_refused(&slurm.clustrata(&["retry", name(&out)]), &["can't tell whether jobs", "--force"]);
        let spec = name(&slurm.path("spec.yaml")).to_owned();
        let refused = slurm.clustrata(&["submit", &spec, "--retry"]);
        assert_refused(&refused, &["can't tell whether jobs"]);
        assert!(!text(&refused).contains("--force"), "{}", text(&refused));
    }
    assert_eq!(slurm.calls("sbatch").len(), before);
    // a controller that has forgotten the jobs is there
    slurm.queue(&json!({"jobs": [], "errors": [{"error": "Invalid job id specified"}]}));
    let output = slurm.clustrata(&["retry", name(&out)]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(slurm.calls("sbatch").len(), 2 * before);
}

#[test]
fn of_two_submissions_at_once_one_is_refused() {
    let slurm = StandIns::new();
    let out = slurm.submitted(3);
    let jobs = slurm.calls("sbatch").len();
    let spec = name(&slurm.path("spec.yaml")).to_owned();
    for first in [&["retry", name(&out)][..], &["submit", &spec, "--retry"], &["submit", &spec, "--overwrite"]] {
        let before = slurm.calls("sbatch").len();
        let _ = fs::remove_file(slurm.path("held"));
        fs::write(slurm.path("hold"), "").expect("writes");
        let child = slurm.program_with(first).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        wait_until(|| slurm.path("held").exists());
        for second in [&["retry", name(&out)][..], &["submit", &spec, "--retry"], &["submit", &spec, "--overwrite"]] {
            assert_refused(&slurm.clustrata(second), &["another `submit` or `retry` is working"]);
        }
        fs::remove_file(slurm.path("hold")).expect("removes");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(slurm.calls("sbatch").len(), before + jobs, "one of them alone");
    }
}

#[test]
fn a_copy_of_a_run_is_not_the_run() {
    let slurm = StandIns::new();
    let out = slurm.submitted(3);
    let (before, copy) = (slurm.calls("sbatch").len(), slurm.path("copy"));
    assert!(Command::new("cp").arg("-r").args([&out, &copy]).status().expect("cp").success());
    assert_refused(&slurm.clustrata(&["retry", name(&copy)]), &["moved or copied", name(&out), "--overwrite"]);
    assert_refused(&slurm.clustrata(&["retry", name(&copy), "--force"]), &["moved or copied"]);
    assert_eq!(slurm.calls("sbatch").len(), before);
    let status = slurm.clustrata(&["status", name(&copy)]);
    assert!(status.status.code() == Some(1) && text(&status).contains("moved or copied"), "{}", text(&status));
    // by another name it is the run itself
    std::os::unix::fs::symlink(slurm.path("runs"), slurm.path("link")).expect("a link");
    let link = slurm.path("link/test/run");
    assert!(!text(&slurm.clustrata(&["status", name(&link)])).contains("moved"));
    let output = slurm.clustrata(&["retry", name(&link)]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_job_submitted_by_hand_counts_once_it_has_begun() {
    let slurm = StandIns::new();
    let out = slurm.submitted(3);
    let by_hand =
        json!({"job_id": 778, "array_job_id": 777, "array_task_id": 1, "job_state": "RUNNING", "nodes": "n1"});
    slurm.queue(&json!({"jobs": [by_hand], "errors": []}));
    let mark = out.join("slurm/state/shards-1");
    fs::write(&mark, "begun 777 n1 2026-01-01T00:00:00Z\n").expect("writes");
    let status = slurm.clustrata(&["status", name(&out)]);
    assert!(text(&status).contains("job 777_1 on n1"), "{}", text(&status));
    assert_refused(&slurm.clustrata(&["retry", name(&out)]), &["still queued or running", "scancel 777"]);
    // without its mark it is somebody else's
    fs::remove_file(&mark).expect("removes");
    assert!(slurm.clustrata(&["retry", name(&out)]).status.success());
}

#[test]
fn one_damaged_record_does_not_hide_the_other_runs() {
    let slurm = StandIns::new();
    let spec = slurm.spec("  shards: 2\n");
    let grid =
        fs::read_to_string(&spec).expect("a spec").replace("  metrics: all\n", "  metrics: fast\n  seed: [1, 2]\n");
    fs::write(&spec, grid).expect("writes");
    assert!(slurm.clustrata(&["submit", &spec]).status.success());
    let root = slurm.path("runs/test");
    assert_refused(&slurm.clustrata(&["retry", name(&root)]), &["belongs to a sweep", "submit SPEC --retry"]);
    fs::write(root.join("seed=1/slurm/job.json"), "{").expect("writes");
    let status = slurm.clustrata(&["status", name(&root)]);
    assert!(text(&status).contains("1 missing, 1 unreadable of 2 runs"), "{}", text(&status));
    assert_eq!(slurm.clustrata(&["status", name(&root), "--json"]).status.code(), Some(1));
    assert_refused(&slurm.clustrata(&["submit", &spec, "--retry"]), &["is damaged", "seed=1", "--overwrite"]);
    let output = slurm.clustrata(&["submit", &spec, "--overwrite"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_refusal_names_the_run_and_takes_back_what_leads_nowhere() {
    let slurm = StandIns::new();
    let lines = format!("{SBATCH}\ncase \"$*\" in *merge.sh) exec 1>&-; echo 'no such account' >&2; exit 1 ;; esac");
    // the number is printed all the same, and does not count
    slurm.program("bin/sbatch", &lines);
    slurm.program("bin/scancel", "echo \"$*\" >>\"$HERE/scancel.calls\"");
    let output = slurm.clustrata(&["submit", &slurm.spec("  shards: 3\n")]);
    assert_refused(&output, &["a job of test/run (merge)", "no such account", "submit SPEC --retry"]);
    assert_eq!(slurm.calls("scancel"), ["101 102"]);
    // nor does one stay that can't be written down
    let slurm = StandIns::new();
    slurm.program("bin/scancel", "echo \"$*\" >>\"$HERE/scancel.calls\"");
    let out = slurm.path("runs/test/run/slurm");
    let lines = format!("rm '{0}/job.json'; mkdir '{0}/job.json'{SBATCH}", out.display());
    slurm.program("bin/sbatch", &lines);
    assert_refused(&slurm.clustrata(&["submit", &slurm.spec("  shards: 3\n")]), &["can't write"]);
    assert_eq!(slurm.calls("scancel"), ["101"]);
}
