//! Upstream's scripts and this crate's reader can read written clusterings, and copies of them.

use std::fs;
use std::path::{Path, PathBuf};

use clustrata::base::error::Findings;
use clustrata::base::matrix::Dtype;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use clustrata::formats::hierarchy_writer::{
    Step, group, is_complete, level_folder, link_level, pre_clusters, sort_by_distance, step_folder, write_clusters,
    write_config, write_split, write_step,
};
use clustrata::formats::pickle::{Clusters, read_clusters};
use clustrata::plan::settings::KmeansOptions;
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::common::{files_below, python, scratch, upstream};

/// Writes a step with `k` clusters of points on a line.
fn step(folder: &Path, k: usize, labels: &[u32], squared: &[f64], stored: Dtype, sampled: Option<&[u64]>) {
    let clusters = group(labels, k);
    let sorted = sort_by_distance(clusters.clone(), squared);
    let centroids = Array2::from_shape_fn((k, 2), |(i, j)| (i * 2 + j) as f64 / 3.0);
    let step = Step { centroids: centroids.view(), stored, labels, clusters: &clusters, sorted: &sorted, sampled };
    write_step(folder, &step).expect("writes");
}

/// Two levels of 8 points: five clusters, one of them empty, in two steps; three clusters, one of them empty.
fn two_levels(folder: &Path) -> PathBuf {
    let hier = folder.join("hier");
    let level1 = level_folder(&hier, 1);
    let labels = [4, 0, 1, 1, 4, 0, 3, 1];
    step(&step_folder(&level1, 0), 5, &[0, 1, 2, 3, 4, 0, 1, 2], &[0.0; 8], Dtype::F64, None);
    link_level(&level1, 0).expect("links");
    let squared = [2.0, 1.0, 0.5, 0.25, 1.0, 3.0, 0.0, 0.25];
    step(&step_folder(&level1, 1), 5, &labels, &squared, Dtype::F64, Some(&[0, 2, 5]));
    link_level(&level1, 1).expect("links");
    let level2 = level_folder(&hier, 2);
    step(&step_folder(&level2, 0), 3, &[2, 0, 2, 0, 2], &[5.0, 4.0, 3.0, 2.0, 1.0], Dtype::F32, None);
    link_level(&level2, 0).expect("links");
    let yaml = "embeddings_path: e.npy\nn_clusters: [5, 3]\nslurm_partition: null\nexp_dir: x\nsampling_strategy: r\n";
    let settings = KmeansOptions::parse(yaml).expect("parses").resolve().expect("resolves");
    write_config(&hier, &settings.to_yaml().expect("writes")).expect("writes");
    hier
}

/// The expected content of [`two_levels`].
fn expected() -> Value {
    json!([
        {
            "k": 5, "d": 2, "centroids": "<f8",
            "members": [[1, 5], [3, 7, 2], [], [6], [4, 0]],
            "flat": [[1, 5], [3, 7, 2], [], [6], [4, 0]],
        },
        {
            "k": 3, "d": 2, "centroids": "<f4",
            "members": [[3, 1], [], [4, 2, 0]],
            "flat": [[6, 3, 7, 2], [], [4, 0, 1, 5]],
        },
    ])
}

#[test]
fn upstreams_scripts_read_clusterings_and_copies() {
    let base = scratch();
    let hier = two_levels(base.path());
    let Some(read) = upstream::read(&hier) else { return };
    assert_eq!(read.expect("is read"), expected());
    let moved = base.path().join("moved");
    fs::rename(&hier, &moved).expect("moves");
    assert_eq!(upstream::read(&moved), Some(Ok(expected())));
    // control: a wrong file is noticed
    write_clusters(&moved.join("level2/step0/sorted_clusters.npy"), &group(&[2, 2, 2, 0, 0], 3)).expect("writes");
    let wrong = upstream::read(&moved).expect("Python").expect_err("level2 disagrees");
    assert!(wrong.contains("step0: cluster 0"), "{wrong}");
}

