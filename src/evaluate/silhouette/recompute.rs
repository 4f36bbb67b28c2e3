//! Recomputes the decisive distances of a silhouette in float64.
//!
//! A silhouette near 0 is the difference of two nearly equal mean distances, so the float32 error of each distance shows. The
//! error averages out over many distances. Only points with few distances are recomputed, and only their distances to their
//! own and to the nearest cluster.

use std::borrow::Cow;
use std::num::NonZero;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pulp::{Arch, Simd, WithSimd};

use super::block::Block;
use super::order::Order;
use super::share_out::share_out;
use crate::base::distance::squared;
use crate::base::error::Result;
use crate::evaluate::Evaluation;

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

/// Points that a thread recomputes at a time: few, so that all threads end together.
const TOGETHER: usize = 256;

/// Recomputed sums of distances of a block's point `at` on a level.
struct Recomputed {
    level: usize,
    at: usize,
    own: f64,
    nearest: f64,
}

/// Threads to recompute on. A GPU has no work meanwhile, so all cores are free; on the CPU, the run limits the threads.
pub(super) fn threads(run: &Evaluation<'_>) -> usize {
    let cores = match run.backend.describe().backend {
        "cpu" => 1,
        _ => std::thread::available_parallelism().map_or(1, NonZero::get),
    };
    run.tiling.lanes.max(cores)
}

/// Recomputes the points of all blocks on `threads` threads. `values` returns the points at consecutive places.
pub(super) fn blocks<'p>(
    blocks: &mut [&mut Block],
    order: &Order,
    (dim, threads): (usize, usize),
    values: impl Fn(Range<usize>) -> Result<Rows<'p>> + Sync,
) -> Result<()> {
    let mut tasks = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let points = block.places().len();
        tasks.extend((0..points).step_by(TOGETHER).map(|at| (number, at..points.min(at + TOGETHER))));
    }
    let found: Vec<Mutex<Vec<Recomputed>>> = tasks.iter().map(|_| Mutex::default()).collect();
    let read: &[&mut Block] = blocks;
    share_out(&mut vec![(); threads.max(1)], 0..tasks.len(), |(), task| {
        let (number, some) = &tasks[task];
        let of_task = points(read[*number], some, order, dim, &values)?;
        found[task].lock().unwrap_or_else(PoisonError::into_inner).extend(of_task);
        Ok(())
    })?;
    for ((number, _), found) in tasks.iter().zip(found) {
        for Recomputed { level, at, own, nearest } in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            blocks[*number].replace(order, level, at, own, nearest);
        }
    }
    Ok(())
}

/// Recomputes the points `some` (indices) of a block.
fn points<'p>(
    block: &Block,
    some: &Range<usize>,
    order: &Order,
    dim: usize,
    values: &impl Fn(Range<usize>) -> Result<Rows<'p>>,
) -> Result<Vec<Recomputed>> {
    let mut found = Vec::new();
    for level in 0..order.levels() {
        for at in some.clone() {
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
            let (own, nearest) = (sum(&point, &held), sum(&point, &values(nearest)?));
            found.push(Recomputed { level, at, own, nearest });
        }
    }
    Ok(found)
}

/// Sum of the distances from a point to others.
fn sum(point: &[f64], others: &Rows<'_>) -> f64 {
    match others {
        Rows::Single(others) => Arch::new().dispatch(Distances { point, others }),
        Rows::Double(others) => Arch::new().dispatch(Distances { point, others }),
    }
}

struct Distances<'a, T> {
    point: &'a [f64],
    others: &'a [T],
}

impl<T: Copy + Into<f64>> WithSimd for Distances<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut sum = 0.0;
        for other in self.others.chunks(self.point.len()) {
            sum += squared(self.point, other).sqrt();
        }
        sum
    }
}
