//! A hierarchy from labels: one level or several, each with the cluster of every row.
//!
//! A level nests in the level below if every cluster of that level lies in one of its clusters and both leave out the same
//! rows. It then gets a table of parents, as in a folder. A level that does not nest keeps labels and members of its own, and
//! starts a chain: levels nest within a chain and are independent across chains.

use std::path::PathBuf;

use ndarray::Array2;

use super::checks;
use super::members::Members;
use super::{Assigned, Hierarchy, Level, LevelFiles};
use crate::base::error::{Finding, Findings};
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::base::text::counted;
use crate::formats::labels::{Assignment, read_assignments};
use crate::formats::npy::Matrix;
use crate::formats::subset;
use crate::formats::upstream::Upstream;

/// Options of [`Hierarchy::of_assignments`].
#[derive(Debug, Clone, Default)]
pub struct AssignmentOptions {
    /// The file of each level's centroids. Without any, the centroids are the means of the clusters, which
    /// [`Hierarchy::set_means`] provides.
    pub centroids: Vec<PathBuf>,
    /// The levels to evaluate. Levels above the highest one are dropped. Empty for all levels.
    pub levels: Vec<u32>,
    /// Least number of clusters per level; absent levels have as many as their labels say.
    pub clusters: Vec<usize>,
}

/// Where labels come from.
#[derive(Debug)]
pub struct AssignmentSource<'a> {
    /// Files of labels, fine to coarse.
    pub files: &'a [PathBuf],
    /// Columns of `.csv` files; empty for those that are named as levels.
    pub columns: &'a [String],
    /// The rows of the embeddings that were clustered: label j is that of row `subset[j]`. `None` for all rows.
    pub subset: Option<Vec<u64>>,
}

impl AssignmentSource<'_> {
    /// Reads the labels and makes a hierarchy of them, which clusters embeddings with `rows` rows and `dim` columns. Otherwise
    /// as [`Hierarchy::of_assignments`].
    pub fn open(
        self,
        rows: u64,
        dim: usize,
        options: AssignmentOptions,
        findings: &mut Findings,
        warnings: &mut Vec<String>,
    ) -> Option<Hierarchy> {
        let labels = match &self.subset {
            None => read_assignments(self.files, self.columns, Some(rows), findings)?,
            Some(subset) => {
                findings.take(subset::check(subset, rows))?;
                let labels = read_assignments(self.files, self.columns, Some(subset.len() as u64), findings)?;
                labels.into_iter().map(|level| level.of_subset(subset, rows)).collect()
            }
        };
        Hierarchy::of_assignments(labels, dim, options, findings, warnings)
    }
}

impl Hierarchy {
    /// Makes a hierarchy of `levels`, fine to coarse, each with a label for every row of embeddings with `dim` columns. Adds
    /// every problem to `findings`; the result is then `None`. Adds to `warnings` how many rows are unassigned, and which
    /// levels do not nest.
    pub fn of_assignments(
        levels: Vec<Assignment>,
        dim: usize,
        options: AssignmentOptions,
        findings: &mut Findings,
        warnings: &mut Vec<String>,
    ) -> Option<Hierarchy> {
        let before = findings.count();
        let given = !options.centroids.is_empty();
        if given && options.centroids.len() != levels.len() {
            let finding = Finding::new("the numbers of label levels and of centroid files differ");
            let finding = finding.expected(format!("{}, one per level", counted(levels.len(), "file")));
            findings.push_usage(finding.found(options.centroids.len().to_string()).hint("correct --centroids"));
            return None;
        }
        let top = options.levels.iter().copied().max().map_or(levels.len(), |top| top as usize);
        for &number in options.levels.iter().filter(|&&number| number == 0 || number as usize > levels.len()) {
            let finding = Finding::new("the clustering has no such level").level(number);
            let finding = finding.expected(format!("a level from 1 to {}", levels.len()));
            findings.push_usage(finding.hint("change --levels, or leave it out to take all levels"));
        }
        let mut made =
            Hierarchy { levels: Vec::new(), labels: Vec::new(), upstream: Upstream::default(), subset: None };
        for (index, level) in levels.into_iter().take(top).enumerate() {
            let least = options.clusters.get(index).copied().unwrap_or(0);
            let maker = Maker { number: number(index), dim, least, centroids: options.centroids.get(index) };
            maker.add(level, &mut made, findings, warnings);
        }
        (findings.count() == before).then_some(made)
    }

