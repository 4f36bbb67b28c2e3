//! Divides inputs whose squares float64 can't hold by a power of two.

use super::CheckedInputs;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::scale::Scale;

/// Divides rows and centroids by a power of two if the centroids of the evaluated levels are extreme. Rows are
/// divided when they are read. Only float64 rows can need this, and normalised ones can't. All parts of a run use the same
/// scale, since they share the centroids.
pub(super) fn divide_extreme(inputs: &mut CheckedInputs) {
    if inputs.embeddings.dtype() != Dtype::F64 || inputs.embeddings.is_normalized() {
        return;
    }
    let levels = inputs.levels.iter().map(|&level| &inputs.hierarchy.levels[level]);
    let scale = Scale::of_largest(levels.map(|level| largest(level.centroids.view())).fold(0.0, f64::max));
    if scale != Scale::ONE {
        inputs.embeddings.divide_by(scale);
        inputs.hierarchy.levels.iter_mut().for_each(|level| level.centroids.divide_by(scale));
    }
}

/// The largest magnitude, ignoring NaN.
fn largest(centroids: MatrixView<'_>) -> f64 {
    match centroids {
        MatrixView::F32(values) => f64::from(values.iter().fold(0.0_f32, |most, value| most.max(value.abs()))),
        MatrixView::F64(values) => values.iter().fold(0.0, |most, value| most.max(value.abs())),
    }
}
