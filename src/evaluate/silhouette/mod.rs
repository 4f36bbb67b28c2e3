//! Exact silhouettes on all levels at once, without an n x n or an n x k matrix.
//!
//! In hierarchy order, every cluster of every level is contiguous. Distances are summed over runs of one lowest-level
//! cluster, and each run's sum is added to the running sum of its cluster on every level. After a cluster's last run, the
//! mean distance to it is known, and only the smallest one is kept. Four levels therefore cost no more than one, and a point
//! needs three numbers per level for any number of clusters.

mod block;
mod comparison;
mod order;
mod points;
mod recompute;
mod sample;
mod share_out;

use std::ops::Range;

use super::evaluation::{Evaluation, Sampling};
use crate::base::error::Result;
use crate::base::numeric::{as_real, to_f32, to_u32, to_usize};
use crate::engine::checkpoint_store::Stage;
use crate::engine::partials::{OuterSums, Sums};
use crate::metrics::level_statistics::Silhouettes;
use order::Order;
use points::Source;

/// Silhouettes of this process's share of the sampled points, in proportion to its share of the rows. `skipped` (ascending)
/// are rows that no metric includes. `lowest` are the sums of the lowest level. The levels nest; `stage` names the checkpoints.
pub(super) fn of_share(
    run: &Evaluation<'_>,
    stage: Stage,
    sampling: Sampling,
    skipped: &[u64],
    lowest: &[Sums],
) -> Result<OuterSums> {
    let order = Order::new(run, skipped)?;
    let taken = sample::choose(order.len(), sampling);
    let outer = taken.as_ref().map_or(order.len(), Vec::len);
    let source = Source::new(run, order.rows(0..order.len()), lowest)?;
    comparison::run(run, stage, &order, source, taken.as_deref(), share(run, outer))
}

/// This process's range of `points` points. The ranges of all processes are consecutive and cover all points.
fn share(run: &Evaluation<'_>, points: usize) -> Range<usize> {
    let rows = u128::from(run.embeddings.rows().max(1));
    // at most `points`
    let at = |row: u64| usize::try_from(u128::from(row) * points as u128 / rows).unwrap_or(points);
    at(run.rows.start)..at(run.rows.end)
}

/// Silhouettes of every evaluated level, from those of all sampled points. Buffers of all rows in `out`, one per level or none,
/// receive those of the points.
pub(super) fn of_levels(
    run: &Evaluation<'_>,
    sampling: Sampling,
    skipped: &[u64],
    found: &OuterSums,
    out: &mut [&mut [f32]],
) -> Result<Vec<Silhouettes>> {
    let order = Order::new(run, skipped)?;
    let taken = sample::choose(order.len(), sampling);
    for (values, out) in found.values.iter().zip(out) {
        out.fill(f32::NAN);
        for (at, &value) in values.iter().enumerate() {
            let row = order.row(taken.as_ref().map_or_else(|| to_u32(at), |taken| taken[at]));
            out[to_usize(row)] = to_f32(value);
        }
    }
    let of_level = |(level, values): (usize, &Vec<f64>)| summarise(run, &order, level, taken.as_deref(), values);
    Ok(found.values.iter().enumerate().map(of_level).collect())
}

/// Sums of one level by cluster. `values` are the silhouettes at the `taken` places of the order, or at all.
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

/// Standard error of the mean of a sample in stratum order, by successive differences (Wolter 2007, section 8.2): strata have
/// one point each, so a stratum's variance is estimated from its neighbours.
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
    fn the_standard_error_agrees_with_a_hand_computation() {
        // differences 1, 1, 2: squares 6, over 2 * 3, over 4, times 1 - 4/8
        let error = standard_error(&[0.0, 1.0, 0.0, 2.0], 8);
        assert!((error - (0.5_f64 * 6.0 / 6.0 / 4.0).sqrt()).abs() < 1e-15, "{error}");
        assert_eq!(standard_error(&[0.25; 4], 4), 0.0);
        assert!(standard_error(&[1.0], 8).is_nan());
    }
}
