//! Reads rows of the embeddings in hierarchy order: centred and rounded to float32, and in float64 where that is too coarse.

use std::ops::Range;

use bytemuck::{cast_slice, cast_slice_mut};
use half::f16;

use super::order::Order;
use crate::backend::PointSet;
use crate::base::distance::squared;
use crate::base::error::{Error, Finding, Result};
use crate::base::magnitude;
use crate::base::matrix::Dtype;
use crate::base::numeric::to_f32;
use crate::engine::partials::Sums;
use crate::evaluate::Evaluation;

/// Consecutive rows that are read at once.
const MOST_ROWS: usize = 256;

/// Magnitudes within `1 / USUAL ..= USUAL` are not scaled: their squares and sums are far from the limits of float32.
const USUAL: f64 = (1_u64 << 50) as f64;

/// Distances to a cluster's own points below this multiple of the rows' rounding errors are too coarse in float32.
const FINE: f64 = (1_u64 << 18) as f64;

/// Distances below this share of the largest value may have squares that vanish on a device that knows float32 only.
const VANISHING: f64 = 1.0 / (1_u64 << 50) as f64;

/// One in so many points in clusters that are too coarse makes all of them so; fewer don't show in a level's mean.
const TOLERATED: usize = 1000;

/// Rows that are compared with the job's centre.
const PROBES: usize = 16;

/// The job's centre is not used if it is so many times farther from the probes than they are from each other.
const FAR: f64 = 1024.0;

/// Reads rows, scaled by a power of two if their magnitude is unusual. That changes no silhouette, since it is a ratio.
pub(super) struct Source<'a, 'e> {
    run: &'a Evaluation<'e>,
    scale: f64,
    /// Subtracted from every row: the job's centre, scaled, if it is near the rows.
    centre: Vec<f64>,
}

impl<'a, 'e> Source<'a, 'e> {
    /// `rows` are all points, and `lowest` the sums of the lowest level's clusters, which bound the rows' magnitude. Only if
    /// that is unusual, the rows are read once to find it out.
    pub(super) fn new(run: &'a Evaluation<'e>, rows: &[u64], lowest: &[Sums]) -> Result<Source<'a, 'e>> {
        let centroids = run.hierarchy.levels[run.levels[0]].centroids.view();
        let mut row = vec![0.0; run.embeddings.dim()];
        let (mut largest, mut usual) = (0.0_f64, true);
        for (cluster, sums) in lowest.iter().enumerate().filter(|(_, sums)| sums.size > 0) {
            centroids.copy_row(cluster, &mut row);
            let bound = largest_of(&row) + sums.max_squared.sqrt();
            usual &= bound <= USUAL;
            largest = largest.max(bound);
        }
        let scale = if usual && largest >= 1.0 / USUAL { 1.0 } else { unit(magnitudes(run, rows)?) };
        let mut source = Source { run, scale, centre: run.job.centre.iter().map(|centre| centre * scale).collect() };
        source.move_near(rows)?;
        Ok(source)
    }

    /// The job's centre follows from the stored centroids, which can be far from all rows: those of rows before they were
    /// normalised, for example. Silhouettes do not depend on centroids, so then a row takes its place.
    fn move_near(&mut self, rows: &[u64]) -> Result<()> {
        let step = rows.len().div_ceil(PROBES).max(1);
        let probes: Vec<u64> = rows.iter().copied().step_by(step).collect();
        let dim = self.run.embeddings.dim();
        let mut values = vec![0.0; probes.len() * dim];
        self.read_exact(&probes, &mut values)?;
        let mut probes = values.chunks_exact(dim.max(1));
        let Some(first) = probes.next() else { return Ok(()) };
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
        let spread = probes.map(|probe| apart(probe, first)).fold(0.0, f64::max);
        if spread > 0.0 && apart(&self.centre, first) > FAR * spread {
            self.centre.copy_from_slice(first);
        }
        Ok(())
    }

    /// An empty set of points.
    pub(super) fn no_points(&self) -> PointSet {
        PointSet { dim: self.run.embeddings.dim(), ..PointSet::default() }
    }

    /// Appends the rows at the places `inner` to the `sampled` ones. Returns whether float32 is too `coarse` for these places or was
    /// for earlier ones; then all points are in float64 too.
    pub(super) fn window(
        &self,
        order: &Order,
        (sampled, inner): (&[u64], Range<usize>),
        points: &mut PointSet,
        coarse: bool,
    ) -> Result<bool> {
        let rows = order.rows(inner.clone());
        let roundings = self.append(rows, points)?;
        points.exact.clear();
        let ends: Vec<usize> = order.ends(inner.clone()).iter().map(|end| end - inner.start).collect();
        let coarse = coarse || self.is_coarse(points, sampled.len(), &ends, &roundings);
        if coarse {
            self.add_exact([sampled, rows], points)?;
        }
        Ok(coarse)
    }

