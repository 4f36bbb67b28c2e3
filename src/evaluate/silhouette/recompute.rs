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

/// Points at consecutive places, `[places, dim]`.
pub(super) enum Rows<'p> {
    /// In float32.
    Single(&'p [f32]),
    /// In float64, where float32 is too coarse, or where they are read again.
    Double(Cow<'p, [f64]>),
}

/// Recomputes the points of a block. `values` returns the points at consecutive places.
pub(super) fn block<'p>(
    block: &mut Block,
    order: &Order,
    dim: usize,
    values: &mut impl FnMut(Range<usize>) -> Result<Rows<'p>>,
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
            let within = (place - own.start) * dim..(place - own.start + 1) * dim;
            let point: Vec<f64> = match &held {
                Rows::Single(held) => held[within].iter().copied().map(f64::from).collect(),
                Rows::Double(held) => held[within].to_vec(),
            };
            let to_own = sum(&point, &held);
            let to_nearest = sum(&point, &values(nearest)?);
            block.replace(order, level, at, to_own, to_nearest);
        }
    }
    Ok(())
}

/// Sum of the distances from a point to others.
fn sum(point: &[f64], others: &Rows<'_>) -> f64 {
    match others {
        Rows::Single(others) => others.chunks(point.len()).map(|other| squared(point, other).sqrt()).sum(),
        Rows::Double(others) => others.chunks(point.len()).map(|other| squared(point, other).sqrt()).sum(),
    }
}

/// Squared distance. Eight independent sums let the compiler use SIMD.
fn squared<T: Copy + Into<f64>>(point: &[f64], other: &[T]) -> f64 {
    let mut chains = [0.0; 8];
    let (points, point_rest) = point.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    for (a, b) in points.iter().zip(others) {
        for (chain, (a, &b)) in chains.iter_mut().zip(a.iter().zip(b)) {
            *chain += (a - b.into()).powi(2);
        }
    }
    let rest = point_rest.iter().zip(other_rest).map(|(a, &b)| (a - b.into()).powi(2));
    chains.iter().sum::<f64>() + rest.sum::<f64>()
}
