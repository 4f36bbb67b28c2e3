//! One mail when all jobs of a sweep have ended, not one per job.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::cluster::{Cluster, text};
use crate::stand_ins::{StandIns, name};

#[test]
fn the_last_job_waits_for_all_others_of_the_sweep() {
    let slurm = StandIns::new();
    let spec = slurm.spec("  shards: 3\n  mail: me@example.org\n  memory: 3G\n  partition: short\n");
    let grid =
        fs::read_to_string(&spec).expect("a spec").replace("  metrics: all\n", "  metrics: fast\n  seed: [1, 2]\n");
    fs::write(&spec, grid).expect("writes");
    let job = |id: u64| json!({"job_id": id, "array_job_id": 0, "job_state": "PENDING", "state_reason": "Priority"});
    slurm.queue(&json!({"jobs": [job(101), job(102), job(103), job(104)], "errors": []}));
    let output = slurm.clustrata(&["submit", &spec]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("job 105 sends a mail to me@example.org"), "{}", text(&output));
    let script = slurm.path("runs/test/mail/mail.sh");
    let calls = slurm.calls("sbatch");
    assert_eq!(calls.len(), 5, "{calls:?}");
    assert_eq!(calls[4], format!("--parsable --dependency=afterany:101:102:103:104 {}", script.display()));
    let lines = fs::read_to_string(&script).expect("a script");
    for part in ["#SBATCH --mail-user=me@example.org", "#SBATCH --mail-type=END", "--partition=short", "--time=10"] {
        assert!(lines.contains(part), "no {part} in {lines}");
    }
    assert!(!lines.contains("--mem"), "{lines}");
    // what is submitted later is waited for as well, by the same job
    let output = slurm.clustrata(&["submit", &spec, "--retry"]);
    assert!(output.status.success() && text(&output).contains("job 105 sends"), "{}", text(&output));
    assert_eq!(slurm.calls("scontrol"), ["update JobId=105 Dependency=afterany:101:102:103:104"]);
    assert_eq!(slurm.calls("sbatch").len(), 5);
    // once it is gone, another one is submitted
    slurm.program("bin/scontrol", "case $1 in show) echo 'MaxArraySize = 1001' ;; *) exit 1 ;; esac");
    let output = slurm.clustrata(&["submit", &spec, "--retry"]);
    assert!(output.status.success() && text(&output).contains("job 106 sends"), "{}", text(&output));
}

#[test]
fn a_sweep_of_clusterings_sends_one_mail() {
    let Some(cluster) = Cluster::up() else { return };
    let base = cluster.shared();
    let embeddings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy");
    let config = base.join("kmeans.yaml");
    let keys = json!({"embeddings_path": embeddings, "n_clusters": [9, 3], "n_iters": 3, "device": "cpu"});
    fs::write(&config, keys.to_string()).expect("writes");
    let spec = json!({
        "job_details": {"name": "seeds", "root": base.join("runs")},
        "kmeans": {"config": config, "out": base.join("clusterings"), "seed": [0, 1]},
        "parameters": {"device": "cpu", "metrics": "fast"},
        "slurm": {"shards": 2, "mail": "me@example.org", "keep_parts": true},
    });
    let spec = cluster.spec("spec.yaml", &spec.to_string());
    cluster.clustrata(&["submit", &spec]);
    cluster.wait_for_all_jobs();
    let sweep = base.join("runs/seeds");
    let said = cluster.status(&[name(&sweep)], 0);
    assert!(said.contains("2 done of 2 clusterings; 2 done of 2 runs"), "{said}");
    let mails = cluster.mails();
    let said = || -> Vec<String> {
        let logs = fs::read_dir(sweep.join("mail")).into_iter().flatten().flatten();
        logs.map(|log| fs::read_to_string(log.path()).unwrap_or_default()).collect()
    };
    assert_eq!(mails.len(), 1, "{mails:?} {:?} {:?}", cluster.jobs(), said());
    assert!(mails[0].contains("me@example.org"), "{mails:?}");
    assert!(mails[0].contains("seeds: 2 done of 2 clusterings; 2 done of 2 runs"), "{mails:?} {:?}", said());
    // they were to be kept
    let runs = fs::read_dir(&sweep).into_iter().flatten().flatten().map(|entry| entry.path().join("parts"));
    assert_eq!(runs.filter(|parts| parts.is_dir()).count(), 2);
}
