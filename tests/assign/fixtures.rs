//! A clustering of some rows, other rows to assign, and the arrays that `assign` writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array1;
use ndarray_npy::read_npy;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Clustering, Draw, Dtype, npy, program, scratch, stored};

/// A matrix, row by row.
pub(crate) type Rows = Vec<Vec<f64>>;

/// Clusters of both levels.
pub(crate) const CLUSTERS: [usize; 2] = [37, 5];
const DIM: usize = 19;

/// The handwritten digits that come with the program.
pub(crate) fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy")
}

pub(crate) struct Place {
    folder: TempDir,
    /// A clustering of two levels.
    pub(crate) hier: PathBuf,
    /// Rows that were not clustered.
    pub(crate) new: PathBuf,
    pub(crate) points: Rows,
    /// Of both levels, as stored.
    pub(crate) centroids: [Rows; 2],
    /// Cluster of level 2 of each cluster of level 1.
    pub(crate) parents: Vec<usize>,
}

impl Place {
    /// `rows` new rows of this type about the centroids, with a common offset. The last centroid of level 1 repeats the third.
    pub(crate) fn new(rows: usize, dtype: Dtype, offset: f64) -> Place {
        let folder = scratch();
        let mut draw = Draw(5);
        let mut vectors = |count: usize, scale: f64| -> Rows {
            (0..count).map(|_| (0..DIM).map(|_| offset + scale * draw.value()).collect()).collect()
        };
        let (mut first, second) = (vectors(CLUSTERS[0], 2.0), vectors(CLUSTERS[1], 1.0));
        first[CLUSTERS[0] - 1] = first[2].clone();
        let noise = vectors(rows, 1.2);
        let about = |(row, noise): (usize, &Vec<f64>)| {
            let centroid = &first[row * 7 % CLUSTERS[0]];
            noise.iter().zip(centroid).map(|(noise, value)| stored(noise + value - offset, dtype)).collect()
        };
        let points: Rows = noise.iter().enumerate().map(about).collect();
        // the members of level 1 are of rows that are not there any more
        let members = (0..CLUSTERS[0]).map(|cluster| vec![cluster as u64]).collect();
        let parents: Vec<usize> = (0..CLUSTERS[0]).map(|cluster| cluster * 3 % CLUSTERS[1]).collect();
        let of = |parent: usize| (0..CLUSTERS[0] as u64).filter(|&child| parents[child as usize] == parent).collect();
        let levels = vec![(members, first.clone()), ((0..CLUSTERS[1]).map(of).collect(), second.clone())];
        let clustering = Clustering { points: points.clone(), dtype, levels, subset: None };
        let (hier, new) = clustering.write(folder.path());
        Place { folder, hier, new, points, centroids: [first, second], parents }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `assign` of the new rows to the clustering, which writes to `out`.
    pub(crate) fn assign(&self, out: &str, more: &[&str]) -> Command {
        let mut command = program();
        command.arg("assign").arg(&self.hier).arg("--embeddings").arg(&self.new).arg("--out").arg(self.at(out));
        command.args(more);
        command
    }

    /// Assigns the new rows, which must succeed. Returns assign.json.
    pub(crate) fn assigned(&self, out: &str, more: &[&str]) -> Value {
        succeeded(&self.assign(out, more).output().expect("starts"));
        record(&self.at(out))
    }

    /// Replaces the new rows.
    pub(crate) fn write_new(&mut self, change: impl FnOnce(&mut Rows), dtype: Dtype) {
        change(&mut self.points);
        fs::write(&self.new, npy(&self.points, dtype)).expect("writes");
    }
}

pub(crate) fn record(out: &Path) -> Value {
    let text = fs::read_to_string(out.join("assign.json")).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

pub(crate) fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Expects exit status `code`, and all `words` in the message.
pub(crate) fn refused(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "`{word}` is not in: {said}"));
}

pub(crate) fn labels(out: &Path, level: u32) -> Vec<i32> {
    read_npy::<_, Array1<i32>>(out.join(format!("level{level}/labels.npy"))).expect("int32 labels").to_vec()
}

pub(crate) fn reals(out: &Path, level: u32, what: &str) -> Vec<f32> {
    read_npy::<_, Array1<f32>>(out.join(format!("level{level}/{what}.npy"))).expect("float32").to_vec()
}

/// The files of an assignment that hold results.
pub(crate) fn contents(out: &Path) -> Vec<(String, Vec<u8>)> {
    let all = crate::common::files_below(out).into_iter();
    let results = all.filter(|name| name.starts_with("level") || name.starts_with("assigned."));
    results.map(|name| (name.clone(), fs::read(out.join(&name)).expect("a file"))).collect()
}

/// The nearest centroid (of equally near ones the first), the distance to it, and the distance to the second nearest.
pub(crate) fn nearest(point: &[f64], centroids: &Rows) -> (usize, f64, f64) {
    let mut all: Vec<(f64, usize)> = centroids.iter().map(|c| crate::common::distance(point, c)).zip(0..).collect();
    // the sort is stable
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    (all[0].1, all[0].0, all.get(1).map_or(f64::NAN, |second| second.0))
}
