//! Sweeps of clusterings: seeds and settings of k-means, the runs on each, and their table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cluster::{Cluster, text, wait_until};
use crate::common::{files_below, record, scratch};
use crate::grids::without_slurm;

const SEEDS: [u64; 3] = [0, 1, 2];
const CLUSTERS: [&str; 2] = ["40+8", "20+4"];

/// A spec of clusterings of the digits, `seeds` times [`CLUSTERS`], each judged once.
fn spec(base: &Path, root: &Path, seeds: &[u64], slurm: &Value) -> String {
    let embeddings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy");
    let config = base.join("kmeans.yaml");
    // JSON is YAML
    let keys = json!({"embeddings_path": embeddings, "n_clusters": [9, 3], "n_iters": 5, "device": "cpu"});
    fs::write(&config, keys.to_string()).expect("writes");
    let spec = json!({
        "job_details": {"name": "seeds", "root": root},
        "kmeans": {"config": config, "out": base.join("clusterings"), "n_clusters": [[40, 8], [20, 4]], "seed": seeds},
        "parameters": {"device": "cpu", "metrics": "fast"},
        "slurm": slurm,
    });
    let path = base.join("spec.yaml");
    fs::write(&path, spec.to_string()).expect("writes");
    path.to_str().expect("UTF-8").to_owned()
}

fn clustering(base: &Path, clusters: &str, seed: u64) -> PathBuf {
    base.join(format!("clusterings/n-clusters={clusters},seed={seed}"))
}

fn run(root: &Path, clusters: &str, seed: u64) -> PathBuf {
    root.join(format!("seeds/kmeans.n-clusters={clusters},kmeans.seed={seed}"))
}

/// Means, deviations and counts over the seeds, held against a naive computation from the records.
fn assert_groups(root: &Path, seeds: &[u64]) {
    let out = root.join("collected");
    let text_of = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let output = without_slurm(&[
        "collect",
        &text_of(&root.join("seeds")),
        "--out",
        &text_of(&out),
        "--group-by",
        "kmeans.n_clusters",
    ]);
    assert!(output.status.success(), "{}", text(&output));
    let mut table = csv::Reader::from_path(out.join("groups.csv")).expect("a table");
    let groups: Vec<BTreeMap<String, String>> = table.deserialize().map(|row| row.expect("a row")).collect();
    assert_eq!(groups.len(), 4, "two settings, two levels");
    for group in &groups {
        let clusters = group["kmeans.n-clusters"].trim_matches(['[', ']']).replace(',', "+");
        let level: usize = group["level"].parse().expect("a level");
        for metric in ["inertia", "clusters", "size_gini"] {
            let of = |&seed: &u64| record(&run(root, &clusters, seed))["levels"][level - 1]["figures"][metric].as_f64();
            let values: Vec<f64> = seeds.iter().map(|seed| of(seed).expect("a number")).collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let cell = |what: &str| group[&format!("{metric}_{what}")].parse::<f64>().expect("a number");
            assert_eq!(cell("count"), n);
            assert!((cell("mean") - mean).abs() <= 1e-12 * mean, "{metric}: {group:?}");
            assert!((cell("std") - deviation).abs() <= 1e-9 * mean, "{metric}: {group:?}");
            assert_eq!(metric == "clusters", deviation == 0.0, "seeds change {metric}");
        }
    }
}

/// Becomes clustrata. But the first shard of one run is killed at its first start, that of another waits for ever at its
/// first start, and one clustering fails at its first start.
const TROUBLE: &str = r#"
case "$1 $*" in
metrics*'=40+8,kmeans.seed=1/'*'--shard 1/2'*) first=$SEEN/killed ;;
metrics*'=20+4,kmeans.seed=2/'*'--shard 2/2'*) first=$SEEN/waits ;;
kmeans*'=20+4,seed=0/'*) first=$SEEN/fails ;;
*) exec "$CLUSTRATA" "$@" ;;
esac
[ ! -e "$first" ] || exec "$CLUSTRATA" "$@"
echo "$SLURM_ARRAY_JOB_ID" >"$first"
case $first in
*killed) kill -KILL $$ ;;
*fails) echo "no such luck" >&2; exit 9 ;;
*) while :; do sleep 0.1; done ;;
esac
"#;

