//! Exact silhouettes on all levels at once, without an n x n or an n x k matrix.
//!
//! The points are put in the order of the hierarchy, in which every cluster of every level is contiguous. Distances are
//! summed by runs of one lowest-level cluster; a run's sum enters the running sum of its cluster on every level, and when
//! a cluster's last run is in, the mean distance to it is known and only the least of these is kept. So four levels cost
//! what one does, and a point needs three numbers a level, however many clusters there are.

mod again;
mod block;
mod crew;
mod order;
mod points;
mod sample;
mod sweep;

use std::ops::Range;

use super::{Evaluation, Stage};
use crate::base::error::Result;
use crate::base::numeric::as_real;
use crate::engine::partials::OuterSums;
use crate::metrics::level_statistics::Silhouettes;
use order::Order;

/// Whose silhouettes are taken; each is against all points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Of every point.
    Exact,
    /// Of so many points, one from each of as many equally long stretches of the points in the order of the hierarchy,
    /// which spreads them over the clusters of every level by their sizes.
    Sample {
        /// How many.
        points: u64,
        /// Decides which.
        seed: u64,
    },
}

/// Silhouettes of this process's share of the points that are taken, which is as large as its share of the rows. `skipped`
/// (ascending) are rows that enter no figure.
pub(super) fn of_share(run: &Evaluation<'_>, sampling: Sampling, skipped: &[u64]) -> Result<OuterSums> {
    let started = run.clock.start();
    let order = Order::new(run, skipped)?;
    let taken = sample::choose(order.len(), sampling);
    let outer = taken.as_ref().map_or(order.len(), Vec::len);
    let found = sweep::run(run, &order, taken.as_deref(), share(run, outer))?;
    run.clock.stop(Stage::Silhouette.name(), started, false);
    Ok(found)
}

/// Which of so many points are this process's: the ranges of all processes are one after another and leave none out.
fn share(run: &Evaluation<'_>, points: usize) -> Range<usize> {
    let rows = u128::from(run.embeddings.rows().max(1));
    // at most `points`
    let at = |row: u64| usize::try_from(u128::from(row) * points as u128 / rows).unwrap_or(points);
    at(run.rows.start)..at(run.rows.end)
}

/// Silhouettes of every evaluated level, from those of all points that are taken.
pub(super) fn of_levels(
    run: &Evaluation<'_>,
    sampling: Sampling,
    skipped: &[u64],
    found: &OuterSums,
) -> Result<Vec<Silhouettes>> {
    let order = Order::new(run, skipped)?;
    let taken = sample::choose(order.len(), sampling);
    let of_level = |(level, values): (usize, &Vec<f64>)| summarise(run, &order, level, taken.as_deref(), values);
    Ok(found.values.iter().enumerate().map(of_level).collect())
}

/// One level's sums by cluster; `values` are those of the `taken` places of the order, or of all.
fn summarise(run: &Evaluation<'_>, order: &Order, level: usize, taken: Option<&[u32]>, values: &[f64]) -> Silhouettes {
    let clusters = run.hierarchy.k(run.levels[level]);
    let mut found = Silhouettes { sums: vec![0.0; clusters], counts: vec![0; clusters], standard_error: None };
    for (at, &value) in values.iter().enumerate() {
        let place = taken.map_or(at, |taken| taken[at] as usize);
        let cluster = order.cluster_at(level, place) as usize;
        found.sums[cluster] += value;
        found.counts[cluster] += 1;
    }
    found.standard_error = taken.map(|_| standard_error(values, order.len()));
    found
}

/// Standard error of the mean of a sample in the order of its strata, by successive differences (Wolter 2007, section
/// 8.2): strata have one point each, so a stratum's variance is judged by its neighbours.
fn standard_error(values: &[f64], points: usize) -> f64 {
    let (n, all) = (as_real(values.len() as u64), as_real(points as u64));
    if values.len() < 2 {
        return f64::NAN;
    }
    let squares: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    ((1.0 - n / all) * squares / (2.0 * (n - 1.0)) / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::standard_error;

    #[test]
    fn the_error_of_a_sample_worked_by_hand() {
        // differences 1, 1, 2: squares 6, over 2 * 3, over 4, times 1 - 4/8
        let error = standard_error(&[0.0, 1.0, 0.0, 2.0], 8);
        assert!((error - (0.5_f64 * 6.0 / 6.0 / 4.0).sqrt()).abs() < 1e-15, "{error}");
        assert_eq!(standard_error(&[0.25; 4], 4), 0.0);
        assert!(standard_error(&[1.0], 8).is_nan());
    }
}