    /// Whether the level starts a chain: it is level 1, or it does not nest in the level below.
    pub fn starts_chain(&self, level: usize) -> bool {
        level == 0 || self.levels[level].assigned.as_ref().is_some_and(|assigned| !assigned.nests)
    }

    /// The level above, if it groups the clusters of this one.
    pub fn above(&self, level: usize) -> Option<&Level> {
        self.levels.get(level + 1).filter(|_| !self.starts_chain(level + 1))
    }

    /// Cuts `levels` (ascending) into those of each chain. Returns ranges of places in `levels`.
    pub fn chains(&self, levels: &[usize]) -> Vec<std::ops::Range<usize>> {
        let breaks = |pair: &[usize]| (pair[0] + 1..=pair[1]).any(|level| self.starts_chain(level));
        let inner = levels.windows(2).enumerate().filter(|(_, pair)| breaks(pair)).map(|(at, _)| at + 1);
        let bounds: Vec<usize> = std::iter::once(0).chain(inner).chain([levels.len()]).collect();
        bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// Whether the centroids are the means of the clusters and have not been provided yet.
    pub fn lacks_centroids(&self) -> bool {
        self.levels.iter().any(|level| level.centroids.view().rows() < level.sizes.len())
    }

    /// Whether the centroids are the means of the clusters.
    pub fn centroids_are_means(&self) -> bool {
        self.levels.iter().all(|level| level.assigned.as_ref().is_some_and(|assigned| assigned.means))
    }

    /// Provides the means of all levels, `[k, d]` each, as the centroids.
    ///
    /// # Panics
    /// If the number of levels or of clusters differs.
    pub fn set_means(&mut self, means: Vec<Array2<f64>>) {
        assert_eq!(means.len(), self.levels.len(), "means of every level");
        for (level, means) in self.levels.iter_mut().zip(means) {
            assert_eq!(means.nrows(), level.sizes.len(), "a mean of every cluster");
            level.centroids = Matrix::of_values(means);
        }
    }
}

/// The number of the level at an index. There are few levels.
fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// Makes one level.
struct Maker<'a> {
    number: u32,
    dim: usize,
    least: usize,
    centroids: Option<&'a PathBuf>,
}

