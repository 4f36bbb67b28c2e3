//! Recomputes the decisive distances of a silhouette in float64.
//!
//! A silhouette near 0 is the difference of two nearly equal mean distances, so the float32 error of each distance shows. The
//! error averages out over many distances. Only points with few distances are recomputed, and only their distances to their
//! own and to the nearest cluster.

use std::borrow::Cow;
use std::ops::Range;

use super::block::Block;
use super::order::Order;
use crate::base::error::Result;

/// Points with more distances than this, to their own and the nearest cluster together, keep the float32 sums: an error of
/// 1e-7 per distance averages out to below 1e-9.
const ENOUGH: usize = 256;

/// Recomputes the points of a block. `values` returns the points at consecutive places, `[places, dim]`.
pub(super) fn block<'p>(
    block: &mut Block,
    order: &Order,
    dim: usize,
    values: &mut impl FnMut(Range<usize>) -> Result<Cow<'p, [f32]>>,
) -> Result<()> {
    for level in 0..order.levels() {
        for at in 0..block.places().len() {
            let place = block.places()[at] as usize;
            let own = order.run_at(level, place);
            let Some(nearest) = block.nearest(order, level, at) else { continue };
            if own.len() + nearest.len() > ENOUGH {
                continue;
            }
            let held = values(own.clone())?;
            let point: Vec<f64> = held[(place - own.start) * dim..][..dim].iter().copied().map(f64::from).collect();
            let to_own = sum(&point, &held);
            let to_nearest = sum(&point, &values(nearest)?);
            block.replace(order, level, at, to_own, to_nearest);
        }
    }
    Ok(())
}

/// Sum of the distances from a point to others.
fn sum(point: &[f64], others: &[f32]) -> f64 {
    others.chunks(point.len()).map(|other| squared(point, other).sqrt()).sum()
}

/// Squared distance. Eight independent sums let the compiler use SIMD.
fn squared(point: &[f64], other: &[f32]) -> f64 {
    let mut chains = [0.0; 8];
    let (points, point_rest) = point.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    for (a, b) in points.iter().zip(others) {
        for (chain, (a, &b)) in chains.iter_mut().zip(a.iter().zip(b)) {
            *chain += (a - f64::from(b)) * (a - f64::from(b));
        }
    }
    let rest = point_rest.iter().zip(other_rest).map(|(a, &b)| (a - f64::from(b)) * (a - f64::from(b)));
    chains.iter().sum::<f64>() + rest.sum::<f64>()
}
