//! Balanced sampling from a hierarchy (Vo et al. 2024, arXiv 2405.15613): which rows make a data set in which every cluster
//! of every level has as equal a share as its size allows.
//!
//! From the top down, what a cluster is to give is shared out among its children: each gives the same number, or all that it
//! has where that is less, and what is left over after that is one more from some of those that have more. So what a cluster gives
//! is fixed but for that one, which is drawn at random. Within a cluster of level 1, the rows are drawn or the closest to the
//! centroid.

mod available;
mod draw;
mod share;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::base::error::{Finding, Result};
use crate::formats::hierarchy::Tree;
pub use available::{Source, open};
pub use draw::take;
use share::share;

/// Which members of a cluster are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Strategy {
    /// The closest to the centroid.
    #[default]
    #[cfg_attr(feature = "cli", value(name = "c", alias = "closest"))]
    #[serde(rename = "c", alias = "closest")]
    Closest,
    /// A random choice.
    #[cfg_attr(feature = "cli", value(name = "r", alias = "random"))]
    #[serde(rename = "r", alias = "random")]
    Random,
}

impl Strategy {
    /// Upstream's letter for it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Strategy::Closest => 'c',
            Strategy::Random => 'r',
        }
    }
}

/// What is to be taken from a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Rows in all, repeated ones counted as often as they are taken.
    pub target: u64,
    /// How often a row may be taken at most.
    pub multiplier: u64,
    /// Which rows of a cluster of level 1.
    pub strategy: Strategy,
    /// Of every random choice.
    pub seed: u64,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Rows, cluster by cluster in the order of the hierarchy.
    pub rows: Vec<u64>,
    /// How many of them each cluster of the top level gave.
    pub per_cluster: Vec<u64>,
}

/// Takes rows from the top level of `tree` down.
///
/// # Errors
/// A target beyond what there is, which upstream cuts down silently.
pub fn select(tree: &Tree, request: Request) -> Result<Selection, Finding> {
    let most = (tree.rows().len() as u64).saturating_mul(request.multiplier);
    if request.target > most {
        let (rows, times) = (tree.rows().len(), request.multiplier);
        return Err(Finding::new("more rows are asked for than there are")
            .expected(format!("--target-size of at most {most}: {rows} rows, each at most {times} times"))
            .found(request.target.to_string())
            .hint("lower --target-size, or raise --multiplier so that rows may repeat"));
    }
    let room = usize::try_from(request.target).ok().and_then(|room| {
        let mut rows = Vec::new();
        rows.try_reserve_exact(room).ok().map(|()| rows)
    });
    let Some(rows) = room else {
        let finding = Finding::new("the selection does not fit into memory");
        return Err(finding.found(format!("{} rows of 8 bytes", request.target)).hint("lower --target-size"));
    };
    let sizes = sizes(tree);
    let mut walk = Walk { tree, sizes: &sizes, request, random: Pcg64::seed_from_u64(request.seed), rows };
    let top = tree.height() - 1;
    let per_cluster = share(&sizes[top], request.target, request.multiplier, &mut walk.random);
    for (cluster, &target) in per_cluster.iter().enumerate() {
        walk.descend(top, cluster, target);
    }
    Ok(Selection { rows: walk.rows, per_cluster })
}

/// Number of rows of every cluster of every level.
fn sizes(tree: &Tree) -> Vec<Vec<u64>> {
    let mut sizes: Vec<Vec<u64>> = Vec::new();
    for level in 0..tree.height() {
        let clusters = tree.clusters(level).iter();
        let level = match sizes.last() {
            None => clusters.map(|members| members.len() as u64).collect(),
            Some(below) => clusters.map(|members| members.iter().map(|&child| below[index(child)]).sum()).collect(),
        };
        sizes.push(level);
    }
    sizes
}

struct Walk<'a> {
    tree: &'a Tree,
    sizes: &'a [Vec<u64>],
    request: Request,
    random: Pcg64,
    rows: Vec<u64>,
}

impl Walk<'_> {
    /// Takes `target` rows of a cluster; it has as many, each as often as it may be taken.
    fn descend(&mut self, level: usize, cluster: usize, target: u64) {
        let members = self.tree.clusters(level).members_of(cluster);
        let Some(below) = level.checked_sub(1) else { return self.rows_of(members, target) };
        let sizes: Vec<u64> = members.iter().map(|&child| self.sizes[below][index(child)]).collect();
        let targets = share(&sizes, target, self.request.multiplier, &mut self.random);
        for (&child, target) in members.iter().zip(targets) {
            self.descend(below, index(child), target);
        }
    }

    /// All rows as often as they go into the target as a whole, and then some of them once more.
    fn rows_of(&mut self, members: &[u64], target: u64) {
        let size = members.len() as u64;
        let (times, rest) = (target.checked_div(size).unwrap_or(0), target.checked_rem(size).unwrap_or(0));
        for _ in 0..times {
            self.rows.extend_from_slice(members);
        }
        self.rows.extend(take(members, index(rest), self.request.strategy, &mut self.random));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "numbers of things in memory, so they fit a usize")]
fn index(number: u64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests;
