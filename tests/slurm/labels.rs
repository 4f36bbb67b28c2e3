//! A clustering from labels, evaluated by a job array.

use std::path::Path;

use crate::cluster::Cluster;
use crate::common::record;
use crate::shards::{assert_same_figures, in_one_piece};

#[test]
fn an_array_of_jobs_computes_the_means_once_and_evaluates_levels_that_do_not_nest() {
    let Some(cluster) = Cluster::up() else { return };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (labels, embeddings) = (data.join("assignments/independent.npy"), data.join("digits/embeddings.npy"));
    let out = cluster.shared().join("out");
    let spec = cluster.spec("spec.yaml", &crate::spec(&out, &labels, &embeddings, "  shards: 4\n"));
    cluster.clustrata(&["submit", &spec]);
    cluster.wait_for_all_jobs();
    let merged = record(&out.join("test/run"));
    assert_same_figures(&merged, &in_one_piece(&cluster, &labels, &embeddings));
    assert_eq!(merged["levels"].as_array().map(Vec::len), Some(3));
    let means = |out: &Path| std::fs::read(out.join("level2/centroids.npy")).expect("means");
    assert_eq!(means(&out.join("test/run")), means(&cluster.shared().join("whole")));
}
