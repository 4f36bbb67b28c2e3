//! From embeddings to the judged clustering by one `submit`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::cluster::{Cluster, text, wait_until};
use crate::common::{files_below, record, scratch};
use crate::grids::without_slurm;
use crate::shards::{assert_same_figures, in_one_piece};

fn embeddings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy")
}

/// Writes a CONFIG of `kmeans` for the digits into `base`. It leaves to their defaults what the settings in the job's
/// folder spell out: both must be taken for the same.
fn config(base: &Path) -> PathBuf {
    let path = base.join("kmeans.yaml");
    let keys =
        json!({"embeddings_path": embeddings(), "n_clusters": [40, 8], "n_iters": 8, "seed": 3, "device": "cpu"});
    fs::write(&path, keys.to_string()).expect("writes");
    path
}

/// A spec that makes the clustering `base/hier` and judges it in two parts; `kmeans` and `slurm` are further keys of
/// these blocks.
fn spec(base: &Path, kmeans: &Value, slurm: &Value) -> String {
    let with = |mut keys: Value, more: &Value| {
        let more = more.as_object().expect("keys").clone();
        keys.as_object_mut().expect("keys").extend(more);
        keys
    };
    // JSON is YAML
    let spec = json!({
        "job_details": {"name": "test", "root": base.join("runs")},
        "kmeans": with(json!({"config": config(base), "out": base.join("hier")}), kmeans),
        "parameters": {"device": "cpu", "metrics": "all"},
        "slurm": with(json!({"shards": 2}), slurm),
    });
    let path = base.join("spec.yaml");
    fs::write(&path, spec.to_string()).expect("writes");
    path.to_str().expect("UTF-8").to_owned()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// The files of a clustering's levels.
fn levels(clustering: &Path) -> Vec<(String, Vec<u8>)> {
    let files = files_below(clustering).into_iter().filter(|name| name.starts_with("level"));
    files.map(|name| (name.clone(), fs::read(clustering.join(&name)).expect("a file"))).collect()
}

/// Makes the same clustering by hand, by two processes.
fn by_hand(cluster: &Cluster, config: &Path) -> PathBuf {
    let out = cluster.shared().join("by hand");
    let start = |shard: &str| {
        let mut command = cluster.command(env!("CARGO_BIN_EXE_clustrata"));
        command.arg("kmeans").arg(config).arg("--out").arg(&out).args(["--shard", shard]);
        command.arg("--quiet").stdout(Stdio::null()).spawn().expect("starts")
    };
    let team: Vec<Child> = ["1/2", "2/2"].map(start).into();
    for mut member in team {
        assert!(member.wait().expect("ends").success());
    }
    out
}

#[test]
fn one_submit_makes_the_clustering_and_judges_it() {
    let Some(cluster) = Cluster::up() else { return };
    let base = cluster.shared();
    let slurm = json!({"kmeans": {"sbatch": ["--nodes=2"], "time": 30}, "scratch": "$SLURM_TMPDIR"});
    let spec = spec(base, &json!({"tasks": 2}), &slurm);
    let told = cluster.clustrata(&["submit", &spec]);
    assert!(told.contains("makes the clustering") && told.contains("runs/test: run (1)"), "{told}");
    let (hier, run) = (base.join("hier"), base.join("runs/test/run"));
    // the job that judges is submitted by the one that is waited for
    cluster.wait_for_all_jobs();
    let log = || fs::read_to_string(log_of(&hier)).unwrap_or_default();
    let made = json_of(&hier.join("kmeans.json"));
    assert_eq!((&made["complete"], &made["processes"]), (&json!(true), &json!(2)), "{}", log());
    assert!(run.join("record.json").exists(), "{}", log());
    // each process read its own rows from its node's disk
    let legs = made["provenance"]["legs"].as_array().expect("legs");
    let copied: u64 = legs.iter().filter_map(|leg| leg["scratch"]["copied_bytes"].as_u64()).sum();
    let row = made["dim"].as_u64().expect("a number") * 4;
    assert_eq!(Some(copied), made["rows"].as_u64().map(|rows| rows * row), "{legs:?}");

    let judged = record(&run);
    assert_eq!(judged["parts"].as_array().map(Vec::len), Some(2));
    assert_eq!(judged["kmeans"]["processes"], 2);
    let again = by_hand(&cluster, &config(base));
    assert!(!levels(&again).is_empty() && levels(&again) == levels(&hier), "the same team gives the same bits");
    assert_same_figures(&judged, &in_one_piece(&cluster, &again, &embeddings()));

    // what is there is not made again
    let status = cluster.status(&[hier.to_str().expect("UTF-8")], 0);
    assert!(status.contains("test/kmeans (done)"), "{status}");
    let jobs = cluster.jobs().len();
    let refused = cluster.try_clustrata(&["submit", &spec]);
    assert!(!refused.status.success() && text(&refused).contains("submitted already"), "{}", text(&refused));
    assert!(cluster.clustrata(&["submit", &spec, "--retry"]).contains("1 done of 1 run"));
    assert_eq!(cluster.jobs().len(), jobs);
}

/// The log of the only job of a clustering.
fn log_of(hier: &Path) -> PathBuf {
    let logs: Vec<PathBuf> =
        fs::read_dir(hier.join("slurm/logs")).into_iter().flatten().flatten().map(|log| log.path()).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs[0].clone()
}

/// Of two processes that are told to stop the second ends at once, as one does that has lost the first, and the first
/// takes a second for its checkpoint. Both end well at their third start.
const TEAM: &str = r#"
[ "$1" = kmeans ] || { echo "$*" >>"$SEEN/submits"; exit 0; }
me=$SEEN/$SLURM_PROCID
echo "$*" >>"$me.calls"
[ "$(wc -l <"$me.calls")" -lt 3 ] || exit 0
stop() { if [ "$SLURM_PROCID" = 0 ]; then sleep 1; echo "$1" >>"$me.kept"; exit 75; fi; exit 1; }
trap 'stop USR1' USR1
trap 'stop TERM' TERM
echo ready >>"$me.ready"
while :; do sleep 0.05; done
"#;

#[test]
fn a_signal_reaches_all_processes_and_each_may_write_its_checkpoint() {
    let Some(cluster) = Cluster::up() else { return };
    let base = cluster.shared();
    let program = cluster.program("program", TEAM);
    let slurm =
        json!({"binary": program, "signal": 0, "variables": {"SEEN": base}, "kmeans": {"sbatch": ["--nodes=2"]}});
    let spec = spec(base, &json!({"tasks": 2}), &slurm);
    cluster.clustrata(&["submit", &spec]);
    let lines = |name: &str| {
        let text = fs::read_to_string(base.join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let hier = base.join("hier");
    for (start, signal) in [(1, "USR1"), (2, "TERM")] {
        wait_until(|| ["0.ready", "1.ready"].iter().all(|name| lines(name).len() == start));
        let told = cluster.clustrata(&["submit", &spec]);
        assert!(told.contains("is running") && told.contains("nothing was submitted"), "{told}");
        let job = cluster.ask("squeue", &["-h", "-o", "%i"]).trim().to_owned();
        cluster.ask("scancel", &["--batch", &format!("--signal={signal}"), &job]);
    }
    cluster.wait_for_all_jobs();
    assert_eq!(lines("0.kept"), ["USR1", "USR1"], "{}", fs::read_to_string(log_of(&hier)).unwrap_or_default());
    let settings = hier.join("slurm/kmeans.yaml");
    for (member, shard) in [("0.calls", "1/2"), ("1.calls", "2/2")] {
        assert_eq!(lines(member), vec![format!("kmeans {} --resume --shard {shard}", settings.display()); 3]);
    }
    // only once the clustering was complete
    assert_eq!(lines("submits"), [format!("submit {spec}")]);
}

#[test]
fn the_chain_runs_on_this_machine_without_slurm() {
    let place = scratch();
    let spec = spec(place.path(), &json!({"tasks": 4}), &json!({}));
    let dry = without_slurm(&["submit", &spec, "--dry-run"]);
    assert!(dry.status.success(), "{}", text(&dry));
    let jobs = "1 job of 1 task (1 clustering); the job of a clustering submits the runs on it";
    for part in
        ["#SBATCH --ntasks=4", "srun --ntasks", "kmeans.sh", "n_clusters", "spec.yaml", "runs/test: run (1)", jobs]
    {
        assert!(text(&dry).contains(part), "no {part} in {}", text(&dry));
    }
    assert_eq!(files_below(place.path()), ["kmeans.yaml", "spec.yaml"], "nothing is written");
    let submitted = without_slurm(&["submit", &spec]);
    assert!(!submitted.status.success() && text(&submitted).contains("can't run sbatch"), "{}", text(&submitted));
    let output = without_slurm(&["submit", &spec, "--local"]);
    assert!(output.status.success() && text(&output).contains("1 done of 1 run"), "{}", text(&output));
    assert_eq!(json_of(&place.path().join("hier/kmeans.json"))["processes"], 1);
    let run = record(&place.path().join("runs/test/run"));
    assert_eq!(run["kmeans"]["complete"], true);
}

#[test]
fn what_is_wrong_with_a_chain_is_said_before_anything_is_written() {
    let place = scratch();
    let base = place.path();
    let refused = |spec: &str, parts: &[&str]| {
        for mode in ["--dry-run", "--local"] {
            let output = without_slurm(&["submit", spec, mode]);
            assert!(!output.status.success(), "{}", text(&output));
            parts.iter().for_each(|part| assert!(text(&output).contains(part), "no {part} in {}", text(&output)));
        }
        assert_eq!(files_below(base), ["kmeans.yaml", "spec.yaml"]);
    };
    refused(&spec(base, &json!({"tsks": 3}), &json!({})), &["unknown key `tsks`", "did you mean `tasks`"]);
    refused(&spec(base, &json!({"tasks": 0}), &json!({})), &["`tasks`", "1 or more"]);
    refused(&spec(base, &json!({"config": null}), &json!({})), &["`config` doesn't name a file"]);
    refused(&spec(base, &json!({"config": "/no/such.yaml"}), &json!({})), &["/no/such.yaml"]);
    refused(&spec(base, &json!({}), &json!({"kmeans": {"tme": 3}})), &["did you mean `time`"]);
    let changed = |from: &str, to: &str| {
        let path = spec(base, &json!({}), &json!({}));
        let text = fs::read_to_string(&path).expect("a spec");
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).expect("writes");
        path
    };
    let clustering = r#""LIST_x":[{"clustering":"other"}],"device":"cpu""#;
    refused(&changed(r#""device":"cpu""#, clustering), &["given twice", "LIST_x[0].clustering"]);
    refused(&changed(r#""metrics":"all""#, r#""metrics":"al""#), &["`al`"]);
    // more clusters than points
    let many = |clusters: &str| {
        let (path, few) = (spec(base, &json!({}), &json!({})), config(base));
        let text = fs::read_to_string(&few).expect("a config").replace("[40,8]", clusters);
        fs::write(few, text).expect("writes");
        path
    };
    refused(&many("[4000,8]"), &["fewer points than clusters"]);
    // another clustering in the folder
    let path = spec(base, &json!({}), &json!({}));
    let made = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
        let output =
            command.arg("kmeans").arg(config(base)).arg("--out").arg(base.join("hier")).args(arguments).output();
        assert!(output.is_ok_and(|output| output.status.success()));
    };
    made(&["--seed", "4"]);
    let output = without_slurm(&["submit", &path, "--dry-run"]);
    assert!(!output.status.success() && text(&output).contains("other settings or inputs"), "{}", text(&output));
    made(&["--force"]);
    let output = without_slurm(&["submit", &path, "--dry-run"]);
    assert!(text(&output).contains("#SBATCH --array=1-2"), "it is there: {}", text(&output));
}
