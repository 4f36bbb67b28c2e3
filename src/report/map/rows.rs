//! Rows of the embeddings in float64, and where they lie on the plane.

use half::f16;
use ndarray::Array2;
use rayon::prelude::*;

use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::Dtype;
use crate::formats::embeddings::Embeddings;
use crate::report::map::pca::Plane;

/// Bytes of rows that a thread holds in float64 at one time.
const BLOCK: usize = 4 << 20;

/// Rows from `first` on, `[rows, d]`.
pub(super) fn read(embeddings: &Embeddings, first: u64, rows: usize) -> Result<Array2<f64>> {
    let mut bytes = vec![0; rows * embeddings.row_bytes()];
    embeddings.read_rows(first, &mut bytes)?;
    let values: Vec<f64> = match embeddings.dtype() {
        Dtype::F16 => values(&bytes, |bytes| f16::from_le_bytes(bytes).to_f64()),
        Dtype::F32 => values(&bytes, |bytes| f32::from_le_bytes(bytes).into()),
        Dtype::F64 => values(&bytes, f64::from_le_bytes),
    };
    let shaped = Array2::from_shape_vec((rows, embeddings.dim()), values);
    shaped.map_err(|e| Error::failed(Finding::new("rows of another length than the header says").found(e.to_string())))
}

fn values<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&bytes| value(bytes)).collect()
}

/// Places on the plane of so many rows from `first` on, which are read for it; NaN where a row is not finite.
///
/// # Errors
/// `Failed` where the embeddings can't be read.
pub(super) fn places(embeddings: &Embeddings, plane: &Plane, first: u64, rows: usize) -> Result<Vec<[f64; 2]>> {
    let block = (BLOCK / (embeddings.dim().max(1) * size_of::<f64>())).max(1);
    let starts: Vec<usize> = (0..rows).step_by(block).collect();
    let of_block = |&start: &usize| {
        let rows = read(embeddings, first + start as u64, block.min(rows - start))?;
        Ok(plane.place_all(rows.view()))
    };
    let blocks = starts.par_iter().map(of_block).collect::<Result<Vec<_>>>()?;
    Ok(blocks.into_iter().flatten().collect())
}