#[test]
fn settings_and_seeds_are_swept_overnight_and_collected_in_the_morning() {
    let Some(cluster) = Cluster::up() else { return };
    let (base, root) = (cluster.shared(), cluster.shared().join("runs"));
    let seen = base.join("seen");
    fs::create_dir(&seen).expect("makes a folder");
    let slurm = json!({
        "shards": 2,
        "binary": cluster.program("trouble", TROUBLE),
        "variables": {"SEEN": seen, "CLUSTRATA": env!("CARGO_BIN_EXE_clustrata")},
    });
    let spec = spec(base, &root, &SEEDS, &slurm);
    let told = cluster.clustrata(&["submit", &spec]);
    assert_eq!(told.matches("makes the clustering").count(), 6, "{told}");
    assert!(told.contains("Once a clustering is complete, the job submits its runs of"), "{told}");
    // a file is there before its line is
    let array = || fs::read_to_string(seen.join("waits")).unwrap_or_default();
    wait_until(|| array().ends_with('\n'));
    let array = array();
    cluster.ask("scontrol", &["requeue", &format!("{}_2", array.trim())]);
    cluster.wait_for_all_jobs();

    let sweep = root.join("seeds");
    let status = cluster.status(&[sweep.to_str().expect("UTF-8")], 1);
    assert!(status.contains("5 done, 1 failed of 6 clusterings"), "{status}");
    assert!(status.contains("4 done, 1 failed, 1 not submitted of 6 runs"), "{status}");
    assert!(status.contains("waits for its clustering") && status.contains("exit code 9"), "{status}");
    let names = || status.lines().filter_map(|line| line.split(' ').next().filter(|name| name.starts_with("kmeans.")));
    let in_order = CLUSTERS.iter().flat_map(|c| SEEDS.map(|seed| format!("kmeans.n-clusters={c},kmeans.seed={seed}")));
    assert_eq!(names().collect::<Vec<_>>(), in_order.collect::<Vec<_>>(), "in the order of the combinations");
    let refused = cluster.try_clustrata(&["submit", &spec]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));

    cluster.clustrata(&["submit", &spec, "--retry"]);
    cluster.wait_for_all_jobs();
    let told = cluster.clustrata(&["submit", &spec, "--retry"]);
    assert!(told.contains("6 done of 6 clusterings; 6 done of 6 runs"), "{told}");
    for (clusters, seed) in CLUSTERS.iter().flat_map(|c| SEEDS.map(|seed| (*c, seed))) {
        let made = &record(&run(&root, clusters, seed))["kmeans"]["settings"];
        assert_eq!(made["seed"], seed);
        assert_eq!(made["n_clusters"].to_string(), format!("[{}]", clusters.replace('+', ",")));
    }
    assert_groups(&root, &SEEDS);
    let damaged: Value =
        serde_json::from_str(&cluster.status(&[root.to_str().expect("UTF-8"), "--json"], 0)).expect("JSON");
    assert_eq!(damaged[0]["runs"].as_array().map(Vec::len), Some(6), "a folder of sweeps");
    assert_eq!(damaged[0]["runs"][0]["status"]["state"], "done");
    every_run_repeats(&cluster, base, &root);
}

/// Each clustering from its saved settings, and each run by the same spec in another folder, to the bit.
fn every_run_repeats(cluster: &Cluster, base: &Path, root: &Path) {
    let levels = |folder: &Path| -> Vec<(String, Vec<u8>)> {
        let files = files_below(folder).into_iter().filter(|name| name.starts_with("level"));
        files.map(|name| (name.clone(), fs::read(folder.join(&name)).expect("a file"))).collect()
    };
    let other = base.join("other");
    let text = fs::read_to_string(base.join("spec.yaml")).expect("a spec");
    let text = text.replace(root.to_str().expect("UTF-8"), other.to_str().expect("UTF-8"));
    cluster.clustrata(&["submit", &cluster.spec("again.yaml", &text)]);
    for (clusters, seed) in CLUSTERS.iter().flat_map(|c| SEEDS.map(|seed| (*c, seed))) {
        let (made, again) = (clustering(base, clusters, seed), base.join(format!("again-{clusters}-{seed}")));
        let config = made.join("config.yaml");
        let words = [config.as_path(), again.as_path()].map(|path| path.to_str().expect("UTF-8"));
        cluster.clustrata(&["kmeans", words[0], "--out", words[1]]);
        assert!(levels(&made).len() >= 4 && levels(&made) == levels(&again), "{}", made.display());
    }
    cluster.wait_for_all_jobs();
    let figures: BTreeSet<String> = CLUSTERS
        .iter()
        .flat_map(|c| SEEDS.map(|seed| (*c, seed)))
        .map(|(clusters, seed)| {
            let [first, second] = [root, &other].map(|root| record(&run(root, clusters, seed))["levels"].clone());
            assert_eq!(first, second, "{clusters}, seed {seed}");
            first.to_string()
        })
        .collect();
    assert_eq!(figures.len(), 6, "no run would do for another");
}

#[test]
fn a_sweep_of_clusterings_runs_on_this_machine() {
    let place = scratch();
    let (base, root) = (place.path(), place.path().join("runs"));
    let spec = spec(base, &root, &[3, 4], &json!({"shards": 4}));
    let dry = without_slurm(&["submit", &spec, "--dry-run"]);
    let shown = text(&dry);
    assert!(dry.status.success() && shown.matches("#SBATCH --job-name=seeds-n-clusters").count() == 4, "{shown}");
    for clusters in CLUSTERS {
        // the job of a clustering submits the runs on it
        let words = format!("submit {spec} --clustering '{}'", clustering(base, clusters, 4).display());
        assert!(shown.contains(&words), "no {words} in {shown}");
    }
    assert_eq!(files_below(base), ["kmeans.yaml", "spec.yaml"], "nothing is written");
    let output = without_slurm(&["submit", &spec, "--local"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("4 done of 4 clusterings; 4 done of 4 runs"), "{}", text(&output));
    assert_groups(&root, &[3, 4]);
    // one alone
    let only = clustering(base, "20+4", 3);
    let again = ["submit", &spec, "--local", "--overwrite", "--clustering", only.to_str().expect("UTF-8")];
    let before = fs::metadata(run(&root, "40+8", 3).join("record.json")).and_then(|file| file.modified()).ok();
    let output = without_slurm(&again);
    assert!(output.status.success(), "{}", text(&output));
    let after = |clusters| fs::metadata(run(&root, clusters, 3).join("record.json")).and_then(|f| f.modified()).ok();
    assert_eq!(after("40+8"), before, "another run is left alone");
    assert!(after("20+4") > before);
    let refused = without_slurm(&["submit", &spec, "--local", "--clustering", "elsewhere"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("makes no clustering in this folder"), "{}", text(&refused));
}
