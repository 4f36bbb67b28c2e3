//! A tile on the host: the rows as they lie on disk, and how they become what the kernels read.

use half::f16;

use super::plan::{OCTET, Plan};
use super::split::{largest_f16, largest_f32, largest_f64, split};
use crate::base::matrix::Dtype;

/// The rows of one tile.
pub(super) struct HostTile {
    /// 64-bit words, so that the bytes are aligned for every element type.
    words: Vec<u64>,
    dtype: Dtype,
    dim: usize,
    rows: usize,
    /// Largest magnitude of every row; infinite or NaN where a value is.
    largest: Vec<f64>,
    /// One padded row.
    padded: Vec<u8>,
}

impl HostTile {
    pub(super) fn new(dtype: Dtype, dim: usize) -> HostTile {
        HostTile { words: Vec::new(), dtype, dim, rows: 0, largest: Vec::new(), padded: Vec::new() }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Largest magnitude of a row; infinite or NaN where a value is.
    pub(super) fn largest(&self, row: usize) -> f64 {
        self.largest[row]
    }

    fn row_bytes(&self) -> usize {
        self.dim * self.dtype.size()
    }

    /// Memory for `rows` rows. It grows to the largest tile and is kept.
    pub(super) fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.rows = rows;
        let bytes = rows * self.row_bytes();
        if self.words.len() * 8 < bytes {
            self.words.resize(bytes.div_ceil(8), 0);
        }
        &mut bytemuck::cast_slice_mut(&mut self.words)[..bytes]
    }

    fn row(&self, row: usize) -> &[u8] {
        let bytes = self.row_bytes();
        &bytemuck::cast_slice(&self.words)[row * bytes..(row + 1) * bytes]
    }

    /// Copies a row as float64, which is exact.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f64]) {
        let bytes = self.row(row);
        let values = out.iter_mut();
        match self.dtype {
            Dtype::F16 => values.zip(elements::<u16>(bytes)).for_each(|(o, &v)| *o = f64::from(f16::from_bits(v))),
            Dtype::F32 => values.zip(elements::<f32>(bytes)).for_each(|(o, &v)| *o = f64::from(v)),
            Dtype::F64 => values.zip(elements::<f64>(bytes)).for_each(|(o, &v)| *o = v),
        }
    }

    /// Writes all rows as the kernels read them into `out`, and notes each row's largest magnitude while it is in
    /// cache.
    pub(super) fn pack(&mut self, plan: &Plan, mut out: wgpu::WriteOnly<'_, [u8]>) {
        let stride = plan.octets as usize * OCTET * if self.dtype == Dtype::F64 { 8 } else { self.dtype.size() };
        let whole = stride == self.row_bytes() && self.dtype != Dtype::F64;
        let mut padded = std::mem::take(&mut self.padded);
        padded.clear();
        padded.resize(stride, 0);
        self.largest.clear();
        for row in 0..self.rows {
            let bytes = self.row(row);
            let place = row * stride..(row + 1) * stride;
            if whole {
                out.slice(place).copy_from_slice(bytes);
            } else {
                match self.dtype {
                    Dtype::F64 => pair_row(elements::<f64>(bytes), &mut padded),
                    Dtype::F16 | Dtype::F32 => padded[..bytes.len()].copy_from_slice(bytes),
                }
                out.slice(place).copy_from_slice(&padded);
            }
            let largest = match self.dtype {
                Dtype::F16 => largest_f16(elements(bytes)),
                Dtype::F32 => largest_f32(elements(bytes)),
                Dtype::F64 => largest_f64(elements(bytes)),
            };
            self.largest.push(largest);
        }
        self.padded = padded;
    }
}

/// A row's bytes as its elements: rows start at multiples of the element's size in aligned memory.
fn elements<T: bytemuck::Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::cast_slice(bytes)
}

/// Octet by octet: the float32 of eight columns, then what is left of each.
pub(super) fn pair_row(values: &[f64], out: &mut [u8]) {
    let (octets, _) = out.as_chunks_mut::<{ OCTET * 8 }>();
    for (octet, columns) in octets.iter_mut().zip(values.chunks(OCTET)) {
        for (column, &value) in columns.iter().enumerate() {
            let (high, rest) = split(value);
            octet[column * 4..][..4].copy_from_slice(&high.to_ne_bytes());
            octet[(OCTET + column) * 4..][..4].copy_from_slice(&rest.to_ne_bytes());
        }
    }
}
