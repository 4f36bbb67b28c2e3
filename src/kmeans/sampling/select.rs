//! Selects rows from a hierarchy, from the top level down.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::draw::take;
use super::request::{Request, Selection};
use super::share::share;
use crate::base::error::{Finding, Result};
use crate::formats::hierarchy::Tree;

/// Selects rows from `tree`.
///
/// # Errors
/// A target above the number of available rows, which upstream reduces silently.
pub fn select(tree: &Tree, request: Request) -> Result<Selection, Finding> {
    let most = (tree.rows().len() as u64).saturating_mul(request.multiplier);
    if request.target > most {
        let (rows, times) = (tree.rows().len(), request.multiplier);
        return Err(Finding::new("--target-size exceeds the number of available rows")
            .expected(format!("at most {most}: {rows} rows, each at most {times} times"))
            .found(request.target.to_string())
            .hint("lower --target-size, or raise --multiplier to let rows repeat"));
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

/// Number of rows of each cluster, per level.
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
    /// Selects `target` rows of a cluster. The cluster has at least as many, counted with repetition.
    fn descend(&mut self, level: usize, cluster: usize, target: u64) {
        let members = self.tree.clusters(level).members_of(cluster);
        let Some(below) = level.checked_sub(1) else { return self.rows_of(members, target) };
        let sizes: Vec<u64> = members.iter().map(|&child| self.sizes[below][index(child)]).collect();
        let targets = share(&sizes, target, self.request.multiplier, &mut self.random);
        for (&child, target) in members.iter().zip(targets) {
            self.descend(below, index(child), target);
        }
    }

    /// Selects all rows as often as they fit into the target, then some of them once more.
    fn rows_of(&mut self, members: &[u64], target: u64) {
        let size = members.len() as u64;
        let (times, rest) = (target.checked_div(size).unwrap_or(0), target.checked_rem(size).unwrap_or(0));
        for _ in 0..times {
            self.rows.extend_from_slice(members);
        }
        self.rows.extend(take(members, index(rest), self.request.strategy, &mut self.random));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "counts of items in memory fit a usize")]
fn index(number: u64) -> usize {
    number as usize
}
