//! Kept points: those that stay on a device from one pass to the next, so that later passes neither read nor upload them.

use std::any::Any;
use std::fmt;
use std::ops::Range;

use crate::base::error::Result;
use crate::base::matrix::Dtype;

/// Shape of the points of one input, which several passes read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointShape {
    /// Columns.
    pub dim: usize,
    /// Element type.
    pub dtype: Dtype,
    /// Number of points.
    pub rows: u64,
    /// Every tile starts at a multiple of this many points; 1 if tiles start anywhere.
    pub tile_rows: usize,
}

/// Points of one input on a device. The first tiles fill it, and later tiles find their rows there.
pub trait KeptPoints: Send + Sync {
    /// Points per chunk. A tile that may be kept lies within one chunk; chunks start at multiples of this number.
    fn chunk_rows(&self) -> u64;

    /// Number of points that are on the device.
    fn held(&self) -> u64;

    /// Lets the backend that made it recover its own type.
    fn as_any(&self) -> &dyn Any;
}

/// Reads rows of the input again: the host evaluates a few even if the device keeps all.
pub trait RowSource: Sync {
    /// Reads consecutive rows from `first` into `out`, `[count, row bytes]`.
    ///
    /// # Errors
    /// I/O errors.
    fn read_rows(&self, first: u64, out: &mut [u8]) -> Result<()>;
}

/// The kept points of a job.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    /// The points on the device.
    pub points: &'a dyn KeptPoints,
    /// The same points on the host.
    pub source: &'a dyn RowSource,
}

impl fmt::Debug for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} points)", self.points.held())
    }
}

/// The rows of a tile, by their numbers in the input.
#[derive(Debug, Clone)]
pub enum TileRows<'t> {
    /// Consecutive rows.
    Range(Range<u64>),
    /// These rows, ascending.
    List(&'t [u64]),
}

impl<'t> TileRows<'t> {
    /// From ascending positions.
    pub fn of(positions: &'t [u64]) -> TileRows<'t> {
        match *positions {
            [first, .., last] if last - first == positions.len() as u64 - 1 => TileRows::Range(first..last + 1),
            [only] => TileRows::Range(only..only + 1),
            _ => TileRows::List(positions),
        }
    }

    /// First row and end of the rows; `None` for no rows.
    pub fn bounds(&self) -> Option<Range<u64>> {
        match self {
            TileRows::Range(range) => Some(range.clone()).filter(|range| !range.is_empty()),
            TileRows::List(rows) => Some(*rows.first()?..*rows.last()? + 1),
        }
    }
}
