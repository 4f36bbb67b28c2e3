//! Running sums of the silhouettes of a block of points.

use std::ops::Range;

use super::order::Order;
use crate::base::numeric::{as_real, to_usize};
use crate::engine::partials::Running as Saved;

/// Consecutive outer points and their running sums on every level.
pub(super) struct Block {
    /// Places of the points in the order, ascending.
    places: Vec<u32>,
    levels: Vec<Running>,
}

/// Running sums of one level, per point of the block.
struct Running {
    /// Sum of distances to the own cluster.
    own: Vec<f64>,
    /// Sum of distances to the part of the current cluster seen so far.
    open: Vec<f64>,
    /// Smallest mean distance to another completed cluster, and the first place of that cluster.
    best: Vec<(f64, usize)>,
}

/// Which pairs of points the sums include.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    /// Each point with all points.
    All,
    /// Each pair once: a point as outer point with those before it, and as inner point with those after it.
    Once,
}

impl Block {
    pub(super) fn new(places: Vec<u32>, levels: usize) -> Block {
        let zeros = || vec![0.0; places.len()];
        let running = || Running { own: zeros(), open: zeros(), best: vec![(f64::INFINITY, 0); places.len()] };
        Block { levels: (0..levels).map(|_| running()).collect(), places }
    }

    /// Appends the running sums to those of the previous blocks.
    pub(super) fn save(&self, to: &mut [Saved]) {
        for (running, to) in self.levels.iter().zip(to) {
            to.own.extend(&running.own);
            to.open.extend(&running.open);
            to.best.extend(running.best.iter().map(|(mean, _)| mean));
            to.best_first.extend(running.best.iter().map(|(_, first)| *first as u64));
        }
    }

    /// Restores the running sums that [`Block::save`] wrote at `first`.
    pub(super) fn restore(&mut self, from: &[Saved], first: usize) {
        let points = first..first + self.places.len();
        for (running, from) in self.levels.iter_mut().zip(from) {
            running.own.copy_from_slice(&from.own[points.clone()]);
            running.open.copy_from_slice(&from.open[points.clone()]);
            let best = from.best[points.clone()].iter().zip(&from.best_first[points.clone()]);
            // places are below 2^32
            running.best = best.map(|(&mean, &first)| (mean, to_usize(first))).collect();
        }
    }

    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }

    /// The range of places of a block of consecutive points.
    pub(super) fn span(&self) -> Range<usize> {
        let first = self.places.first().map_or(0, |&place| place as usize);
        first..first + self.places.len()
    }

    /// Adds sums of distances to the inner points `inner`. `columns[s * len + j]` is the sum over run s of the lowest level
    /// for the block's point j.
    pub(super) fn add_columns(&mut self, order: &Order, inner: Range<usize>, columns: &[f64], pairs: Pairs) {
        let Block { places, levels } = self;
        let mut start = inner.start;
        for (end, sums) in order.ends(inner).into_iter().zip(columns.chunks(places.len())) {
            for (level, running) in levels.iter_mut().enumerate() {
                let cluster = order.run_at(level, start);
                let own = within(places, &cluster);
                add(&mut running.own[own.clone()], &sums[own.clone()]);
                let closes = end == cluster.end;
                let others = [0..own.start, own.end..places.len()];
                // with each pair once, outer points come after the cluster's points
                for part in others.into_iter().skip(usize::from(pairs == Pairs::Once)) {
                    add(&mut running.open[part.clone()], &sums[part.clone()]);
                    if closes {
                        close(&mut running.open[part.clone()], &mut running.best[part], &cluster);
                    }
                }
            }
            start = end;
        }
    }

    /// Adds the other direction for the block's points `points` (indices): sums of their distances to the later points
    /// `outer`, one entry of `rows` per run. `open` holds the sums of the current clusters, per level and point.
    pub(super) fn add_rows<'r>(
        &mut self,
        order: &Order,
        points: Range<usize>,
        outer: Range<usize>,
        rows: impl Iterator<Item = &'r [f64]>,
        open: &mut [Vec<f64>],
    ) {
        let places = &self.places[points.clone()];
        let mut start = outer.start;
        for (end, sums) in order.ends(outer).into_iter().zip(rows) {
            for ((level, running), open) in self.levels.iter_mut().enumerate().zip(&mut *open) {
                let cluster = order.run_at(level, start);
                let own = within(places, &cluster);
                add(&mut running.own[points.clone()][own.clone()], &sums[own.clone()]);
                let before = 0..own.start;
                add(&mut open[before.clone()], &sums[before.clone()]);
                if end == cluster.end {
                    let best = &mut running.best[points.clone()];
                    close(&mut open[before.clone()], &mut best[before], &cluster);
                }
            }
            start = end;
        }
    }

    /// Places of the cluster nearest to the block's point `at` on a level; `None` without another cluster.
    pub(super) fn nearest(&self, order: &Order, level: usize, at: usize) -> Option<Range<usize>> {
        let (mean, first) = self.levels[level].best[at];
        mean.is_finite().then(|| order.run_at(level, first))
    }

    /// Replaces the sums of distances of the block's point `at` to its own and to the nearest cluster.
    pub(super) fn replace(&mut self, order: &Order, level: usize, at: usize, own: f64, nearest: f64) {
        let running = &mut self.levels[level];
        running.own[at] = own;
        let (mean, first) = &mut running.best[at];
        *mean = nearest / as_real(order.run_at(level, *first).len() as u64);
    }

    /// Silhouettes of the block's points on a level (Rousseeuw 1987). As in scikit-learn, 0 for a point alone in its cluster;
    /// also 0 without another cluster. NaN if distances overflowed.
    pub(super) fn silhouettes(&self, order: &Order, level: usize) -> impl Iterator<Item = f64> {
        let running = &self.levels[level];
        let alone = order.clusters(level) < 2;
        self.places.iter().enumerate().map(move |(at, &place)| {
            let size = order.run_at(level, place as usize).len() as u64;
            if size < 2 || alone {
                return 0.0;
            }
            let (a, b) = (running.own[at] / as_real(size - 1), running.best[at].0);
            if !a.is_finite() || !b.is_finite() {
                return f64::NAN;
            }
            let larger = a.max(b);
            if larger > 0.0 { (b - a) / larger } else { 0.0 }
        })
    }
}

/// Indices of the ascending `places` that lie in `range`.
fn within(places: &[u32], range: &Range<usize>) -> Range<usize> {
    let below = |bound: usize| places.partition_point(|&place| (place as usize) < bound);
    below(range.start)..below(range.end)
}

fn add(to: &mut [f64], sums: &[f64]) {
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
}

/// Completes a cluster.
fn close(open: &mut [f64], best: &mut [(f64, usize)], cluster: &Range<usize>) {
    let size = as_real(cluster.len() as u64);
    for (open, best) in open.iter_mut().zip(best) {
        if *open / size < best.0 {
            *best = (*open / size, cluster.start);
        }
        *open = 0.0;
    }
}
