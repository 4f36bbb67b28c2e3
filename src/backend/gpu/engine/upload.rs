//! A tile on the host: its rows as stored on disk, and their conversion to the layout that kernels read.

use std::ops::Range;

use half::f16;

use super::hi_lo::pack_hi_lo_row;
use super::plan::TilePlan;
use super::units::OCTET;
use crate::backend::{Job, RowSource, TileRows};
use crate::base::error::Result;
use crate::base::magnitude::largest;
use crate::base::matrix::Dtype;

/// The rows of one tile. If the device keeps them, the host does not hold them, and reads a row again where it needs it.
pub(crate) struct HostTile<'a> {
    /// 64-bit words, so that the bytes are aligned for every element type.
    words: Vec<u64>,
    dtype: Dtype,
    dim: usize,
    rows: usize,
    /// Numbers of the rows in the input, if the tile was recalled from the device instead of staged.
    recalled: Option<Numbers>,
    source: Option<&'a dyn RowSource>,
    /// Largest magnitude of every row; infinite or NaN if any value of the row is.
    largest: Vec<f64>,
    /// Buffer for one padded row.
    padded: Vec<u8>,
}

/// Numbers of rows in the input.
enum Numbers {
    From(u64),
    List(Vec<u64>),
}

impl<'a> HostTile<'a> {
    pub(crate) fn new(job: &Job<'a>) -> HostTile<'a> {
        HostTile {
            words: Vec::new(),
            dtype: job.dtype,
            dim: job.dim,
            rows: 0,
            recalled: None,
            source: job.kept.map(|kept| kept.source),
            largest: Vec::new(),
            padded: Vec::new(),
        }
    }

    /// Makes the tile consist of rows that the device keeps. `largest` are their largest magnitudes.
    pub(crate) fn recall(&mut self, rows: &TileRows<'_>, largest: Vec<f64>) {
        self.rows = largest.len();
        self.largest = largest;
        self.recalled = Some(match rows {
            TileRows::Range(range) => Numbers::From(range.start),
            TileRows::List(rows) => Numbers::List(rows.to_vec()),
        });
    }

    /// Largest magnitudes of all rows.
    pub(crate) fn all_largest(&self) -> &[f64] {
        &self.largest
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Largest magnitude of a row; infinite or NaN if any value of the row is.
    pub(crate) fn largest(&self, row: usize) -> f64 {
        self.largest[row]
    }

    fn row_bytes(&self) -> usize {
        self.dim * self.dtype.size()
    }

    /// Memory for `rows` rows. It grows to the largest tile and is reused.
    pub(crate) fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.rows = rows;
        self.recalled = None;
        let bytes = rows * self.row_bytes();
        if self.words.len() * 8 < bytes {
            // fresh memory is zero already, so nothing is written before the rows are
            self.words = vec![0; bytes.div_ceil(8)];
        }
        self.staged(0..rows)
    }

    /// The memory of the rows `rows` of a tile for which [`staging`](Self::staging) was called.
    pub(crate) fn staged(&mut self, rows: Range<usize>) -> &mut [u8] {
        let bytes = self.row_bytes();
        &mut bytemuck::cast_slice_mut(&mut self.words)[rows.start * bytes..rows.end * bytes]
    }

    fn row(&self, row: usize) -> &[u8] {
        let bytes = self.row_bytes();
        &bytemuck::cast_slice(&self.words)[row * bytes..(row + 1) * bytes]
    }

    /// Copies a row as float64, which is exact.
    ///
    /// # Errors
    /// Errors of the row source, if the tile was recalled.
    pub(crate) fn copy_row(&self, row: usize, out: &mut [f64]) -> Result<()> {
        let (Some(numbers), Some(source)) = (&self.recalled, self.source) else {
            decode(self.dtype, self.row(row), out);
            return Ok(());
        };
        let number = match numbers {
            Numbers::From(first) => first + row as u64,
            Numbers::List(rows) => rows[row],
        };
        let mut words = vec![0_u64; self.row_bytes().div_ceil(8)];
        let bytes = &mut bytemuck::cast_slice_mut(&mut words)[..self.row_bytes()];
        source.read_rows(number, bytes)?;
        decode(self.dtype, bytes, out);
        Ok(())
    }

    /// Writes `rows` to `out` in the layout that kernels read, and records each row's largest magnitude while it is in cache.
    /// Calls for the same tile must cover its rows in order.
    pub(crate) fn pack(&mut self, plan: &TilePlan, rows: Range<usize>, mut out: wgpu::WriteOnly<'_, [u8]>) {
        let stride = plan.octets as usize * OCTET * if self.dtype == Dtype::F64 { 8 } else { self.dtype.size() };
        let whole = stride == self.row_bytes() && self.dtype != Dtype::F64;
        let mut padded = std::mem::take(&mut self.padded);
        padded.clear();
        padded.resize(stride, 0);
        self.largest.truncate(rows.start);
        for (place, row) in rows.enumerate() {
            let bytes = self.row(row);
            let place = place * stride..(place + 1) * stride;
            if whole {
                out.slice(place).copy_from_slice(bytes);
            } else {
                match self.dtype {
                    Dtype::F64 => pack_hi_lo_row(elements::<f64>(bytes), &mut padded),
                    Dtype::F16 | Dtype::F32 => padded[..bytes.len()].copy_from_slice(bytes),
                }
                out.slice(place).copy_from_slice(&padded);
            }
            self.largest.push(largest(self.dtype, bytes));
        }
        self.padded = padded;
    }
}

/// Converts the elements of a row to float64.
fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f64]) {
    let values = out.iter_mut();
    match dtype {
        Dtype::F16 => values.zip(elements::<u16>(bytes)).for_each(|(o, &v)| *o = f64::from(f16::from_bits(v))),
        Dtype::F32 => values.zip(elements::<f32>(bytes)).for_each(|(o, &v)| *o = f64::from(v)),
        Dtype::F64 => values.zip(elements::<f64>(bytes)).for_each(|(o, &v)| *o = v),
    }
}

/// Views a row's bytes as elements. Rows start at multiples of the element size in aligned memory.
fn elements<T: bytemuck::Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::cast_slice(bytes)
}