    /// Appends `rows` to the float32 rows of `points`, in this order. Returns the norms of their rounding errors. Uses one thread
    /// per lane.
    pub(super) fn append(&self, rows: &[u64], points: &mut PointSet) -> Result<Vec<f32>> {
        let (dim, held) = (points.dim, points.values.len());
        grow(&mut points.values, rows.len(), dim)?;
        let mut roundings = vec![0.0; rows.len()];
        let share = self.share(rows);
        std::thread::scope(|scope| {
            let parts = rows.chunks(share).zip(points.values[held..].chunks_mut(share * dim));
            let parts = parts.zip(roundings.chunks_mut(share));
            let read = |rows, out: &mut [f32], roundings: &mut [f32]| {
                visit(self.run, rows, |place, bytes| {
                    roundings[place] = self.centre(bytes, &mut out[place * dim..][..dim]);
                })
            };
            let readers = parts.map(|((rows, out), roundings)| scope.spawn(move || read(rows, out, roundings)));
            joined(readers.collect())
        })?;
        Ok(roundings)
    }

    /// Adds the points in float64: two lists of rows, in the order of the float32 ones.
    fn add_exact(&self, rows: [&[u64]; 2], points: &mut PointSet) -> Result<()> {
        let dim = points.dim;
        for rows in rows {
            let held = points.exact.len();
            grow(&mut points.exact, rows.len(), dim)?;
            let share = self.share(rows);
            std::thread::scope(|scope| {
                let parts = rows.chunks(share).zip(points.exact[held..].chunks_mut(share * dim));
                joined(parts.map(|(rows, out)| scope.spawn(|| self.read_exact(rows, out))).collect())
            })?;
        }
        Ok(())
    }

    /// Reads `rows` in float64, scaled and not centred, into `out`, `[rows.len(), dim]`.
    pub(super) fn read_exact(&self, rows: &[u64], out: &mut [f64]) -> Result<()> {
        let dim = self.run.embeddings.dim();
        visit(self.run, rows, |place, bytes| {
            let out = &mut out[place * dim..][..dim];
            self.run.embeddings.dtype().widen(bytes, out);
            out.iter_mut().for_each(|value| *value *= self.scale);
        })
    }

    /// Whether float32 is too coarse for the points from `first` on, which are cut into clusters at `ends` (from `first`) and have
    /// these `roundings`. Distances between neighbours in the order stand for those of a cluster.
    fn is_coarse(&self, points: &PointSet, first: usize, ends: &[usize], roundings: &[f32]) -> bool {
        let largest = magnitude::largest(Dtype::F32, bytemuck::cast_slice(&points.values));
        let least = largest * VANISHING;
        let (mut start, mut coarse) = (0, 0);
        for &end in ends {
            let (mut apart, mut rounding, mut pairs) = (0.0, 0.0, 0);
            for at in (start + 1).max(1)..end {
                let distance = distance(points.row(first + at - 1), points.row(first + at));
                let [one, other] = [roundings[at - 1], roundings[at]];
                // equal rows have equal errors, and their distance is right
                if distance > 0.0 || one.to_bits() != other.to_bits() {
                    (apart, rounding, pairs) = (apart + distance, rounding + f64::from(one.max(other)), pairs + 1);
                }
            }
            if pairs > 0 && (rounding * FINE > apart || apart < least * f64::from(pairs)) {
                coarse += end - start;
            }
            start = end;
        }
        coarse > 0 && coarse >= roundings.len() / TOLERATED
    }

    /// Rows of a thread.
    fn share(&self, rows: &[u64]) -> usize {
        rows.len().div_ceil(self.run.tiling.lanes.max(1)).max(1)
    }

    /// Subtracts the centre in float64 and rounds the difference. Returns the norm of the rounding errors.
    fn centre(&self, bytes: &[u8], out: &mut [f32]) -> f32 {
        match self.run.embeddings.dtype() {
            Dtype::F16 => self.round(cast_slice::<u8, f16>(bytes), |value| value.to_f64(), out),
            Dtype::F32 => self.round(cast_slice::<u8, f32>(bytes), f64::from, out),
            Dtype::F64 => self.round(cast_slice::<u8, f64>(bytes), |value| value, out),
        }
    }

