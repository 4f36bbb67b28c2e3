//! The digits, a second clustering of them, and the golden values.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{self, scratch};

/// What measures agree to.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// The names of the measures that go by labels.
pub(crate) const MEASURES: [&str; 7] = ["ari", "ami", "nmi", "v_measure", "homogeneity", "completeness", "purity"];

/// Values of scikit-learn (tests/data/agreement/make.py).
pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../data/agreement/agreement.json")).expect("valid JSON")
}

pub(crate) fn close(got: f64, want: &Value) -> bool {
    want.as_f64().is_some_and(|want| (got - want).abs() <= TOLERANCE)
}

/// The digits that ship with the source.
pub(crate) fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits")
}

/// The program without --quiet: the tests read its output.
pub(crate) fn clustrata(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clustrata")).args(arguments).output().expect("the program starts")
}

/// `metrics` on a clustering of the digits.
pub(crate) fn judge(clustering: &Path, out: &Path, more: &[&str]) -> Output {
    let embeddings = digits().join("embeddings.npy");
    let paths = [clustering, &embeddings, out].map(|path| path.to_str().expect("UTF-8").to_owned());
    let [clustering, embeddings, out] = &paths;
    let always = ["metrics", clustering, "--embeddings", embeddings, "--out", out, "--device", "cpu"];
    let metrics: &[&str] = if more.contains(&"--metrics") { &[] } else { &["--metrics", "fast"] };
    clustrata(&[&always, metrics, more].concat())
}

/// The same, and it must succeed.
pub(crate) fn judged(clustering: &Path, out: &Path, more: &[&str]) -> Value {
    succeeded(&judge(clustering, out, more));
    common::record(out)
}

/// What was printed; it must have ended with exit code 0.
pub(crate) fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output)
}

/// Exit code and standard error, without informational lines.
pub(crate) fn failed(output: &Output) -> (Option<i32>, String) {
    let text = stderr(output);
    let message = text.find("error: ").map_or("", |at| &text[at..]);
    (output.status.code(), message.to_owned())
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with two runs: `a` of the digits, `b` of level 1 with every third row moved (as make.py does).
pub(crate) struct Runs {
    pub(crate) folder: TempDir,
    pub(crate) a: PathBuf,
    pub(crate) b: PathBuf,
    /// The clustering of `b`.
    pub(crate) moved: PathBuf,
}

impl Runs {
    pub(crate) fn new() -> Runs {
        let folder = scratch();
        let at = |name: &str| folder.path().join(name);
        let (a, b, moved) = (at("a"), at("b"), at("moved"));
        write_moved(&moved);
        judged(&digits(), &a, &[]);
        judged(&moved, &b, &["--metrics", "fast,davies_bouldin"]);
        Runs { folder, a, b, moved }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `compare a b`
    pub(crate) fn compare(&self, more: &[&str]) -> Output {
        compare(&self.a, &self.b, more)
    }
}

pub(crate) fn compare(a: &Path, b: &Path, more: &[&str]) -> Output {
    let [a, b] = [a, b].map(|path| path.to_str().expect("UTF-8"));
    clustrata(&[&["compare", a, b], more].concat())
}

/// Level 1 of the digits with row i of every third in cluster 7 i mod 200.
fn write_moved(folder: &Path) {
    let mut findings = clustrata::base::error::Findings::new();
    let options = HierarchyOptions { levels: vec![1], ..HierarchyOptions::default() };
    let hierarchy = Hierarchy::open(&digits(), 1797, 64, options, &mut findings, &mut Vec::new()).expect("opens");
    let mut members = vec![Vec::new(); 200];
    for (row, &cluster) in hierarchy.labels.iter().enumerate() {
        members[if row % 3 == 0 { row * 7 % 200 } else { cluster as usize }].push(row as u64);
    }
    let level = folder.join("level1");
    fs::create_dir_all(&level).expect("makes a folder");
    fs::write(level.join("sorted_clusters.npy"), common::sorted_clusters(&members)).expect("writes");
    fs::copy(digits().join("level1/centroids.npy"), level.join("centroids.npy")).expect("copies");
}