#[test]
fn our_reader_reads_it_and_config_yaml_holds_the_settings() {
    let base = scratch();
    let hier = two_levels(base.path());
    let (mut findings, mut warnings) = (Findings::new(), Vec::new());
    let options = HierarchyOptions::default();
    let hierarchy = Hierarchy::open(&hier, 8, 2, options, &mut findings, &mut warnings);
    let hierarchy = hierarchy.unwrap_or_else(|| panic!("{:?}", findings.kept()));
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(hierarchy.labels, [4, 0, 1, 1, 4, 0, 3, 1]);
    assert_eq!(hierarchy.points_of(1, 0).collect::<Vec<_>>(), [6, 3, 7, 2]);
    assert_eq!(hierarchy.upstream.n_clusters, Some(vec![5, 3]));
    let Some(mut python) = python() else { return };
    let code = "
import os, sys, yaml
config = yaml.safe_load(open(sys.argv[1]))
assert config['n_clusters'] == [5, 3] and config['sampling_strategy'] == 'r' and config['n_levels'] == 2, config
assert config['clustrata']['seed'] == 0 and config['slurm_partition'] is None, config
assert os.path.isabs(config['exp_dir']) and config['embeddings_path'].endswith('e.npy'), config
";
    let output = python.args(["-c", code]).arg(hier.join("config.yaml")).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_step_is_complete_once_its_last_file_exists() {
    let base = scratch();
    let hier = two_levels(base.path());
    let folder = step_folder(&level_folder(&hier, 1), 1);
    assert!(is_complete(&folder));
    assert_eq!(
        files_below(&folder),
        ["centroids.npy", "cluster_assignment.npy", "clusters.npy", "sampled_indices.npy", "sorted_clusters.npy"]
    );
    assert!(!folder.join("../step0/sampled_indices.npy").exists());
    for file in ["sorted_clusters.npy", "centroids.npy"] {
        fs::rename(folder.join(file), folder.join("aside")).expect("moves");
        assert!(!is_complete(&folder), "{file}");
        fs::rename(folder.join("aside"), folder.join(file)).expect("moves");
    }
    assert!(!is_complete(&hier) && !is_complete(&hier.join("nowhere")));
}

#[test]
fn a_split_level_keeps_the_original_clusters() {
    let base = scratch();
    let level = level_folder(base.path(), 1);
    let before = pre_clusters(&level);
    step(&step_folder(&before, 0), 2, &[0, 1, 0, 1], &[0.0; 4], Dtype::F64, None);
    link_level(&before, 0).expect("links");
    let centroids = Array2::from_shape_fn((3, 2), |(i, j)| (i + j) as f64);
    let sorted = Clusters::from_parts(vec![0, 1, 3, 4], vec![2, 1, 3, 0]);
    write_split(&level, centroids.view(), Dtype::F32, &sorted).expect("writes");
    assert_eq!(read_clusters(&level.join("sorted_clusters.npy")).expect("reads"), sorted);
    assert_eq!(read_clusters(&before.join("sorted_clusters.npy")).expect("reads").len(), 2);
    let Some(read) = upstream::read(base.path()) else { return };
    let read = read.expect("is read");
    assert_eq!((&read[0]["k"], &read[0]["centroids"]), (&json!(3), &json!("<f4")));
    assert_eq!(read[0]["flat"], json!([[2], [1, 3], [0]]));
}

/// Sizes at which the pickle changes its opcodes, and many clusters.
#[test]
fn numpy_reads_every_size_of_cluster_and_array() {
    let base = scratch();
    let path = base.path().join("sorted_clusters.npy");
    let sizes = [0, 1, 31, 32, 255, 256, 8_191, 8_192, 65_535, 65_536];
    let many = vec![3_u64; 100_003];
    for sizes in [&sizes[..], &[], &[0], &[4, 4, 4], &many] {
        let mut offsets = vec![0];
        sizes.iter().for_each(|size| offsets.push(offsets.last().expect("one") + size));
        let count = *offsets.last().expect("one");
        let members: Vec<u64> = (0..count).map(|i| (i << 32) + i).collect();
        let clusters = Clusters::from_parts(offsets, members);
        write_clusters(&path, &clusters).expect("writes");
        assert_eq!(read_clusters(&path).expect("reads"), clusters);
        let Some(mut python) = python() else { return };
        let code = "
import sys, numpy as np
members = np.load(sys.argv[1], allow_pickle=True)
assert members.dtype == object and members.shape == (int(sys.argv[2]),), (members.dtype, members.shape)
assert all(type(one) is np.ndarray and one.dtype == np.int64 for one in members)
every = np.concatenate([np.array([], dtype=np.int64), *members])
assert np.array_equal(every, (np.arange(int(sys.argv[3])) << 32) + np.arange(int(sys.argv[3])))
assert len(members) < 2 or members.size == 0 or members[0] is not members[1]
";
        let numbers = [clusters.len().to_string(), count.to_string()];
        let output = python.args(["-W", "error", "-c", code]).arg(&path).args(numbers).output().expect("Python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn written_clusters_read_back(sizes in prop::collection::vec(0_u64..40, 0..60), seed: u64, bits in 1_u32..64) {
        let mut offsets = vec![0];
        sizes.iter().for_each(|size| offsets.push(offsets.last().expect("one") + size));
        let mut draw = super::common::Draw(seed);
        let members = (0..*offsets.last().expect("one")).map(|_| draw.bits() >> (64 - bits)).collect();
        let clusters = Clusters::from_parts(offsets, members);
        let base = scratch();
        let path = base.path().join("sorted_clusters.npy");
        write_clusters(&path, &clusters).expect("writes");
        prop_assert_eq!(read_clusters(&path).expect("reads"), clusters);
    }
}