    fn round<T: Copy>(&self, values: &[T], widen: impl Fn(T) -> f64, out: &mut [f32]) -> f32 {
        let mut errors = 0.0;
        for ((out, centre), &value) in out.iter_mut().zip(self.centre.iter().cycle()).zip(values) {
            let difference = widen(value) * self.scale - centre;
            *out = to_f32(difference);
            let error = difference - f64::from(*out);
            errors += error * error;
        }
        to_f32(errors.sqrt())
    }
}

/// Makes room for `rows` more rows.
fn grow<T: Copy + Default>(values: &mut Vec<T>, rows: usize, dim: usize) -> Result<()> {
    let length = rows.checked_mul(dim).filter(|&length| values.try_reserve_exact(length).is_ok());
    let Some(length) = length else {
        return Err(Error::failed(
            Finding::new("the points of the silhouette do not fit into memory")
                .found(format!("{rows} rows of {dim} columns, as float{}", 8 * size_of::<T>()))
                .hint("take a smaller sample with --silhouette sample:N, or none with --silhouette off"),
        ));
    };
    values.resize(values.len() + length, T::default());
    Ok(())
}

fn joined(readers: Vec<std::thread::ScopedJoinHandle<'_, Result<()>>>) -> Result<()> {
    readers.into_iter().try_for_each(|reader| match reader.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Reads `rows` and passes on each one's index and bytes, in file order, to minimise seeks.
fn visit(run: &Evaluation<'_>, rows: &[u64], mut each: impl FnMut(usize, &[u8])) -> Result<()> {
    let embeddings = run.embeddings;
    let row_bytes = embeddings.row_bytes();
    let mut words = vec![0_u64; (MOST_ROWS.min(rows.len()) * row_bytes).div_ceil(8)];
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_unstable_by_key(|&place| rows[place]);
    let mut done = 0;
    while done < places.len() {
        if run.watch.cancelled() {
            return Err(Error::interrupted());
        }
        let first = rows[places[done]];
        let follows = |&at: &usize| rows[places[done + at]] == first + at as u64;
        let count = (0..(places.len() - done).min(MOST_ROWS)).take_while(follows).count();
        let bytes = &mut cast_slice_mut(&mut words)[..count * row_bytes];
        embeddings.read_rows(first, bytes)?;
        for (&place, bytes) in places[done..].iter().zip(bytes.chunks(row_bytes)) {
            each(place, bytes);
        }
        done += count;
    }
    Ok(())
}

/// The largest magnitude of the rows' values, and the smallest one of a row that is not all zero.
fn magnitudes(run: &Evaluation<'_>, rows: &[u64]) -> Result<[f64; 2]> {
    let mut row = vec![0.0; run.embeddings.dim()];
    let (mut most, mut least) = (0.0_f64, f64::INFINITY);
    visit(run, rows, |_, bytes| {
        run.embeddings.dtype().widen(bytes, &mut row);
        let largest = largest_of(&row);
        most = most.max(largest);
        least = if largest > 0.0 { least.min(largest) } else { least };
    })?;
    Ok([most, least])
}

/// The power of two that brings values to where float32 squares them, or, if magnitudes differ too much for that, to where it
/// holds all distances: their squares are then computed in float64.
fn unit([most, least]: [f64; 2]) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let target = if most.log2() - least.log2() < 110.0 { 40.0 } else { 110.0 };
    (target - most.log2().ceil()).clamp(-1000.0, 1000.0).exp2()
}

fn largest_of(row: &[f64]) -> f64 {
    row.iter().fold(0.0, |most, value| most.max(value.abs()))
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    squared(a, b).sqrt()
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn rows_of_any_magnitude_are_brought_to_where_float32_holds_them() {
        assert_eq!(unit([0.0, f64::INFINITY]), 1.0);
        for most in [1e-280, 1e-20, 3e37, 1e60, 1e300] {
            let scaled = (most * unit([most, most])).log2();
            assert!(scaled > 38.0 && scaled <= 40.0, "{most}: 2^{scaled}");
        }
        // no power of two brings the smallest numbers that far
        assert_eq!(unit([1e-300, 1e-300]), 1000.0_f64.exp2());
        // the small rows' distances stay normal numbers
        let scale = unit([1e60, 1.0]);
        assert!(scale > f64::from(f32::MIN_POSITIVE) && scale * 1e60 < 1e34, "{scale}");
    }
}
