//! Runs in parts on three nodes, with failures and requeues, against a run in one piece.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cluster::{Cluster, text, wait_until};
use crate::common::records::{difference, without_silhouettes};
use crate::common::{record, shared};
use crate::spec;

/// Float64 sums in another order.
const SUMS: f64 = 1e-12;

/// A program that becomes clustrata, but for task 3, which fails at its first start, and task 5, which waits for ever at
/// its first start.
const TROUBLE: &str = r#"
mkdir -p "$SEEN"
starts=$SEEN/$SLURM_ARRAY_TASK_ID
echo "$SLURMD_NODENAME ${SLURM_RESTART_COUNT:-0} $SLURM_ARRAY_JOB_ID" >>"$starts"
if [ "$(wc -l <"$starts")" = 1 ]; then
    case $SLURM_ARRAY_TASK_ID in
    3) echo "no such luck" >&2; exit 9 ;;
    5) : >"$SEEN/waits"; while :; do sleep 0.1; done ;;
    esac
fi
exec "$CLUSTRATA" "$@"
"#;

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The same run in one process.
pub(crate) fn in_one_piece(cluster: &Cluster, clustering: &Path, embeddings: &Path) -> Value {
    let out = cluster.shared().join("whole");
    let of = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let options = [of(clustering), "--embeddings".to_owned(), of(embeddings), "--out".to_owned(), of(&out)];
    let mut arguments = vec!["metrics".to_owned()];
    arguments.extend(options);
    arguments.extend(["--device", "cpu", "--metrics", "all", "--yes"].map(str::to_owned));
    cluster.clustrata(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    record(&out)
}

pub(crate) fn assert_same_figures(got: &Value, want: &Value) {
    let sums = difference(&without_silhouettes(got), &without_silhouettes(want));
    assert!(sums.is_some_and(|difference| difference <= SUMS), "{sums:?}");
    let levels = |record: &Value| record["levels"].as_array().cloned().unwrap_or_default();
    assert!(!levels(want).is_empty());
    for (got, want) in levels(got).iter().zip(levels(want)) {
        let of = |level: &Value| level["figures"]["silhouette"].as_f64().expect("a number");
        assert!((of(got) - of(&want)).abs() < 1e-7, "{} and {}", of(got), of(&want));
    }
    for stage in ["distances", "means"] {
        assert_eq!(got["distances"][stage], want["distances"][stage], "each distance of {stage} once");
    }
    // a lost row would show
    let mut wrong = got.clone();
    let inertia = &mut wrong["levels"][0]["figures"]["inertia"];
    *inertia = (inertia.as_f64().expect("a sum") * (1.0 + 1e-11)).into();
    assert!(difference(&wrong["levels"], &got["levels"]).is_some_and(|difference| difference > SUMS));
}

/// Eight shards, one of which fails and one of which is queued again; then a retry.
fn with_trouble(cluster: &Cluster, clustering: &Path, embeddings: &Path) {
    let seen = cluster.shared().join("seen");
    let slurm = format!(
        "  shards: 8\n  binary: '{}'\n  variables: {{SEEN: '{}', CLUSTRATA: '{}'}}\n  scratch: $TMPDIR\n",
        cluster.program("trouble", TROUBLE).display(),
        seen.display(),
        env!("CARGO_BIN_EXE_clustrata"),
    );
    let spec = cluster.spec("spec.yaml", &spec(&cluster.shared().join("out"), clustering, embeddings, &slurm));
    let out = cluster.shared().join("out/test/run");
    let folder = out.to_str().expect("UTF-8");
    cluster.clustrata(&["submit", &spec]);

    wait_until(|| seen.join("waits").exists());
    let array = lines(&seen.join("5"))[0].split(' ').nth(2).expect("a number").to_owned();
    cluster.ask("scontrol", &["requeue", &format!("{array}_5")]);
    cluster.wait_for_all_jobs();
    assert_eq!(lines(&seen.join("5")).len(), 2, "started again");
    assert!(lines(&seen.join("5"))[1].contains(" 1 "), "by Slurm's count: {:?}", lines(&seen.join("5")));

    // the second round and the merge have gone with the task that failed
    assert!(!out.join("record.json").exists());
    assert_eq!(cluster.jobs().iter().filter(|job| job.ends_with("CANCELLED")).count(), 9, "{:?}", cluster.jobs());
    let status: Value = serde_json::from_str(&cluster.status(&[folder, "--json"], 1)).expect("JSON");
    let first_done = |shard: usize| status["shards"][shard - 1]["first_done"].as_bool().expect("known");
    assert_eq!((1..=8).filter(|&shard| !first_done(shard)).collect::<Vec<_>>(), [3]);
    assert_eq!(status["shards"][2]["state"], "failed");
    assert!(
        status["shards"][2]["detail"].as_str().is_some_and(|said| said.starts_with("exit code 9: job")),
        "{status}"
    );
    let merge = cluster.try_clustrata(&["merge", folder]);
    assert_eq!(merge.status.code(), Some(3), "{}", text(&merge));
    assert!(!out.join("record.json").exists());
    let again = cluster.try_clustrata(&["submit", &spec]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));

    // only the shard that failed is done again
    let dry = cluster.clustrata(&["retry", folder, "--dry-run"]);
    assert!(dry.contains("'--array=3'") && dry.contains("'--array=1-8'"), "{dry}");
    cluster.clustrata(&["retry", folder]);
    let refused = cluster.try_clustrata(&["retry", folder]);
    assert!(!refused.status.success() && text(&refused).contains("still queued or running"), "{}", text(&refused));
    cluster.wait_for_all_jobs();
    let starts = |task: u8| lines(&seen.join(task.to_string())).len();
    assert_eq!(
        (1..=8).map(starts).collect::<Vec<_>>(),
        [2, 2, 3, 2, 3, 2, 2, 2],
        "first and second round, and the two"
    );
    assert!(cluster.status(&[folder], 0).contains("(done)"));
    assert!(cluster.clustrata(&["retry", folder]).contains("nothing to submit"));
    let merged = record(&out);
    assert_eq!(merged["parts"].as_array().map(Vec::len), Some(8));
    assert!(!out.join("parts").exists(), "they are merged");
    assert_same_figures(&merged, &in_one_piece(cluster, clustering, embeddings));
}

