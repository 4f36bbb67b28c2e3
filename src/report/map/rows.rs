//! Rows of the embeddings in float64, and their places on the plane.

use ndarray::Array2;
use rayon::prelude::*;

use super::pca::Plane;
use crate::base::error::{Error, Finding, Result};
use crate::formats::embeddings::Embeddings;

/// Most bytes of float64 rows per thread.
const BLOCK: usize = 4 << 20;

/// Reads `rows` rows from `first` on, `[rows, d]`.
pub(super) fn read(embeddings: &Embeddings, first: u64, rows: usize) -> Result<Array2<f64>> {
    let mut bytes = vec![0; rows * embeddings.row_bytes()];
    embeddings.read_rows(first, &mut bytes)?;
    let mut values = vec![0.0; rows * embeddings.dim()];
    embeddings.dtype().widen(&bytes, &mut values);
    let shaped = Array2::from_shape_vec((rows, embeddings.dim()), values);
    shaped
        .map_err(|e| Error::failed(Finding::new("rows have another length than the header says").found(e.to_string())))
}

/// Reads `rows` rows from `first` on and gives their places on the plane; NaN for rows that are not finite.
///
/// # Errors
/// `Failed` if the embeddings can't be read.
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
