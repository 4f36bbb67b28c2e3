//! Labels as a clustering: the cluster of every row, on one level or on several from fine to coarse.
//!
//! Whole numbers are the numbers of the clusters, so a number that no row has is an empty cluster. Texts are numbered in
//! order of first appearance. Empty, NaN and -1 mean that the row is in no cluster.

mod npy;
mod text;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::list::{LabelNames, Labels};
use crate::base::error::{Finding, Findings};
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::formats::input_file::{self, BUFFER};
use crate::formats::npy::MAGIC;

/// Most levels of one file. More columns than this are vectors or a one-hot matrix.
const MOST_LEVELS: u64 = 64;

/// Numbers of clusters below this are accepted for any number of rows.
const ALWAYS: u64 = 1 << 16;

/// Extensions of the files that hold labels.
const EXTENSIONS: [&str; 6] = ["npy", "txt", "lst", "list", "csv", "parquet"];

/// One level of a clustering that is given as labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The cluster of every row, below `clusters`; [`UNLABELLED`] for an unassigned row.
    pub of_rows: Vec<u32>,
    /// Number of clusters, including empty ones.
    pub clusters: usize,
    /// The label of each cluster, if labels are texts; `None` if they are the clusters' numbers.
    pub names: Option<Arc<[String]>>,
    /// The file it was read from.
    pub file: PathBuf,
    /// The column of the file; `None` if it has only one.
    pub column: Option<String>,
}

impl Assignment {
    /// Number of unassigned rows.
    pub fn unassigned(&self) -> u64 {
        self.of_rows.iter().filter(|&&label| label == UNLABELLED).count() as u64
    }

    /// From labels that are numbered in order of first appearance.
    fn of_labels(labels: Labels, file: &Path, column: Option<String>) -> Result<Assignment, Finding> {
        let Labels { mut of_rows, distinct, names } = labels;
        let numbers = match &names {
            LabelNames::Whole(numbers) => Some(numbers.to_vec()),
            LabelNames::Text(texts) => texts.iter().map(|text| whole(text)).collect(),
        };
        let Some(numbers) = numbers else {
            let LabelNames::Text(names) = names else { return Err(Finding::new("labels without names").file(file)) };
            return Ok(Assignment { of_rows, clusters: distinct, names: Some(names), file: file.to_owned(), column });
        };
        let largest = numbers.iter().copied().max();
        let clusters = clusters(largest, of_rows.len() as u64, file)?;
        // below the number of clusters, which fits 32 bits
        let numbers: Vec<u32> = numbers.into_iter().map(|number| u32::try_from(number).unwrap_or(UNLABELLED)).collect();
        for label in of_rows.iter_mut().filter(|label| **label != UNLABELLED) {
            *label = numbers[*label as usize];
        }
        Ok(Assignment { of_rows, clusters, names: None, file: file.to_owned(), column })
    }

    /// The same labels for all `rows` rows, of which entry j is that of row `subset[j]`.
    ///
    /// # Panics
    /// If the subset has another length, or names a row past the end.
    #[must_use]
    pub fn of_subset(mut self, subset: &[u64], rows: u64) -> Assignment {
        assert_eq!(self.of_rows.len(), subset.len(), "one label per entry of the subset");
        let mut all = vec![UNLABELLED; to_usize(rows)];
        subset.iter().zip(&self.of_rows).for_each(|(&row, &label)| all[to_usize(row)] = label);
        self.of_rows = all;
        self
    }

    /// Refuses labels that are not `rows` in number, or are all missing.
    fn check(&self, rows: Option<u64>) -> Result<(), Finding> {
        if let Some(rows) = rows.filter(|&rows| self.of_rows.len() as u64 != rows) {
            return Err(lengths(&self.file, rows).found(format!("{} labels", self.of_rows.len())));
        }
        if self.of_rows.iter().all(|&label| label == UNLABELLED) {
            let column = self.column.as_ref().map_or(String::new(), |column| format!(", in column `{column}`"));
            let finding = Finding::new("no row is in a cluster").file(&self.file);
            return Err(finding
                .found(format!("only empty labels, NaN or -1{column}"))
                .hint("name the file of the labels"));
        }
        Ok(())
    }
}

/// The label files that a path in place of a clustering's folder names: a file, or several separated by commas. `None` if it
/// names a folder, or nothing that holds labels.
pub fn label_files(path: &Path) -> Option<Vec<PathBuf>> {
    let is_labels = |file: &Path| {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
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

/// Reads the levels of all `files`, fine to coarse. `columns` are those of `.csv` files; by default `level1`, `level2`, ..., or
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
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    match extension.as_str() {
        _ if start.is_empty() => Err(Finding::new("the file of labels is empty").file(path).hint("write it again")),
        _ if start.starts_with(MAGIC) => npy::read(reader, path, metadata.len(), rows),
        "txt" | "lst" | "list" => text::lines(reader, path),
        "csv" => text::csv(reader, path, columns),
        "npy" => Err(npy::not_npy(reader, path)),
        _ => {
            // the other formats of labels have one column
            if !columns.is_empty() {
                let finding = Finding::new("columns of this format of labels can't be named").file(path);
                return Err(finding.hint("leave out --level-columns, or write a .csv"));
            }
            let rows = rows.ok_or_else(|| unknown(path, &extension))?;
            Labels::read(path, rows)
                .and_then(|labels| Assignment::of_labels(labels, path, None))
                .map(|level| vec![level])
        }
    }
}

fn unknown(path: &Path, extension: &str) -> Finding {
    Finding::new("the labels have an unknown format")
        .file(path)
        .expected("a .npy of integers or strings, a .txt with a label per line, or a .csv with a column per level")
        .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
        .hint("give the file the extension of its format")
}

fn lengths(path: &Path, rows: u64) -> Finding {
    Finding::new("the labels don't match the embeddings")
        .file(path)
        .expected(format!("{rows} labels, one per clustered row"))
        .hint("write -1 for a row in no cluster; if only some rows were clustered, name them with --subset-indices")
}

/// Number of clusters whose numbers go up to `largest`. Refuses numbers that are no cluster numbers: most clusters would be
/// empty, and each takes memory.
fn clusters(largest: Option<u64>, rows: u64, path: &Path) -> Result<usize, Finding> {
    let Some(largest) = largest else { return Ok(0) };
    if largest < u64::from(UNLABELLED) - 1 && largest < rows.max(ALWAYS) {
        return Ok(to_usize(largest) + 1);
    }
    Err(Finding::new("a label is too large for the number of a cluster")
        .file(path)
        .expected(format!(
            "numbers from 0 to {}: label c is cluster c",
            rows.max(ALWAYS).min(u64::from(UNLABELLED) - 1) - 1
        ))
        .found(largest.to_string())
        .hint("number the clusters from 0: numpy.unique(labels, return_inverse=True)[1], or save labels.astype(str)"))
}

/// The whole number that a text is, also as `3.0` or `3.0e+00`. `007` is a name.
fn whole(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        return (number.to_string() == text).then_some(number);
    }
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && !(text.starts_with('0') && text.len() > 1 && !text.starts_with("0."));
    let real = text.parse::<f64>().ok().filter(|_| is_number)?;
    npy::whole(real).ok().flatten()
}

/// Whether a text stands for a missing label: empty, NaN or -1.
fn is_missing(text: &str) -> bool {
    match text {
        "" | "-1" => true,
        _ if text.starts_with('-') => text.parse() == Ok(-1.0),
        _ => text.eq_ignore_ascii_case("nan"),
    }
}

#[cfg(test)]
mod tests;
