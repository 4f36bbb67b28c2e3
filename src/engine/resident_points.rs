//! Points with a store on a device, so that passes after the first neither read nor upload them.

use super::points::Points;
use crate::backend::{Backend, Kept, KeptPoints, PointShape, RowSource};
use crate::base::error::Result;
use crate::base::matrix::Dtype;

/// Wraps points with a store on the device, which the first pass over them fills.
pub struct ResidentPoints<'a> {
    of: &'a dyn Points,
    kept: Option<Box<dyn KeptPoints>>,
}

impl<'a> ResidentPoints<'a> {
    /// Opens a store on the device, unless `of` has one already or the device keeps no points. Tiles start at multiples of
    /// `tile_rows` points; 1 if they start anywhere.
    pub fn new(of: &'a dyn Points, backend: &dyn Backend, tile_rows: usize) -> Self {
        let shape = PointShape { dim: of.dim(), dtype: of.dtype(), rows: of.len(), tile_rows };
        let kept = if of.kept().is_some() || of.is_empty() { None } else { backend.keep(shape) };
        ResidentPoints { of, kept }
    }
}

impl Points for ResidentPoints<'_> {
    fn len(&self) -> u64 {
        self.of.len()
    }

    fn dim(&self) -> usize {
        self.of.dim()
    }

    fn dtype(&self) -> Dtype {
        self.of.dtype()
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        self.of.read(first, out)
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        self.of.gather(positions, out)
    }

    fn kept(&self) -> Option<Kept<'_>> {
        let own = self.kept.as_ref().map(|points| Kept { points: points.as_ref(), source: self });
        own.or_else(|| self.of.kept())
    }
}

impl RowSource for ResidentPoints<'_> {
    fn read_rows(&self, first: u64, out: &mut [u8]) -> Result<()> {
        self.of.read(first, out)
    }
}
