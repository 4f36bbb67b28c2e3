//! Signals, requeues and what comes after a failure, with programs of a few lines in the place of clustrata.

use std::fs;
use std::path::Path;

use crate::cluster::{Cluster, text, wait_until};
use crate::digits;

/// Waits for a signal and stops as after a checkpoint; at the second start of a shard it ends well.
const STOPS_ONCE: &str = r#"
seen=$SEEN/${SLURM_ARRAY_TASK_ID:-0}
echo "$*" >>"$seen.calls"
[ -e "$seen.stopped" ] && exit 0
trap 'echo "$SLURM_RESTART_COUNT USR1" >>"$seen.stopped"; exit 75' USR1
trap 'echo "$SLURM_RESTART_COUNT TERM" >>"$seen.stopped"; exit 75' TERM
: >"$seen.ready"
while :; do sleep 0.05; done
"#;

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_signal_reaches_the_program_and_the_task_alone_is_queued_again() {
    let Some(cluster) = Cluster::up() else { return };
    let program = cluster.program("program", STOPS_ONCE);
    let slurm = format!(
        "  shards: 3\n  binary: '{}'\n  signal: 0\n  variables: {{SEEN: '{}'}}\n",
        program.display(),
        cluster.shared().display()
    );
    let spec = cluster.spec("spec.yaml", &digits(&cluster.shared().join("out"), &slurm));
    cluster.clustrata(&["submit", &spec]);
    let seen = |task: u8, what: &str| cluster.shared().join(format!("{task}.{what}"));
    wait_until(|| (1..=3).all(|task| seen(task, "ready").exists()));
    let array = cluster.ask("squeue", &["-h", "-o", "%F", "-t", "R"]);
    let array = array.lines().next().expect("it runs").trim().to_owned();
    for task in [2, 1] {
        cluster.ask("scancel", &["--batch", "--signal=USR1", &format!("{array}_{task}")]);
        wait_until(|| lines(&seen(task, "calls")).len() == 2);
    }
    assert_eq!(lines(&seen(2, "stopped")), [" USR1"]);
    assert_eq!(lines(&seen(1, "calls")).len(), 2, "{:?}", lines(&seen(1, "calls")));
    // the third one is neither told nor queued again
    assert_eq!(lines(&seen(3, "calls")).len(), 1);
    assert!(!seen(3, "stopped").exists());
    // what a user takes back stays so, though the program asks to go on later
    cluster.ask("scancel", &[&format!("{array}_3")]);
    cluster.wait_for_all_jobs();
    // Slurm signals the program, and the job script may hand the same signal on
    let mut stopped = lines(&seen(3, "stopped"));
    stopped.dedup();
    assert_eq!(stopped, [" TERM"]);
    assert_eq!(lines(&seen(3, "calls")).len(), 1);
    let calls = lines(&seen(1, "calls"));
    assert!(calls[0].ends_with("--shard 1/3 --resume") && calls[0] == calls[1], "{calls:?}");
}

#[test]
fn a_failure_takes_what_comes_after_it_away() {
    let Some(cluster) = Cluster::with(&[("MAX_ARRAY_SIZE", "3")]) else { return };
    let seen = cluster.shared().join("seen");
    let program = cluster.program("program", &format!("echo \"$5\" >>'{}'; [ \"$5\" != 3/5 ]", seen.display()));
    let root = cluster.shared().join("it's $(an) `out`\n#SBATCH --hold\n");
    let slurm = format!("  shards: 5\n  max_running: 1\n  binary: '{}'\n", program.display());
    let spec = cluster.spec("spec.yaml", &digits(&root, &slurm));
    cluster.clustrata(&["submit", &spec]);
    cluster.wait_for_all_jobs();
    // two tasks, which do what they can of their shards
    let mut shards = lines(&seen);
    shards.sort();
    assert_eq!(shards, ["1/5", "2/5", "3/5", "4/5", "5/5"], "{:?}", lines(&seen));
    let states: Vec<String> =
        cluster.jobs().iter().map(|job| job.split(' ').next_back().unwrap_or_default().to_owned()).collect();
    assert_eq!(states.iter().filter(|state| *state == "CANCELLED").count(), 3, "{:?}", cluster.jobs());
    let out = root.join("test/run");
    let status = cluster.status(&[out.to_str().expect("UTF-8")], 1);
    assert!(status.contains("failed    exit code 1: job") || status.contains("exit code 1: job"), "{status}");
    assert!(!out.join("slurm/state/merge").exists());
}

/// Stops as after a checkpoint at its first start, and is the program from then on.
const STOPS_FIRST: &str = r#"
echo "$SLURM_ARRAY_TASK_ID" >>"$SEEN/starts"
if [ "$(wc -l <"$SEEN/starts")" = 1 ]; then exit 75; fi
exec "$PROGRAM" "$@"
"#;

/// Where a site forbids requeueing: one task goes on where the one before stopped.
#[test]
fn a_chain_of_tasks_or_of_jobs_goes_on_without_requeueing() {
    let Some(cluster) = Cluster::up() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm/metrics.slurm");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    let program = cluster.program("program", STOPS_FIRST);
    let chained = |seen: &str, options: &[&str]| {
        let seen = cluster.shared().join(seen);
        fs::create_dir_all(&seen).expect("a folder");
        let mut sbatch = cluster.command("sbatch");
        sbatch.current_dir(&seen).env("CLUSTRATA", &program).env("SEEN", &seen);
        sbatch.env("PROGRAM", env!("CARGO_BIN_EXE_clustrata"));
        sbatch.args(["--parsable", "--no-requeue", "--mem=100", "--cpus-per-task=1"]).args(options).arg(&script);
        sbatch.arg(&data).arg("--embeddings").arg(data.join("embeddings.npy")).arg("--out").arg(seen.join("out"));
        let output = sbatch.args(["--device", "cpu", "--metrics", "fast"]).output().expect("sbatch");
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let logs = |seen: &str| -> String {
        let files = fs::read_dir(cluster.shared().join(seen)).expect("a folder").flatten();
        let logs = files.filter(|file| file.path().extension().is_some_and(|end| end == "log"));
        logs.map(|log| fs::read_to_string(log.path()).expect("a log")).collect()
    };
    chained("array", &["--array=1-3%1"]);
    let first = chained("jobs", &[]);
    chained("jobs", &[&format!("--dependency=afterany:{first}")]);
    cluster.wait_for_all_jobs();
    for (seen, starts) in [("array", 3), ("jobs", 2)] {
        let log = logs(seen);
        assert_eq!(lines(&cluster.shared().join(seen).join("starts")).len(), starts, "{log}");
        assert!(cluster.shared().join(seen).join("out/record.json").exists(), "{log}");
        assert_eq!(log.matches("is not queued again").count(), 1, "{log}");
    }
    assert_eq!(logs("array").matches("complete already").count(), 1, "the last task has nothing to do");
}
