//! Rows that were clustered get the labels of the clustering wherever it assigned them to its stored centroids.

use std::path::Path;

use clustrata::{Embeddings, Findings, Hierarchy, HierarchyOptions};
use serde_json::Value;

use crate::common::{EVERY_FIGURE, judged, program, scratch, shared};
use crate::fixtures::{digits, labels, reals, record, succeeded};

/// The labels that the clustering itself gives to its rows on level 1.
fn stored_labels(hier: &Path, embeddings: &Path) -> Vec<i32> {
    let (mut findings, mut warnings) = (Findings::new(), Vec::new());
    let embeddings = Embeddings::open(&[embeddings.to_owned()], &mut findings).expect("embeddings");
    let (rows, options) = (embeddings.rows(), HierarchyOptions::default());
    let hierarchy = Hierarchy::open(hier, rows, embeddings.dim(), options, &mut findings, &mut warnings);
    let labels = hierarchy.expect("a clustering").labels;
    labels.into_iter().map(|label| i32::try_from(label).expect("every row has a label")).collect()
}

fn assign(hier: &Path, embeddings: &Path, out: &Path) -> Value {
    let mut command = program();
    command.arg("assign").arg(hier).arg("--embeddings").arg(embeddings).arg("--out").arg(out);
    succeeded(&command.args(["--device", "cpu"]).output().expect("starts"));
    record(out)
}

#[test]
fn a_clustering_of_this_program_is_reproduced() {
    let folder = scratch();
    let hier = folder.path().join("hier");
    let mut command = program();
    command.arg("kmeans").arg("--embeddings-path").arg(digits()).arg("--out").arg(&hier);
    let levels = ["--n-clusters", "60,12", "--n-resampling-steps", "2,1", "--sample-size", "9,1", "--n-iters", "40"];
    succeeded(&command.args(levels).args(["--device", "cpu"]).output().expect("starts"));
    let out = folder.path().join("out");
    let record = assign(&hier, &digits(), &out);
    let found = labels(&out, 1);
    assert_eq!(found, stored_labels(&hier, &digits()));
    // above level 1 they follow the hierarchy
    let above = clustrata::formats::pickle::read_clusters(&hier.join("level2/sorted_clusters.npy")).expect("clusters");
    let second = labels(&out, 2);
    for (parent, children) in above.iter().enumerate() {
        let of_parent = |label: &i32| children.contains(&u64::try_from(*label).expect("a label"));
        assert!(found.iter().zip(&second).all(|(child, found)| of_parent(child) == (*found == parent as i32)));
    }
    // distances are those of `metrics`, and so is what the record says
    let judged = judged(&hier, &digits(), &folder.path().join("judged"), &["--distances", "own", "--metrics", "fast"]);
    for level in [1, 2] {
        let file = format!("level{level}/distances.npy");
        let read = |folder: &Path| std::fs::read(folder.join(&file)).expect("distances");
        assert!(read(&out) == read(&folder.path().join("judged")), "level {level}");
        let sizes = &record["levels"][level - 1]["sizes"];
        assert_eq!(*sizes, judged["levels"][level - 1]["clusters"]["size"]);
    }
}

#[test]
fn a_spherical_clustering_is_reproduced_from_rows_of_any_length() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    let mut command = program();
    command.arg("kmeans").arg("--embeddings-path").arg(digits()).arg("--out").arg(at("hier"));
    let once = ["--spherical", "--n-clusters", "20", "--n-iters", "60", "--device", "cpu"];
    succeeded(&command.args(once).output().expect("starts"));
    // the same directions
    let mut scaled: ndarray::Array2<f32> = ndarray_npy::read_npy(digits()).expect("digits");
    scaled.outer_iter_mut().enumerate().for_each(|(row, mut values)| values *= [0.25, 1.0, 1024.0][row % 3]);
    ndarray_npy::write_npy(at("scaled.npy"), &scaled).expect("writes");
    for (embeddings, out) in [(digits(), "plain"), (at("scaled.npy"), "scaled")] {
        let record = assign(&at("hier"), &embeddings, &at(out));
        assert_eq!(record["normalized"], true, "as the clustering was made");
    }
    let stored = {
        let (mut findings, mut warnings) = (Findings::new(), Vec::new());
        let options = HierarchyOptions::default();
        let hierarchy = Hierarchy::open(&at("hier"), scaled.nrows() as u64, 64, options, &mut findings, &mut warnings);
        hierarchy.expect("a clustering").labels
    };
    let found = labels(&at("plain"), 1);
    assert!(found.iter().zip(&stored).all(|(&found, &stored)| found == stored as i32));
    assert_eq!(found, labels(&at("scaled"), 1));
    // rows as they are have the same nearest centroids of norm 1, but other distances
    let mut command = program();
    command.arg("assign").arg(at("hier")).arg("--embeddings").arg(at("scaled.npy")).arg("--out").arg(at("as-is"));
    let output = command.args(["--normalize=false", "--device", "cpu"]).output().expect("starts");
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("rows as they are"));
    let distances = |out: &str| reals(&at(out), 1, "distances");
    assert_eq!(distances("plain"), distances("scaled"));
    assert_ne!(distances("plain"), distances("as-is"));
}

/// Upstream's clusterings: as many labels differ as `metrics` counts points that are nearer to another centroid. None differ where
/// upstream assigned all points to the final centroids, and some where it split clusters.
#[test]
fn upstream_s_clusterings_are_reproduced_but_for_misassigned_points() {
    let Some(shared) = shared() else { return };
    for (name, data) in [("digits", "digits"), ("photos", "photos"), ("rings", "rings"), ("digits_split", "digits")] {
        let folder = scratch();
        let (hier, embeddings) = (shared.join(name).join("hier"), shared.join(data).join("embeddings.npy"));
        let converted = folder.path().join("embeddings.npy");
        let embeddings = if is_fortran(&embeddings) { in_c_order(&embeddings, &converted) } else { embeddings };
        assign(&hier, &embeddings, &folder.path().join("out"));
        let found = labels(&folder.path().join("out"), 1);
        let stored = stored_labels(&hier, &embeddings);
        let differ = found.iter().zip(&stored).filter(|(found, stored)| found != stored).count();
        let judged = judged(&hier, &embeddings, &folder.path().join("judged"), &EVERY_FIGURE);
        let misassigned = &judged["levels"][0]["figures"]["misassigned"];
        println!("{name}: {differ} of {} labels differ", found.len());
        assert_eq!(misassigned.as_u64(), Some(differ as u64), "{name}");
    }
}

fn is_fortran(path: &Path) -> bool {
    let bytes = std::fs::read(path).expect("a file");
    String::from_utf8_lossy(&bytes[..128.min(bytes.len())]).contains("'fortran_order': True")
}

fn in_c_order(path: &Path, to: &Path) -> std::path::PathBuf {
    let matrix: ndarray::Array2<f32> = ndarray_npy::read_npy(path).expect("a matrix of f4");
    ndarray_npy::write_npy(to, &matrix.as_standard_layout()).expect("writes");
    to.to_owned()
}
