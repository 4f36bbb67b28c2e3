//! Upstream's configs, defaults, and invalid configs.

use super::*;
use crate::base::matrix::Dtype;

/// Like upstream's configs, with lists longer than the number of levels.
const UPSTREAM: &str = "n_levels: 2\nn_iters: 30\nn_clusters:\n- 100_000\n- 500_000\n- 7\nn_splits: [100, 1, 1]\n\
    n_resampling_steps: [1, 10, 3]\nsample_size: [1, 10, 5]\nsubset_indices_path: null\ncheckpoint_period: 10_000\n\
    dtype: float64\nhigh_precision: float64\nngpus_per_node: [8, 8]\nnnodes: [16, 2]\nncpus_per_gpu: 10\n\
    sampling_strategy: r\nslurm_partition: null\nexp_dir: runs/hier\nembeddings_path: e.npy\n";

fn resolved(yaml: &str) -> KmeansSettings {
    KmeansOptions::parse(yaml).expect("parses").resolve().expect("resolves")
}

fn refused(yaml: &str) -> String {
    KmeansOptions::parse(yaml).expect("parses").resolve().expect_err("is refused").to_string()
}

#[test]
fn a_config_of_upstreams_is_read_as_it_is() {
    let settings = resolved(UPSTREAM);
    assert_eq!(
        settings.levels,
        [
            LevelSettings { clusters: 100_000, splits: 100, steps: 1, sample_size: 1 },
            LevelSettings { clusters: 500_000, splits: 1, steps: 10, sample_size: 10 },
        ]
    );
    assert_eq!((settings.iterations, settings.strategy, settings.stored()), (30, Strategy::Random, Dtype::F64));
    assert_eq!((settings.embeddings, settings.out), (vec!["e.npy".into()], "runs/hier".into()));
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
    for foreign in ["ngpus_per_node", "nnodes", "ncpus_per_gpu", "slurm_partition", "--device", "submit"] {
        assert!(settings.warnings[0].contains(foreign), "{}", settings.warnings[0]);
    }
}

#[test]
fn absent_keys_have_defaults_and_flags_beat_the_file() {
    let file =
        KmeansOptions::parse("n_clusters: [20, 5]\nembeddings-path: e.npy\ndevice: 0\nseed: 3\n").expect("parses");
    let flags = KmeansOptions { seed: Some(4), n_clusters: vec![9], ..KmeansOptions::default() };
    let settings = flags.over(file).resolve().expect("resolves");
    assert_eq!(settings.levels, [LevelSettings { clusters: 9, splits: 1, steps: 1, sample_size: 0 }]);
    assert_eq!((settings.seed, settings.device.as_str(), settings.iterations), (4, "0", 50));
    assert_eq!((settings.stored(), settings.out), (Dtype::F32, "clustering".into()));
    assert!(settings.warnings.is_empty());
}

#[test]
fn high_precision_does_not_decide_what_is_stored() {
    let settings = resolved("n_clusters: 3\nembeddings_path: e.npy\ndtype: float32\nhigh_precision: float64\n");
    assert_eq!(settings.stored(), Dtype::F32);
}

#[test]
fn all_findings_are_reported_together() {
    let text = refused(
        "n_clusters: [10, 0, 30, 40]\nn_splits: [1, 0, 2, 1]\nn_resampling_steps: [0, 2, 2, 1]\n\
         sample_size: [1, 0, 1, 1]\ntolerance: 1\nhigh_precision: float16\n",
    );
    for part in [
        "no embeddings",
        "without clusters",
        "split into zero",
        "without steps",
        "sample no points",
        "both split and resampled",
        "tolerance",
        "high_precision",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = refused("n_levels: 3\nn_clusters: [10, 5]\nsample_size: [1]\nembeddings_path: e.npy\n");
    assert!(text.contains("`n_clusters`") && text.contains("`sample_size`") && !text.contains("n_splits"), "{text}");
    for (yaml, wrong) in [
        ("embeddings_path: e.npy\n", "n_clusters"),
        ("embeddings_path: e.npy\nn_clusters: [5]\nn_levels: 0\n", "without levels"),
        ("embeddings_path: e.npy\nn_clusters: [5, 6]\n", "more clusters than points"),
        ("embeddings_path: e.npy\nn_clusters: [5]\nn_resampling_steps: [2]\n", "set sample_size"),
        ("embeddings_path: 'nowhere-*.npy'\nn_clusters: [5]\n", "no file matches"),
    ] {
        let text = refused(yaml);
        assert!(text.contains(wrong), "{wrong}: {text}");
    }
}

#[test]
fn a_level_that_groups_nothing_is_a_warning() {
    let settings = resolved("n_clusters: [5, 5]\nembeddings_path: e.npy\n");
    assert!(settings.warnings.len() == 1 && settings.warnings[0].contains("groups nothing"), "{:?}", settings.warnings);
}

#[test]
fn invalid_keys_and_values_are_named() {
    for (yaml, wrong) in [
        ("n_cluster: [5]\n", "did you mean `n-clusters`"),
        ("clustrata: {sed: 5}\n", "did you mean `seed`"),
        ("clustrata: 5\n", "`key: value`"),
        ("n_clusters: [5, many]\n", "`n-clusters`"),
        ("n_clusters: [-5]\n", "`n-clusters`"),
        ("sampling_strategy: x\n", "`sampling-strategy`"),
        ("dtype: bfloat16\n", "`dtype`"),
        ("n_iters: 0\n", "`n-iters`"),
        ("n_iters: [5, 5]\n", "`n-iters`"),
        ("checkpoint: 5\n", "`checkpoint`"),
        ("out: a\nexp_dir: b\n", "`out` and `exp_dir`"),
        ("seed: 1\nclustrata: {seed: 1}\n", "twice"),
        ("n_iters: 1\nn-iters: 2\n", "twice"),
        ("n_iters: 1\nn_iters: 2\n", "n_iters"),
        ("[1, 2]\n", "`key: value`"),
    ] {
        let text = KmeansOptions::parse(yaml).expect_err("is refused").to_string();
        assert!(text.contains(wrong), "{yaml}: {text}");
    }
}

#[test]
fn written_settings_read_back_without_a_warning() {
    let settings = resolved(UPSTREAM);
    let yaml = settings.to_yaml().expect("writes");
    let again = resolved(&yaml);
    assert!(again.warnings.is_empty(), "{:?}", again.warnings);
    assert_eq!(again.to_yaml().expect("writes"), yaml);
    assert_eq!(again.levels, settings.levels);
    assert!(again.out.is_absolute() && again.embeddings[0].is_absolute());
    let several =
        KmeansOptions::parse("n_clusters: 3\nembeddings_path: [a.npy, b.npy]\nforce: true\n").expect("parses");
    let yaml = several.resolve().expect("resolves").to_yaml().expect("writes");
    let again = resolved(&yaml);
    assert_eq!((again.embeddings.len(), again.force), (2, false), "{yaml}");
}