impl Maker<'_> {
    /// Adds the level to `made`.
    fn add(&self, level: Assignment, made: &mut Hierarchy, findings: &mut Findings, warnings: &mut Vec<String>) {
        let (unassigned, of) = (level.unassigned(), level.entries());
        let Assignment { of_rows, clusters, names, file, column, .. } = level;
        if unassigned > 0 {
            warnings.push(format!(
                "level {}: {unassigned} of {of} rows are in no cluster (no label, NaN or -1) and enter no metric",
                self.number
            ));
        }
        let sources = LevelFiles { centroids: self.centroids.unwrap_or(&file).clone(), clusters: file };
        let opened = self.centroids.map(|path| Matrix::open(path).map_err(|finding| finding.level(self.number)));
        let centroids = opened.and_then(|opened| findings.take(opened));
        let mut k = clusters.max(self.least);
        if let Some(centroids) = &centroids {
            findings.take(checks::dimensions(self.number, &sources, centroids, self.dim));
            findings.take(self.counts(&sources, centroids, clusters, names.is_some()));
            k = k.max(centroids.view().rows());
        }
        let mut assigned =
            Assigned { unassigned, names, column, means: self.centroids.is_none(), ..Assigned::default() };
        let (parent, members, sizes) = match self.nesting(&of_rows, k, made, warnings) {
            Some(parent) => {
                assigned.nests = true;
                let members = Members::of_labels(&parent, k);
                let below = made.levels.last().map_or(&[][..], |level| &level.sizes);
                let sizes = members.sums(|child| below[to_usize(child)]);
                (parent, members, sizes)
            }
            None => {
                let members = Members::of_labels(&of_rows, k);
                let sizes = members.lengths();
                match made.levels.is_empty() {
                    true => made.labels = of_rows,
                    false => assigned.labels = of_rows,
                }
                (Vec::new(), members, sizes)
            }
        };
        if let Some(centroids) = &centroids {
            findings.take(checks::finite(self.number, &sources, centroids, &sizes));
        }
        let centroids = centroids.unwrap_or_else(|| Matrix::of_values(Array2::zeros((0, self.dim))));
        let assigned = Some(assigned);
        made.levels.push(Level { number: self.number, centroids, parent, sizes, sources, members, assigned });
    }

    /// The parents of the clusters of the level below, if this level nests in it.
    fn nesting(&self, of_rows: &[u32], k: usize, made: &Hierarchy, warnings: &mut Vec<String>) -> Option<Vec<u32>> {
        let below = made.levels.len().checked_sub(1)?;
        let mut labels = vec![UNLABELLED; of_rows.len()];
        made.label_rows(below, 0, &mut labels);
        match parents(&labels, of_rows, made.k(below)) {
            Ok(parents) => Some(parents),
            Err(why) => {
                let order = match parents(of_rows, &labels, k) {
                    Ok(_) => "; levels are given from fine to coarse, and these two the other way round",
                    Err(_) => "",
                };
                warnings.push(format!(
                    "level {} does not nest in level {}, so it is judged on its own: {why}{order}",
                    self.number,
                    self.number - 1
                ));
                None
            }
        }
    }

    /// Checks that every label has a centroid: row c is that of label c.
    fn counts(&self, sources: &LevelFiles, centroids: &Matrix, clusters: usize, texts: bool) -> Result<(), Finding> {
        let rows = centroids.view().rows();
        // texts have no gaps, so another number of centroids can't be right
        if rows == clusters || (rows > clusters && !texts) {
            return Ok(());
        }
        let expected = match texts {
            true => format!("{clusters} rows, one per label in order of first appearance"),
            false => format!("at least {clusters} rows: row c is the centroid of label c"),
        };
        Err(Finding::new("labels and centroids don't match")
            .level(self.number)
            .file(&sources.centroids)
            .expected(expected)
            .found(rows.to_string())
            .hint("take both from one run; without --centroids, the means of the clusters take their place"))
    }
}

/// The cluster of `above` that holds each of the `clusters` clusters of `below`; [`UNLABELLED`] for empty ones. The error says
/// why they do not nest.
fn parents(below: &[u32], above: &[u32], clusters: usize) -> Result<Vec<u32>, String> {
    let mut parent = vec![UNLABELLED; clusters];
    for (row, (&child, &label)) in below.iter().zip(above).enumerate() {
        if (child == UNLABELLED) != (label == UNLABELLED) {
            let [without, with] = if child == UNLABELLED { ["lower", "upper"] } else { ["upper", "lower"] };
            return Err(format!("row {row} is in a cluster of the {with} level and in none of the {without} one"));
        }
        if child == UNLABELLED {
            continue;
        }
        let known = &mut parent[child as usize];
        match *known {
            UNLABELLED => *known = label,
            other if other != label => {
                return Err(format!(
                    "rows of cluster {child} of the lower level are in clusters {other} and {label} (row {row})"
                ));
            }
            _ => {}
        }
    }
    Ok(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_nest_if_clusters_lie_in_one_cluster_and_the_same_rows_are_left_out() {
        const NONE: u32 = UNLABELLED;
        assert_eq!(parents(&[0, 2, 2, NONE], &[1, 0, 0, NONE], 3), Ok(vec![1, NONE, 0]));
        assert!(parents(&[0, 1, 1], &[0, 0, 1], 2).is_err_and(|why| why.contains("row 2")));
        assert!(parents(&[0, NONE], &[0, 0], 1).is_err_and(|why| why.contains("none of the lower")));
        assert!(parents(&[0, 1], &[0, NONE], 2).is_err_and(|why| why.contains("none of the upper")));
    }
}
