//! Labels as a clustering: the cluster of every row, on one level or on several from fine to coarse.
//!
//! Whole numbers are the numbers of the clusters, so a number that no row has is an empty cluster. Texts are numbered in
//! order of first appearance. Empty, NaN and -1 mean that the row is in no cluster.

mod assignment;
mod npy;
mod number;
#[cfg(feature = "parquet")]
mod table;
mod text;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::base::error::{Finding, Findings};
use crate::formats::input_file::{self, BUFFER};
use crate::formats::npy::MAGIC;

/// Extensions of the files that hold labels.
const EXTENSIONS: [&str; 6] = ["npy", "txt", "lst", "list", "csv", "parquet"];

/// The label files that a path in place of a clustering's folder names: a file, or several separated by commas. `None` if it
/// names a folder, or nothing that holds labels.
pub fn label_files(path: &Path) -> Option<Vec<PathBuf>> {
    let is_labels = |file: &Path| {
        let extension = input_file::extension(file);
        file.is_file() || (!file.exists() && EXTENSIONS.contains(&extension.as_str()))
    };
    if path.is_dir() {
        return None;
    }
    if path.is_file() {
        return Some(vec![path.to_owned()]);
    }
    let files: Vec<PathBuf> = match path.to_str() {
        Some(text) => text.split(',').map(PathBuf::from).collect(),
        None => vec![path.to_owned()],
    };
    files.iter().all(|file| is_labels(file)).then_some(files)
}

/// Reads the levels of all `files`, fine to coarse. `columns` are those of `.csv` and Parquet files; by default `level1`, `level2`, ..., or
/// else `label` or `cluster`. `rows` is the expected number of labels, if it is known. Adds every problem to `findings`; the
/// result is then `None`.
pub fn read_assignments(
    files: &[PathBuf],
    columns: &[String],
    rows: Option<u64>,
    findings: &mut Findings,
) -> Option<Vec<Assignment>> {
    let before = findings.count();
    let mut levels = Vec::new();
    for file in files {
        for level in findings.take(read(file, columns, rows)).unwrap_or_default() {
            findings.take(level.check(rows));
            levels.push(level);
        }
    }
    (findings.count() == before).then_some(levels)
}

/// The levels of one file.
fn read(path: &Path, columns: &[String], rows: Option<u64>) -> Result<Vec<Assignment>, Finding> {
    if path.file_name().is_some_and(|name| name == "sorted_clusters.npy" || name == "sorted_clusters.pkl") {
        return Err(Finding::new("not a file of labels")
            .file(path)
            .expected("the cluster of every row")
            .found("the members of every cluster")
            .hint("name the clustering's folder, the one that holds level1, in place of this file"));
    }
    let (file, metadata) = input_file::open(path)?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let start = reader.fill_buf().map_err(|error| Finding::io("the file can't be read", path, &error))?;
    let extension = input_file::extension(path);
    let is_parquet = start.starts_with(b"PAR1") || extension == "parquet";
    if !columns.is_empty() && !is_parquet && extension != "csv" {
        let finding = Finding::new("labels of this format have no columns with names").file(path);
        return Err(finding.hint("leave out --level-columns, or name a .csv or Parquet file"));
    }
    match extension.as_str() {
        _ if start.is_empty() => Err(Finding::new("the file of labels is empty").file(path).hint("write it again")),
        _ if start.starts_with(MAGIC) => npy::read(reader, path, metadata.len(), rows),
        _ if is_parquet => parquet(path, columns),
        "txt" | "lst" | "list" => text::lines(reader, path),
        "csv" => text::csv(reader, path, columns),
        "npy" => Err(npy::not_npy(reader, path)),
        _ => Err(unknown(path, &extension)),
    }
}

#[cfg(feature = "parquet")]
fn parquet(path: &Path, columns: &[String]) -> Result<Vec<Assignment>, Finding> {
    table::read(path, columns)
}

#[cfg(not(feature = "parquet"))]
fn parquet(path: &Path, _columns: &[String]) -> Result<Vec<Assignment>, Finding> {
    Err(input_file::no_parquet(path))
}

fn unknown(path: &Path, extension: &str) -> Finding {
    Finding::new("the labels have an unknown format")
        .file(path)
        .expected("a .npy of integers or strings, a .txt with a label per line, or a .csv or Parquet file with a column per level")
        .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
        .hint("give the file the extension of its format")
}

pub use assignment::Assignment;

#[cfg(test)]
mod tests;
