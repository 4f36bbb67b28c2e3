//! Refuses points whose centroids float32 certainly can't hold, before anything is computed.
//!
//! Means of points lie within the ranges of the columns. Of the values in a column's range `[low, high]`, let e be the least
//! error of rounding to float32 (0 if a float32 lies in the range) and E the largest one. For n points, rounding the
//! centroids raises the sum of squared distances by at least R = n sum e^2. The raised sum is at most
//! W = n sum (high - low + E)^2, since no point is farther from any stored centroid. Both limits of [`super::rounding::check`] are below W / 1000, so
//! it is sure to refuse R > W / 1000. It also refuses two or more clusters if each range rounds to a single float32: Lloyd's
//! iterations keep two centroids apart as long as the points differ.
//!
//! A wider range can only withdraw a refusal. So if a sample of the points is not refused, the others need not be read.

use super::build::Build;
use super::centre::sampled;
use super::rounding::{MOST_RAISED, refusal};
use super::steps::share_of;
use super::words::Words;
use crate::base::error::{Error, Result};
use crate::base::matrix::Dtype;
use crate::base::numeric::{to_f32, to_usize};
use crate::engine::points::{Points, is_in_range};

/// Bytes read at once.
const BLOCK_BYTES: usize = 8 << 20;

/// Factor by which R must exceed W / 1000, because the check after the fit measures distances to a relative error of 1e-6.
const MARGIN: f64 = 1.01;

/// Width of a range, relative to its values, above which points certainly differ despite rounding in float64.
const APART: f64 = 1e-12;

/// Fails if the check after the fit is sure to refuse the centroids. All processes return the same result.
pub(super) fn check(build: &Build<'_>) -> Result<()> {
    let Build { communicator, watch, .. } = *build;
    // the range of float32 points holds a float32, so no refusal is certain; centroids of norm 1 may lie outside the ranges
    if build.spherical || build.stored != Dtype::F32 || build.points.dtype() != Dtype::F64 {
        return Ok(());
    }
    let clusters = build.levels.first().map_or(0, |level| level.clusters);
    let own = share_of(build.points, communicator.rank(), communicator.size());
    let mut ranges = Ranges::none(own.dim());
    ranges.extend(&own, &sampled(&own)?);
    if ranges.everywhere(build)?.refused(clusters).is_none() {
        return Ok(());
    }
    let row_bytes = own.row_bytes().max(1);
    let mut block = vec![0; (BLOCK_BYTES / row_bytes).max(1) * row_bytes];
    let progress = watch.start_stage("check", own.len(), row_bytes as u64);
    let mut first = 0;
    while first < own.len() && ranges.refused(clusters).is_some() {
        if watch.cancelled() {
            return Err(Error::interrupted());
        }
        let count = (own.len() - first).min((block.len() / row_bytes) as u64);
        let rows = &mut block[..to_usize(count) * row_bytes];
        own.read(first, rows)?;
        ranges.extend(&own, rows);
        progress.advance(count);
        first += count;
    }
    match ranges.everywhere(build)?.refused(clusters) {
        Some(found) => Err(refusal(1, found)),
        None => Ok(()),
    }
}

/// Ranges of the columns.
pub(super) struct Ranges {
    low: Vec<f64>,
    high: Vec<f64>,
    /// Whether a value is not finite or beyond float32. The first pass refuses such points with a better message.
    beyond: bool,
}

impl Ranges {
    pub(super) fn none(dim: usize) -> Ranges {
        Ranges { low: vec![f64::INFINITY; dim], high: vec![f64::NEG_INFINITY; dim], beyond: false }
    }

    /// Adds float64 points.
    pub(super) fn extend(&mut self, points: &dyn Points, rows: &[u8]) {
        let mut row = vec![0.0; points.dim()];
        for bytes in rows.chunks_exact(points.row_bytes().max(1)) {
            self.beyond |= !is_in_range(points.dtype(), bytes);
            points.dtype().widen(bytes, &mut row);
            self.low.iter_mut().zip(&row).for_each(|(low, value)| *low = low.min(*value));
            self.high.iter_mut().zip(&row).for_each(|(high, value)| *high = high.max(*value));
        }
    }

