//! Which rows are available: those that were clustered, restricted to those that may be selected.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::{AssignmentOptions, Hierarchy, Tree};
use crate::formats::labels::{label_files, read_assignments};
use crate::formats::npy::read_indices;
use crate::formats::upstream::Upstream;

/// A hierarchy on the disk, and its restrictions.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Folder of the hierarchy, or a file of labels.
    pub clustering: &'a Path,
    /// Columns of labels in a `.csv`; empty for those that are named as levels.
    pub level_columns: &'a [String],
    /// The level to start at (1-based); `None` for the top.
    pub top: Option<u32>,
    /// Row numbers that were clustered; `None` to use config.yaml.
    pub subset: Option<&'a Path>,
    /// Row numbers that may be selected. If no subset is known and there are as many of them as points, they are the subset,
    /// as in upstream's `valid_indices_path`: as a restriction, they would exclude no point.
    pub valid: Option<&'a Path>,
}

/// Opens the hierarchy, restricted to the rows that may be selected. Adds messages for the user to `warnings`.
///
/// # Errors
/// `Input` with all problems of the files, or for rows that don't exist.
pub fn open(source: Source<'_>, warnings: &mut Vec<String>) -> Result<Tree> {
    let mut findings = Findings::new();
    let tree = match label_files(source.clustering) {
        Some(files) => of_labels(&files, &source, &mut findings, warnings),
        None => Tree::open(source.clustering, source.top, &mut findings, warnings),
    };
    let valid = source.valid.and_then(|path| Some((path, findings.take(read_indices(path))?)));
    let (Some(tree), true) = (tree, findings.is_empty()) else {
        return findings.into_result().and(Err(Error::input(Finding::new("the clustering could not be opened"))));
    };
    let upstream = Upstream::read(source.clustering, warnings).unwrap_or_default();
    let tree = limit(tree, source, upstream.subset_path(source.clustering), valid, warnings)?;
    in_embeddings(&tree, &upstream)?;
    Ok(tree)
}

/// The tree of a clustering that files of labels describe. Rows in no cluster are not available.
fn of_labels(
    files: &[PathBuf],
    source: &Source<'_>,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) -> Option<Tree> {
    let labels = read_assignments(files, source.level_columns, None, findings)?;
    let entries = labels.first().map_or(0, |level| level.of_rows.len());
    if let Some(other) = labels.iter().find(|level| level.of_rows.len() != entries) {
        let finding = Finding::new("levels have different numbers of labels").file(&other.file);
        findings.push(finding.expected(entries.to_string()).found(other.of_rows.len().to_string()));
        return None;
    }
    let hierarchy = Hierarchy::of_assignments(labels, 1, AssignmentOptions::default(), findings, warnings)?;
    Tree::of_assignments(&hierarchy, source.top, findings)
}

/// Maps the members of level 1 to rows, and keeps the valid ones. `configured` is the subset in config.yaml.
fn limit(
    tree: Tree,
    source: Source<'_>,
    configured: Option<PathBuf>,
    valid: Option<(&Path, Vec<u64>)>,
    warnings: &mut Vec<String>,
) -> Result<Tree> {
    let points = tree.rows().len();
    match (source.subset, configured, valid) {
        (Some(path), _, valid) => within(subset(tree, path)?, true, valid, warnings),
        (None, Some(path), valid) if path.exists() => {
            warnings.push(format!("config.yaml: only the rows in {} were clustered", path.display()));
            within(subset(tree, &path)?, true, valid, warnings)
        }
        (None, _, Some((path, rows))) if rows.len() == points => {
            warnings.push(format!("{} has as many rows as were clustered: using it as the subset", path.display()));
            tree.of_subset(&rows).map_err(|finding| Error::input(finding.file(path)))
        }
        (None, Some(path), _) => Err(missing(path)),
        (None, None, valid) => within(tree, false, valid, warnings),
    }
}

fn subset(tree: Tree, path: &Path) -> Result<Tree> {
    let rows = read_indices(path).map_err(Error::input)?;
    tree.of_subset(&rows).map_err(|finding| Error::input(finding.file(path)))
}

/// Refuses rows past the end of the embeddings, if config.yaml names embeddings that can be opened.
fn in_embeddings(tree: &Tree, upstream: &Upstream) -> Result<()> {
    if upstream.embeddings_path.is_empty() {
        return Ok(());
    }
    let options = upstream.clustrata.read_options();
    let Some(embeddings) = Embeddings::open_with(&upstream.embeddings_path, &options, &mut Findings::new()) else {
        return Ok(());
    };
    let Some(row) = tree.rows().iter().find(|&&row| row >= embeddings.rows()) else { return Ok(()) };
    Err(Error::input(
        Finding::new("a clustered row is not in the embeddings")
            .level(1)
            .file(&upstream.embeddings_path[0])
            .expected(format!("row numbers below {}", embeddings.rows()))
            .found(row.to_string())
            .hint("check that the clustering, config.yaml in it and --subset-indices belong together"),
    ))
}

fn missing(path: PathBuf) -> Error {
    let finding = Finding::new("config.yaml names the subset that was clustered, but its file does not exist");
    Error::input(finding.file(path).hint("pass the .npy file of row numbers with --subset-indices"))
}

/// Keeps only the rows in `valid`. If a subset was clustered, `valid` may list other rows; otherwise every row was clustered,
/// and rows past the last one are refused.
fn within(tree: Tree, of_subset: bool, valid: Option<(&Path, Vec<u64>)>, warnings: &mut Vec<String>) -> Result<Tree> {
    let Some((path, mut valid)) = valid else { return Ok(tree) };
    let last = tree.rows().iter().copied().max().unwrap_or(0);
    if let Some(position) = valid.iter().position(|&row| row > last).filter(|_| !of_subset) {
        return Err(Error::input(
            Finding::new("a row that may be selected was not clustered")
                .file(path)
                .index(position as u64)
                .expected(format!("row numbers up to {last}, or all {} rows of the subset", tree.rows().len()))
                .found(valid[position].to_string())
                .hint(
                    "check that the file belongs to this clustering; --subset-indices lists the rows that were clustered",
                ),
        ));
    }
    valid.sort_unstable();
    valid.dedup();
    let tree = tree.retain(|row| valid.binary_search(&row).is_ok());
    let left = tree.rows().len();
    if left == 0 {
        let finding = Finding::new("none of the rows that may be selected was clustered").file(path);
        return Err(Error::input(finding.hint("check that the file belongs to this clustering")));
    }
    if left < valid.len() {
        warnings.push(format!(
            "{} of the {} rows in {} were not clustered",
            valid.len() - left,
            valid.len(),
            path.display()
        ));
    }
    Ok(tree)
}
