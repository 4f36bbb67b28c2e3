//! Checks of a hierarchy before any computation. Each reports one problem with a count and the first examples.

use std::path::Path;

use rayon::prelude::*;

use super::LevelFiles;
use super::members::{EXAMPLES, Repeats};
use crate::base::error::Finding;
use crate::base::matrix::{MatrixView, UNLABELLED};
use crate::base::numeric::to_usize;
use crate::formats::npy::Matrix;
use crate::formats::pickle::Clusters;
use crate::formats::upstream::Upstream;

/// Number of centroid values from which on several threads check them.
const PARALLEL: usize = 1 << 25;

/// The set whose elements the members of a level number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ground<'a> {
    /// All rows of the embeddings; their number.
    Rows(u64),
    /// Entries of a subset.
    Subset(&'a [u64]),
    /// Clusters of the level below; their sizes.
    Clusters(&'a [u64]),
}

impl Ground<'_> {
    /// Number of elements. Members must be below it.
    pub(super) fn len(&self) -> u64 {
        match self {
            Ground::Rows(rows) => *rows,
            Ground::Subset(entries) | Ground::Clusters(entries) => entries.len() as u64,
        }
    }
}

/// The membership checks of one level.
#[derive(Debug)]
pub(super) struct Membership<'a> {
    pub(super) number: u32,
    pub(super) file: &'a Path,
    pub(super) ground: Ground<'a>,
    pub(super) allow_unassigned: bool,
    /// Path of the subset in config.yaml.
    pub(super) subset_hint: Option<&'a Path>,
}

impl Membership<'_> {
    fn finding(&self, what: &str) -> Finding {
        Finding::new(what).level(self.number).file(self.file)
    }

    /// Checks that every member exists.
    pub(super) fn in_range(&self, clusters: &Clusters) -> Result<(), Finding> {
        let bound = self.ground.len();
        let Some(position) = clusters.members().iter().position(|&member| member >= bound) else { return Ok(()) };
        let count = clusters.members().iter().filter(|&&member| member >= bound).count();
        let offsets = clusters.offsets();
        let cluster = offsets.partition_point(|&start| start <= position as u64).saturating_sub(1);
        let (expected, hint) = match self.ground {
            Ground::Rows(rows) => (
                format!("row numbers below {rows}, the rows of the embeddings"),
                "check that --embeddings names all files of the embeddings that were clustered",
            ),
            Ground::Subset(subset) => (
                format!("numbers below {}, the entries of the subset", subset.len()),
                "check that --subset-indices names the rows that were clustered",
            ),
            Ground::Clusters(sizes) => (
                format!("cluster numbers below {}, the clusters of level {}", sizes.len(), self.number - 1),
                "check that both levels come from one run",
            ),
        };
        Err(self
            .finding("a member does not exist")
            .cluster(cluster as u64)
            .index(position as u64 - offsets[cluster])
            .expected(expected)
            .found(format!(
                "{}; {count} of {} members are too large",
                clusters.members()[position],
                clusters.members().len()
            ))
            .hint(hint))
    }

    /// Checks that nothing is in two clusters.
    pub(super) fn once(&self, repeats: &Repeats) -> Result<(), Finding> {
        let Some(&(place, _, later)) = repeats.examples.first() else { return Ok(()) };
        let (what, thing) = match self.ground {
            Ground::Rows(_) | Ground::Subset(_) => ("a point is in two clusters, or twice in one", "row"),
            Ground::Clusters(_) => ("a cluster of the level below is in two clusters, or twice in one", "cluster"),
        };
        let examples = repeats.examples.iter().map(|(place, a, b)| format!("{thing} {place} in {a} and {b}"));
        Err(self
            .finding(what)
            .cluster(later.into())
            .index(place)
            .expected(format!("every {thing} once"))
            .found(format!("{} repeats: {}", repeats.count, listed(examples, repeats.count)))
            .hint(
                "write the clusters again; if the file was assembled from parts, look for a part that was added twice",
            ))
    }

    /// Checks that everything is in a cluster. `table` holds the cluster of every row of the embeddings, or of every cluster of
    /// the level below.
    pub(super) fn assigned(&self, table: &[u32]) -> Result<(), Finding> {
        if self.allow_unassigned {
            return Ok(());
        }
        let is_free = |&place: &u64| table[to_usize(place)] == UNLABELLED;
        let (count, free): (u64, Vec<u64>) = match self.ground {
            Ground::Subset(subset) => first_of(subset.iter().copied().filter(is_free)),
            Ground::Rows(_) | Ground::Clusters(_) => first_of((0..table.len() as u64).filter(is_free)),
        };
        let Some(&first) = free.first() else { return Ok(()) };
        let total = self.ground.len();
        let found = format!("{count} of {total}: {}", listed(free.iter().map(u64::to_string), count));
        let finding = |what: &str| self.finding(what).index(first);
        Err(match self.ground {
            Ground::Rows(_) => {
                let subset = self.subset_hint.map_or("FILE".to_owned(), |path| path.display().to_string());
                finding("rows of the embeddings are in no cluster").expected("every row in one cluster").found(found).hint(
                    format!(
                        "either these are not the embeddings that were clustered (check --embeddings), or only a subset \
                         was (--subset-indices {subset}); --allow-unassigned excludes such rows from every metric"
                    ),
                )
            }
            Ground::Subset(_) => finding("rows of the subset are in no cluster")
                .expected("every row of the subset in one cluster")
                .found(found)
                .hint("check --subset-indices; --allow-unassigned excludes such rows from every metric"),
            Ground::Clusters(_) => finding("clusters of the level below are in no cluster")
                .expected(format!("every cluster of level {} in one cluster", self.number - 1))
                .found(found)
                .hint("check that both levels come from one run"),
        })
    }
}