    /// The ranges over the points of all processes.
    fn everywhere(&self, build: &Build<'_>) -> Result<Ranges> {
        let mut own = Words::default();
        own.push(self.low.iter().map(|value| value.to_bits()));
        own.push(self.high.iter().map(|value| value.to_bits()));
        own.push(std::iter::once(u64::from(self.beyond)));
        let mut bytes = build.communicator.gather(own.into_bytes())?.concat();
        build.communicator.broadcast(&mut bytes)?;
        let (mut words, mut all) = (Words::from_bytes(&bytes), Ranges::none(self.low.len()));
        while !words.is_over() {
            all.low.iter_mut().zip(words.next_list()).for_each(|(low, &bits)| *low = low.min(f64::from_bits(bits)));
            all.high.iter_mut().zip(words.next_list()).for_each(|(high, &bits)| *high = high.max(f64::from_bits(bits)));
            all.beyond |= words.next_list() != [0];
        }
        Ok(all)
    }

    /// Why points are sure to be refused, for the message; `None` if they aren't.
    pub(super) fn refused(&self, clusters: usize) -> Option<String> {
        let columns = || self.low.iter().copied().zip(self.high.iter().copied());
        if self.beyond || columns().any(|(low, high)| low > high) {
            return None;
        }
        let (mut raised, mut widest) = (0.0, 0.0);
        for (low, high) in columns() {
            let [least, most] = rounding_errors(low, high);
            raised += least * least;
            widest += (high - low + most).powi(2);
        }
        let one = columns().all(|(low, high)| to_f32(low) == to_f32(high));
        let apart = columns().any(|(low, high)| high - low > APART * low.abs().max(high.abs()));
        // equal points lose nothing
        if !apart || !(raised > MARGIN * MOST_RAISED * widest || (one && clusters > 1)) {
            return None;
        }
        // the column that loses most
        let loss = |(low, high): (f64, f64)| rounding_errors(low, high)[1].max(high - low);
        let (column, (low, high)) = columns().enumerate().max_by(|a, b| loss(a.1).total_cmp(&loss(b.1)))?;
        let step = gap(low.abs().max(high.abs()));
        Some(format!("all values of column {column} lie from {low} to {high}, where float32 has steps of {step}"))
    }
}

/// The least and the largest error of rounding a value from `low` to `high` to float32; the largest may be overstated.
fn rounding_errors(low: f64, high: f64) -> [f64; 2] {
    let nearest = to_f32(low);
    let below = if f64::from(nearest) > low { nearest.next_down() } else { nearest };
    let [below, above] = [below, below.next_up()].map(f64::from);
    let least = if below == low || above <= high { 0.0 } else { (low - below).min(above - high) };
    [least, gap(low.abs().max(high.abs())) / 2.0]
}

/// Distance between the float32 values around a positive value.
fn gap(value: f64) -> f64 {
    let nearest = to_f32(value);
    f64::from(nearest.next_up()) - f64::from(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(columns: &[(f64, f64)], clusters: usize) -> bool {
        let (low, high) = columns.iter().copied().unzip();
        Ranges { low, high, beyond: false }.refused(clusters).is_some()
    }

    #[test]
    fn errors_of_rounding() {
        // float32 has steps of 64 at 1e9
        assert_eq!(rounding_errors(1e9 + 10.0, 1e9 + 20.0), [10.0, 32.0]);
        assert_eq!(rounding_errors(1e9 + 40.0, 1e9 + 60.0), [4.0, 32.0]);
        assert_eq!(rounding_errors(-1e9 - 20.0, -1e9 - 10.0), [10.0, 32.0]);
        assert_eq!(rounding_errors(1e9 - 1.0, 1e9 + 1.0), [0.0, 32.0]);
        assert_eq!(rounding_errors(1e9, 1e9)[0], 0.0);
        assert_eq!(rounding_errors(1e9 + 60.0, 1e9 + 70.0)[0], 0.0);
    }

    #[test]
    fn only_certain_cases_are_refused() {
        assert!(refused(&[(1e9 + 10.0, 1e9 + 20.0)], 1));
        // one float32 for all, which matters to two clusters only
        assert!(refused(&[(1e9 - 5.0, 1e9 + 5.0)], 2) && !refused(&[(1e9 - 5.0, 1e9 + 5.0)], 1));
        // several float32 in the range
        assert!(!refused(&[(1e9 - 50.0, 1e9 + 50.0)], 2));
        // another column keeps the clusters apart
        assert!(!refused(&[(1e9 + 10.0, 1e9 + 20.0), (0.0, 1e4)], 2));
        assert!(!refused(&[(0.0, 1.0)], 2) && !refused(&[(5.0, 5.0)], 2));
        let beyond = Ranges { low: vec![1e9 + 10.0], high: vec![1e9 + 20.0], beyond: true };
        assert!(beyond.refused(2).is_none() && Ranges::none(3).refused(2).is_none());
    }
}
