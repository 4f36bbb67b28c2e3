//! Distances in float64 on the host, for rows that float32 can't hold or can't tell apart.

use super::hi_lo::HI_LO_SHARE;
use super::upload::HostTile;
use crate::backend::Job;
use crate::base::error::Result;
use crate::base::matrix::{Dtype, MatrixView};

/// Squared distances below this are evaluated again: some of their terms may lie below float32's normal range.
pub(crate) const TINY: f64 = 1e-16;

/// Squared Euclidean distance in float64, added up in order.
pub(crate) fn squared_distance<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    let differences = a.iter().zip(b).map(|(&a, &b)| a.into() - b.into());
    differences.map(|difference| difference * difference).sum()
}

/// Squared Euclidean norm in float64, added up in order.
pub(crate) fn squared_norm<T: Copy + Into<f64>>(row: &[T]) -> f64 {
    row.iter().map(|&value| value.into() * value.into()).sum()
}

/// The nearest two of some clusters with their squared distances. Of equally near ones, one's own cluster is first, then the
/// lower one. NaN counts as farther than any number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NearestTwo {
    pub(crate) found: [(f64, u32); 2],
    own: u32,
}

impl NearestTwo {
    /// Nothing found yet.
    pub(crate) fn none(own: u32) -> NearestTwo {
        NearestTwo { found: [(f64::INFINITY, u32::MAX); 2], own }
    }

    /// Offers one cluster.
    pub(crate) fn take(&mut self, squared: f64, cluster: u32) {
        let rank = |cluster: u32| (cluster != self.own, cluster);
        let before = |a: (f64, u32), b: (f64, u32)| a.0 < b.0 || (a.0 == b.0 && rank(a.1) < rank(b.1));
        if before((squared, cluster), self.found[0]) {
            self.found = [(squared, cluster), self.found[0]];
        } else if before((squared, cluster), self.found[1]) {
            self.found[1] = (squared, cluster);
        }
    }
}

/// Evaluates single rows of a tile in float64 on the host, and decides which rows need it.
pub(crate) struct ExactRows<'a> {
    job: &'a Job<'a>,
    point: Vec<f64>,
    centroid: Vec<f64>,
}

impl<'a> ExactRows<'a> {
    pub(crate) fn new(job: &'a Job<'a>) -> ExactRows<'a> {
        ExactRows { job, point: vec![0.0; job.dim], centroid: vec![0.0; job.dim] }
    }

    /// Squared distance of a row of the tile to a centroid.
    pub(crate) fn squared(&mut self, tile: &HostTile<'_>, row: usize, level: usize, cluster: usize) -> Result<f64> {
        tile.copy_row(row, &mut self.point)?;
        self.job.levels[level].copy_row(cluster, &mut self.centroid);
        Ok(squared_distance(&self.point, &self.centroid))
    }

    /// The nearest two of `clusters` to a row of the tile whose own cluster is `own`.
    pub(crate) fn nearest(
        &mut self,
        tile: &HostTile<'_>,
        row: usize,
        level: usize,
        own: u32,
        clusters: impl Iterator<Item = u32>,
    ) -> Result<NearestTwo> {
        tile.copy_row(row, &mut self.point)?;
        let mut nearest = NearestTwo::none(own);
        for cluster in clusters {
            self.job.levels[level].copy_row(cluster as usize, &mut self.centroid);
            nearest.take(squared_distance(&self.point, &self.centroid), cluster);
        }
        Ok(nearest)
    }

    /// The device's squared distances are accurate from this value on, for a row whose largest magnitude is `largest`.
    pub(crate) fn floor(&self, level: usize, largest: f64) -> f64 {
        let in_parts = self.job.dtype == Dtype::F64 || matches!(self.job.levels[level], MatrixView::F64(_));
        if !in_parts {
            return TINY;
        }
        // A product of halves, so that it can't overflow.
        TINY.max((largest * HI_LO_SHARE.sqrt()) * (largest * HI_LO_SHARE.sqrt()) * self.job.dim as f64)
    }
}