/// The number of items and the first few.
fn first_of(items: impl Iterator<Item = u64>) -> (u64, Vec<u64>) {
    let mut first = Vec::new();
    let count = items
        .inspect(|&item| {
            if first.len() < EXAMPLES {
                first.push(item)
            }
        })
        .count();
    (count as u64, first)
}

/// The examples, with dots if there are more.
fn listed(examples: impl Iterator<Item = String>, count: u64) -> String {
    let examples: Vec<_> = examples.take(EXAMPLES).collect();
    let dots = if count > examples.len() as u64 { ", ..." } else { "" };
    examples.join(", ") + dots
}

/// Checks that the centroids have as many columns as the embeddings.
pub(super) fn dimensions(number: u32, sources: &LevelFiles, centroids: &Matrix, dim: usize) -> Result<(), Finding> {
    let found = centroids.view().cols();
    if found == dim {
        return Ok(());
    }
    Err(Finding::new("centroids and embeddings differ in their number of dimensions")
        .level(number)
        .file(&sources.centroids)
        .expected(format!("{dim} columns, as in the embeddings"))
        .found(found.to_string())
        .hint("name the embeddings that were clustered; those of another model have another width"))
}

/// Checks that every cluster has a centroid.
pub(super) fn counts(number: u32, sources: &LevelFiles, clusters: usize, centroids: &Matrix) -> Result<(), Finding> {
    let rows = centroids.view().rows();
    if rows == clusters {
        return Ok(());
    }
    Err(Finding::new("a level has different numbers of centroids and clusters")
        .level(number)
        .file(&sources.centroids)
        .expected(format!("{clusters} rows, one per cluster of {}", sources.clusters.display()))
        .found(rows.to_string())
        .hint("take both files from one step of one run"))
}

/// Checks that the centroids are finite, except those of empty clusters, which enter no metric.
pub(super) fn finite(number: u32, sources: &LevelFiles, centroids: &Matrix, sizes: &[u64]) -> Result<(), Finding> {
    let view = centroids.view();
    let rows = 0..view.rows().min(sizes.len());
    let is_broken = |row: &usize| sizes[*row] > 0 && !is_finite(&view, *row);
    // Several threads only for many values: for a few megabytes, waking them costs more than it saves.
    let broken: Vec<usize> = match rows.len() * view.cols() {
        0..PARALLEL => rows.filter(is_broken).collect(),
        _ => rows.into_par_iter().with_min_len(64).filter(is_broken).collect(),
    };
    let Some(&first) = broken.first() else { return Ok(()) };
    let count = broken.len() as u64;
    Err(Finding::new("centroids are not finite")
        .level(number)
        .cluster(first as u64)
        .file(&sources.centroids)
        .expected("finite values in the centroid of every cluster that has points")
        .found(format!("NaN or infinity in {count}: {}", listed(broken.iter().map(usize::to_string), count)))
        .hint("look for NaN in the embeddings that were clustered, and cluster again"))
}

fn is_finite(view: &MatrixView<'_>, row: usize) -> bool {
    // No early exit, so that the compiler can vectorise.
    match view {
        MatrixView::F32(matrix) => matrix.row(row).iter().fold(true, |all, value| all & value.is_finite()),
        MatrixView::F64(matrix) => matrix.row(row).iter().fold(true, |all, value| all & value.is_finite()),
    }
}

/// A warning if config.yaml asks for a different number of levels.
pub(super) fn levels_asked(upstream: &Upstream, found: usize) -> Option<String> {
    let asked = upstream.n_levels.filter(|&asked| asked != found as u64)?;
    Some(format!("config.yaml asks for {asked} levels, but the folder has {found}; using the folder"))
}

/// A warning if config.yaml asks for a different number of clusters than a level has.
pub(super) fn clusters_asked(upstream: &Upstream, number: u32, found: usize) -> Option<String> {
    let (least, most) = upstream.clusters_asked(number)?;
    if (least..=most).contains(&(found as u64)) {
        return None;
    }
    let asked = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Some(format!("level {number}: config.yaml asks for {asked} clusters, but the files have {found}; using the files"))
}
