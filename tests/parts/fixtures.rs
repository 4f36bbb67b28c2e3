//! A clustering that takes a moment, and how records are compared.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::common::records::{difference, without_silhouettes};
use crate::common::{self, Clustering, Dtype, record, scratch};

/// Rows of [`Place::new`]: no multiple of a tile or of a number of shards.
pub(crate) const ROWS: usize = 4099;
const DIM: usize = 17;
const CLUSTERS: [usize; 2] = [101, 7];

/// A clustering on disk.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) hier: PathBuf,
    pub(crate) embeddings: PathBuf,
}

/// Numbers in -1..1, the same ones each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 23) - 1.0
    }
}

/// Points about the centroids of the first level.
fn clustering() -> Clustering {
    let mut random = Random::new(11);
    let mut vectors = |count: usize, scale: f64, about: &dyn Fn(usize) -> Option<Vec<f64>>| -> Vec<Vec<f64>> {
        let vector = |row: usize| {
            let about = about(row).unwrap_or_else(|| vec![3.0; DIM]);
            about.iter().map(|a| common::stored(a + scale * random.next(), Dtype::F4)).collect()
        };
        (0..count).map(vector).collect()
    };
    let centroids = vectors(CLUSTERS[0], 2.0, &|_| None);
    let above = vectors(CLUSTERS[1], 1.0, &|_| None);
    let of = |row: usize| (row * row + 3 * row) % CLUSTERS[0];
    let points = vectors(ROWS, 0.9, &|row| Some(centroids[of(row)].clone()));
    let split = |items: usize, clusters: usize, of: &dyn Fn(usize) -> usize| -> Vec<Vec<u64>> {
        (0..clusters).map(|cluster| (0..items).filter(|&i| of(i) == cluster).map(|i| i as u64).collect()).collect()
    };
    let levels = vec![
        (split(ROWS, CLUSTERS[0], &of), centroids),
        (split(CLUSTERS[0], CLUSTERS[1], &|cluster| cluster % CLUSTERS[1]), above),
    ];
    Clustering { points, dtype: Dtype::F4, levels, subset: None }
}

impl Place {
    pub(crate) fn new() -> Place {
        Place::of(&clustering())
    }

    /// With NaN in some rows: in all of one cluster and in one of another.
    pub(crate) fn with_nan() -> Place {
        let mut clustering = clustering();
        for &row in &clustering.levels[0].0[4] {
            clustering.points[row as usize][1] = f64::NAN;
        }
        clustering.points[0][0] = f64::NAN;
        Place::of(&clustering)
    }

    fn of(clustering: &Clustering) -> Place {
        let folder = scratch();
        let (hier, embeddings) = clustering.write(folder.path());
        Place { folder, hier, embeddings }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `metrics` into a folder, on the CPU unless `more` names a device.
    pub(crate) fn metrics(&self, out: &str, more: &[&str]) -> Command {
        let mut command = common::program();
        command.arg("metrics").arg(&self.hier).arg("--embeddings").arg(&self.embeddings);
        command.arg("--out").arg(self.at(out));
        if !more.contains(&"--device") {
            command.args(["--device", "cpu"]);
        }
        command.args(more);
        command
    }

    /// `merge` of a folder.
    pub(crate) fn merge(&self, out: &str, more: &[&str]) -> Command {
        let mut command = common::program();
        command.arg("merge").arg(self.at(out)).args(more);
        command
    }

    /// A run in one piece.
    pub(crate) fn whole(&self, out: &str, more: &[&str]) -> Value {
        succeeded(&mut self.metrics(out, more));
        record(&self.at(out))
    }

    /// A run in parts: both rounds and the merge.
    pub(crate) fn in_parts(&self, out: &str, shares: &[[&str; 2]], more: &[&str]) -> Value {
        for _round in 0..2 {
            for share in shares {
                succeeded(&mut self.metrics(out, &[&share[..], more].concat()));
            }
        }
        succeeded(&mut self.merge(out, &[]));
        record(&self.at(out))
    }
}

pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{:?}: {}", output.status, text(&output.stderr));
    output
}

/// Must be refused with the exit code and say all of `parts`.
pub(crate) fn refused(command: &mut Command, code: i32, parts: &[&str]) {
    let output = command.output().expect("the program starts");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
