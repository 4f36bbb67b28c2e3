//! What the tests of the command share.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clustrata::base::error::Findings;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use ndarray::Array2;
use ndarray_npy::read_npy;
use serde_json::Value;

use crate::common::{Clustering, Dtype, EVERY_FIGURE, files_below, judged, npy, program, scratch};
use crate::compare::compare;
use crate::definition::Definition;
use crate::means::exact_sum;
use crate::points::squared;

/// A folder with embeddings, to make clusterings in.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn with(rows: &[Vec<f64>], dtype: Dtype) -> Place {
        let place = Place { folder: scratch() };
        place.put(rows, dtype);
        place
    }

    /// Other embeddings in the place of those that are there.
    pub(crate) fn put(&self, rows: &[Vec<f64>], dtype: Dtype) {
        std::fs::write(self.at("embeddings.npy"), npy(rows, dtype)).expect("writes");
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `kmeans`, which writes to `out`.
    pub(crate) fn kmeans(&self, out: &str, more: &[&str]) -> Output {
        let mut command: Command = program();
        command.arg("kmeans").arg("--embeddings-path").arg(self.at("embeddings.npy"));
        command.arg("--out").arg(self.at(out)).args(more).output().expect("starts")
    }

    /// The same, and it must succeed; gives kmeans.json.
    pub(crate) fn made(&self, out: &str, more: &[&str]) -> Value {
        let output = self.kmeans(out, more);
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        let text = std::fs::read_to_string(self.at(out).join("kmeans.json")).expect("a record");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Files below `out`; none where it is not there.
    pub(crate) fn files(&self, out: &str) -> Vec<String> {
        files_below(&self.at(out))
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A stored matrix.
pub(crate) fn matrix(path: &Path) -> Array2<f64> {
    read_npy::<_, Array2<f64>>(path)
        .or_else(|_| read_npy::<_, Array2<f32>>(path).map(|matrix| matrix.mapv(f64::from)))
        .expect("a matrix of f4 or f8")
}

/// The centroids and labels that the first level of a clustering ended with.
pub(crate) fn level1(place: &Place, out: &str, rows: &[Vec<f64>]) -> (Vec<Vec<f64>>, Vec<usize>) {
    let (folder, mut findings) = (place.at(out), Findings::new());
    let options = HierarchyOptions::default();
    let opened = Hierarchy::open(&folder, rows.len() as u64, rows[0].len(), options, &mut findings, &mut Vec::new());
    findings.into_result().expect("what was written can be read");
    let labels = opened.expect("a hierarchy").labels.into_iter().map(|label| label as usize).collect();
    let centroids = matrix(&folder.join("level1/centroids.npy"));
    (centroids.outer_iter().map(|row| row.to_vec()).collect(), labels)
}

/// Fails with all faults, a line each.
pub(crate) fn none_of(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// Of what the first level ended with, in float64: the objective, and the clusters that are not empty.
pub(crate) fn evaluated(place: &Place, out: &str, rows: &[Vec<f64>]) -> (f64, usize) {
    let (centroids, labels) = level1(place, out, rows);
    let objective = exact_sum(rows.iter().zip(&labels).map(|(row, &label)| squared(row, &centroids[label])));
    let mut filled = labels;
    filled.sort_unstable();
    filled.dedup();
    (objective, filled.len())
}

/// Judges a clustering by the program with every metric asked for; gives the record.
pub(crate) fn from_program(clustering: &Clustering, device: &str, more: &[&str]) -> Value {
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    let options = [&["--device", device], &EVERY_FIGURE[..], more].concat();
    judged(&hier, &embeddings, &folder.path().join("out"), &options)
}

/// All that is wrong with a record, a line each.
pub(crate) fn wrong(record: &Value, clustering: &Clustering) -> Vec<String> {
    let levels = 0..clustering.levels.len();
    let of = |number: usize| compare(&record["levels"][number], &Definition::of(clustering, number));
    levels.flat_map(of).map(|wrong| format!("{}: {}", wrong.metric, wrong.what)).collect()
}
