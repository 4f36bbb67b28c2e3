//! The digits with labels in files, and running the program on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clustrata::base::error::Findings;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use serde_json::Value;

use crate::common::{npy_header, program, record};

/// Rows and columns of the digits.
pub(crate) const SHAPE: (u64, usize) = (1797, 64);

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub(crate) fn digits() -> PathBuf {
    data("digits/embeddings.npy")
}

/// `metrics` on the CPU, without a map, into `out`.
pub(crate) fn metrics(embeddings: &Path, out: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("metrics").arg("--embeddings").arg(embeddings).arg("--out").arg(out);
    command.args(["--map", "none"]);
    if !arguments.contains(&"--device") {
        command.args(["--device", "cpu"]);
    }
    command.args(arguments);
    command
}

/// Runs a command that must succeed.
pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{:?}: {}", output.status, text(&output.stderr));
    output
}

/// The record of a run on the digits that must succeed.
pub(crate) fn judged(out: &Path, arguments: &[&str]) -> Value {
    succeeded(&mut metrics(&digits(), out, arguments));
    record(out)
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

/// Joins paths with commas.
pub(crate) fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.to_str().expect("UTF-8")).collect::<Vec<_>>().join(",")
}

/// The labels of every level of a folder, -1 for rows in no cluster, and the files of their centroids.
pub(crate) fn levels_of(folder: &Path, rows: u64, dim: usize) -> (Vec<Vec<i64>>, Vec<PathBuf>) {
    let mut findings = Findings::new();
    let options = HierarchyOptions::default();
    let hierarchy = Hierarchy::open(folder, rows, dim, options, &mut findings, &mut Vec::new()).expect("opens");
    let level = |level: usize| {
        let mut labels = vec![0; hierarchy.labels.len()];
        hierarchy.label_rows(level, 0, &mut labels);
        labels.into_iter().map(|label| if label == u32::MAX { -1 } else { i64::from(label) }).collect()
    };
    let centroids = hierarchy.levels.iter().map(|level| level.sources.centroids.clone()).collect();
    ((0..hierarchy.levels.len()).map(level).collect(), centroids)
}

/// Writes a `.npy` of int64.
pub(crate) fn write_labels(path: &Path, labels: &[i64]) {
    let mut bytes = npy_header("<i8", &format!("({},)", labels.len()), false);
    bytes.extend(labels.iter().flat_map(|label| label.to_le_bytes()));
    std::fs::write(path, bytes).expect("writes");
}

/// Reads the labels of a `.npy` of int32 or int64 that a script wrote, one vector per level.
pub(crate) fn read_labels(path: &Path) -> Vec<Vec<i64>> {
    let bytes = std::fs::read(path).expect("reads");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, data) = (text(&bytes[10..10 + length]), &bytes[10 + length..]);
    let values: Vec<i64> = match header.contains("<i4") {
        true => data.as_chunks().0.iter().map(|&b| i64::from(i32::from_le_bytes(b))).collect(),
        false => data.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
    };
    let levels = values.len() / SHAPE.0 as usize;
    (0..levels).map(|level| values[level..].iter().step_by(levels).copied().collect()).collect()
}
