//! Reads a clustering as ssl-data-curation's scripts do, in NumPy.

use std::path::Path;

use serde_json::Value;

use super::python;

/// Loads the files of every level as upstream's reader does, and flattens the members of each level down to points. For each
/// level, prints k, d, the type of the centroids, the members, and the flattened members. Fails on anything that upstream's
/// scripts would not accept, and on any NumPy warning.
const READ: &str = r#"
import json, pathlib, sys
import numpy as np
folder = pathlib.Path(sys.argv[1])
levels = []
flat = None
while (here := folder / f"level{len(levels) + 1}").exists():
    members = np.load(here / "sorted_clusters.npy", allow_pickle=True)
    centroids = np.load(here / "centroids.npy")
    assert members.dtype == object and members.ndim == 1, (members.dtype, members.shape)
    assert all(type(one) is np.ndarray and one.dtype == np.int64 and one.ndim == 1 for one in members)
    assert all(one.flags.c_contiguous and one.dtype.isnative for one in members)
    assert centroids.ndim == 2 and len(centroids) == len(members), (centroids.shape, len(members))
    if flat is None:
        flat = list(members)
    else:
        empty = np.array([], dtype=np.int64)
        flat = [np.concatenate([flat[child] for child in one]) if len(one) else empty for one in members]
    levels.append({
        "k": len(members),
        "d": centroids.shape[1],
        "centroids": centroids.dtype.str,
        "members": [one.tolist() for one in members],
        "flat": [one.tolist() for one in flat],
    })
for step in folder.glob("level*/**/step*"):
    labels, clusters, ordered = (
        np.load(step / f"{name}.npy", allow_pickle=True)
        for name in ("cluster_assignment", "clusters", "sorted_clusters")
    )
    assert labels.dtype == np.int64 and labels.ndim == 1, (labels.dtype, labels.shape)
    assert len(clusters) == len(ordered) == len(np.load(step / "centroids.npy")), step
    for cluster, (one, other) in enumerate(zip(clusters, ordered)):
        assert np.array_equal(np.sort(other), one), f"{step}: cluster {cluster}"
        assert np.array_equal(np.flatnonzero(labels == cluster), one), f"{step}: cluster {cluster}"
    sampled = step / "sampled_indices.npy"
    assert sampled.exists() == (step.name != "step0"), step
    if sampled.exists():
        rows = np.load(sampled)
        assert rows.dtype == np.int64 and (np.diff(rows) > 0).all() and rows[-1] < len(labels), step
print(json.dumps(levels))
"#;

/// The levels of the clustering in `folder` as upstream's scripts read them, with each step checked. `None` without Python,
/// which is reported.
pub fn read(folder: &Path) -> Option<Result<Value, String>> {
    let output = python()?.args(["-W", "error", "-c", READ]).arg(folder).output().expect("Python starts");
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Some(Ok(serde_json::from_slice(&output.stdout).expect("valid JSON")))
}