#[test]
fn a_run_with_a_failure_and_a_requeue_gives_the_figures_of_one_process() {
    let Some(cluster) = Cluster::up() else { return };
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    with_trouble(&cluster, &digits, &digits.join("embeddings.npy"));
}

#[test]
fn the_same_with_photographs() {
    let Some(data) = shared() else { return };
    let Some(cluster) = Cluster::up() else { return };
    let photos = data.join("photos");
    with_trouble(&cluster, &photos.join("hier"), &photos.join("embeddings.npy"));
}

#[test]
fn nodes_with_disks_of_their_own_copy_each_row_once_and_compute_each_distance_once() {
    let Some(cluster) = Cluster::up() else { return };
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    let embeddings = digits.join("embeddings.npy");
    let slurm = "  shards: 6\n  scratch: $SLURM_TMPDIR\n  sbatch: [--nodes=1, --spread-job]\n";
    let spec = cluster.spec("spec.yaml", &spec(&cluster.shared().join("out"), &digits, &embeddings, slurm));
    cluster.clustrata(&["submit", &spec]);
    cluster.wait_for_all_jobs();
    let merged = record(&cluster.shared().join("out/test/run"));
    assert_same_figures(&merged, &in_one_piece(&cluster, &digits, &embeddings));
    let copies = |node: &str| -> Vec<u64> {
        let folders = fs::read_dir(cluster.scratch(node)).into_iter().flatten().flatten();
        let files = folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
        let copies = files.filter(|file| file.path().ends_with("embeddings.npy.rows"));
        copies.map(|file| file.metadata().expect("a file").len()).collect()
    };
    let copied: Vec<u64> = ["n1", "n2", "n3"].iter().flat_map(|node| copies(node)).collect();
    let [rows, dim] = ["rows", "dim"].map(|key| merged["inputs"][key].as_u64().expect("a number"));
    let row = dim * 4;
    // each shard its own rows, and only those: for the means and the silhouette
    assert_eq!((copied.len(), copied.iter().sum::<u64>()), (6, rows * row), "{copied:?}");
    assert!(copied.iter().all(|&bytes| bytes <= rows.div_ceil(6) * row), "{copied:?}");
    // the record says the same, and in which job of which array
    let legs = merged["provenance"]["legs"].as_array().expect("legs");
    let told: u64 = legs.iter().filter_map(|leg| leg["scratch"]["copied_bytes"].as_u64()).sum();
    assert_eq!((told, &merged["settings"]["scratch"]), (rows * row, &Value::from("$SLURM_TMPDIR")));
    let (parts, merges): (Vec<&Value>, Vec<&Value>) = legs.iter().partition(|leg| !leg["rows"].is_null());
    // a task of the first array that sees all of its round complete goes on with its second round; several can, at once
    let shards: BTreeSet<String> = parts.iter().map(|leg| leg["rows"].to_string()).collect();
    assert!(shards.len() == 6 && (6..=12).contains(&parts.len()) && merges.len() == 1, "{legs:?}");
    assert!(parts.iter().all(|leg| leg["slurm"]["job"].is_u64() && leg["slurm"]["array"][1].is_u64()), "{parts:?}");
    assert!(merges[0]["slurm"]["job"].is_u64() && merges[0]["slurm"]["array"].is_null(), "{merges:?}");
}

#[test]
fn the_script_that_comes_with_the_program_can_be_submitted_as_it_is() {
    let Some(cluster) = Cluster::up() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let digits = root.join("tests/data/digits");
    let embeddings = digits.join("embeddings.npy");
    let out = cluster.shared().join("out of one");
    let submit = |arguments: &[&str]| {
        let mut sbatch = cluster.command("sbatch");
        sbatch.current_dir(cluster.shared()).env("CLUSTRATA", env!("CARGO_BIN_EXE_clustrata"));
        sbatch.args(["--wait", "--mem=100", "--cpus-per-task=1"]).arg(root.join("slurm/metrics.slurm"));
        sbatch.args(arguments).output().expect("sbatch")
    };
    let paths = [&digits, &embeddings, &out].map(|path| path.to_str().expect("UTF-8"));
    let options = ["--embeddings", paths[1], "--out", paths[2], "--device", "cpu", "--metrics", "all", "--yes"];
    let output = submit(&[&[paths[0]], &options[..]].concat());
    assert!(output.status.success(), "{}", text(&output));
    assert_same_figures(&record(&out), &in_one_piece(&cluster, &digits, &embeddings));
    // every row is read twice
    let copied = fs::read_dir(cluster.scratch("n1")).map(Iterator::count);
    assert!(copied.is_ok_and(|files| files > 0), "read from the node's own disk");
    assert_eq!(submit(&[]).status.code(), Some(2), "without a clustering");
}
