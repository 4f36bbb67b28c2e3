//! The plane of largest variance: the first two principal components.
//!
//! Computed by subspace iteration with a Rayleigh-Ritz step (Saad 2011, "Numerical Methods for Large Eigenvalue Problems",
//! section 5.2). No d x d matrix is formed, and the result depends on the input alone, to the bit.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Dimension of the subspace: the larger, the faster the first two columns converge.
const COLUMNS: usize = 8;
/// Most iterations.
const MOST: usize = 200;
/// Relative change of an eigenvalue below which it has converged.
const SAME: f64 = 1e-10;

/// A plane through the weighted mean of the vectors that it was fitted to.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    mean: Array1<f64>,
    /// `[d, 2]`, orthonormal; zero for an axis along which the vectors do not vary.
    axes: Array2<f64>,
    /// Share of the weighted variance along each axis, from 0 to 1.
    pub explained: [f64; 2],
}

impl Plane {
    /// Fits a plane to vectors `[n, d]` with weights `[n]` (finite, not negative). `None` if all weights are zero or a vector
    /// is not finite.
    pub fn fit(mut vectors: Array2<f64>, weights: ArrayView1<'_, f64>) -> Option<Plane> {
        let total = weights.sum();
        let usable = total > 0.0 && vectors.iter().all(|value| value.is_finite());
        if !usable {
            return None;
        }
        let mean = vectors.t().dot(&weights) / total;
        for (mut row, weight) in vectors.axis_iter_mut(Axis(0)).zip(weights) {
            row -= &mean;
            row *= (weight / total).sqrt();
        }
        let variance: f64 = vectors.iter().map(|value| value * value).sum();
        let (eigenvalues, eigenvectors) = leading(&vectors);
        let mut axes = Array2::zeros((mean.len(), 2));
        let mut explained = [0.0; 2];
        for at in 0..eigenvalues.len().min(2) {
            if eigenvalues[at] > 0.0 {
                axes.column_mut(at).assign(&signed(eigenvectors.column(at)));
                explained[at] = (eigenvalues[at] / variance).min(1.0);
            }
        }
        Some(Plane { mean, axes, explained })
    }

    /// The place of a vector `[d]` on the plane.
    ///
    /// # Panics
    /// If the vector has another length.
    pub fn place(&self, vector: ArrayView1<'_, f64>) -> (f64, f64) {
        let place = (&vector - &self.mean).dot(&self.axes);
        (place[0], place[1])
    }

    /// The places of vectors `[n, d]` on the plane.
    ///
    /// # Panics
    /// If the vectors have another length.
    pub fn place_all(&self, vectors: ArrayView2<'_, f64>) -> Vec<[f64; 2]> {
        let places = (&vectors - &self.mean).dot(&self.axes);
        places.outer_iter().map(|place| [place[0], place[1]]).collect()
    }
}

/// The largest eigenvalues of `rows^T rows`, descending, and their eigenvectors as columns.
fn leading(rows: &Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let dim = rows.ncols();
    let mut random = Pcg64::seed_from_u64(0);
    let mut basis = Array2::from_shape_simple_fn((dim, COLUMNS.min(dim)), || random.random_range(-1.0..1.0));
    orthonormalise(&mut basis);
    let mut eigenvalues = Vec::new();
    for _ in 0..MOST {
        let mapped = rows.t().dot(&rows.dot(&basis));
        let (found, rotation) = symmetric_eigen(basis.t().dot(&mapped));
        basis = mapped.dot(&rotation);
        orthonormalise(&mut basis);
        let same = |(new, old): (&f64, &f64)| (new - old).abs() <= SAME * new.abs();
        let settled = !eigenvalues.is_empty() && found.iter().zip(&eigenvalues).take(2).all(same);
        eigenvalues = found;
        if settled {
            break;
        }
    }
    (eigenvalues, basis)
}

/// Gram-Schmidt, applied twice, which is enough (Giraud et al. 2005). A column that depends on those before it becomes zero.
fn orthonormalise(basis: &mut Array2<f64>) {
    for column in 0..basis.ncols() {
        let (before, mut rest) = basis.view_mut().split_at(Axis(1), column);
        let mut vector = rest.column_mut(0);
        let length = norm(vector.view());
        for _ in 0..2 {
            let shares = before.t().dot(&vector);
            vector -= &before.dot(&shares);
        }
        let left = norm(vector.view());
        if left > 1e-12 * length { vector /= left } else { vector.fill(0.0) }
    }
}

/// Eigenvalues, descending, and eigenvectors as columns of a small symmetric matrix, by Jacobi's rotations.
fn symmetric_eigen(mut matrix: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let size = matrix.nrows();
    let mut vectors = Array2::eye(size);
    // converges quadratically: eight columns take six sweeps
    for _ in 0..30 {
        for p in 0..size {
            for q in p + 1..size {
                if matrix[(p, q)] != 0.0 {
                    rotate(&mut matrix, &mut vectors, p, q);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| matrix[(b, b)].total_cmp(&matrix[(a, a)]));
    (order.iter().map(|&at| matrix[(at, at)]).collect(), vectors.select(Axis(1), &order))
}

/// Makes the element (p, q) of a symmetric matrix zero.
fn rotate(matrix: &mut Array2<f64>, vectors: &mut Array2<f64>, p: usize, q: usize) {
    let theta = (matrix[(q, q)] - matrix[(p, p)]) / (2.0 * matrix[(p, q)]);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |a: f64, b: f64| (cosine * a - sine * b, sine * a + cosine * b);
    for i in 0..matrix.nrows() {
        (matrix[(i, p)], matrix[(i, q)]) = turn(matrix[(i, p)], matrix[(i, q)]);
        (vectors[(i, p)], vectors[(i, q)]) = turn(vectors[(i, p)], vectors[(i, q)]);
    }
    for i in 0..matrix.nrows() {
        (matrix[(p, i)], matrix[(q, i)]) = turn(matrix[(p, i)], matrix[(q, i)]);
    }
}

/// The axis with its largest element positive: either sign is an eigenvector.
fn signed(axis: ArrayView1<'_, f64>) -> Array1<f64> {
    let largest = axis.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    axis.to_owned() * if largest < 0.0 { -1.0 } else { 1.0 }
}

fn norm(vector: ArrayView1<'_, f64>) -> f64 {
    vector.dot(&vector).sqrt()
}

/// Copies rows of a matrix as float64, `[rows, d]`.
pub fn rows_of(view: crate::base::matrix::MatrixView<'_>, rows: &[usize]) -> Array2<f64> {
    let mut copied = Array2::zeros((rows.len(), view.cols()));
    for (&row, mut out) in rows.iter().zip(copied.axis_iter_mut(Axis(0))) {
        if let Some(out) = out.as_slice_mut() {
            view.copy_row(row, out);
        }
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors that spread by the given deviations along the axes of a rotated frame, about a mean.
    fn spread(deviations: &[f64], count: usize) -> (Array2<f64>, Array2<f64>) {
        let dim = deviations.len();
        let mut random = Pcg64::seed_from_u64(7);
        let mut frame = Array2::from_shape_simple_fn((dim, dim), || random.random_range(-1.0..1.0));
        orthonormalise(&mut frame);
        let mut vectors = Array2::from_shape_simple_fn((count, dim), || random.random_range(-1.0..1.0));
        for mut row in vectors.axis_iter_mut(Axis(0)) {
            row.iter_mut().zip(deviations).for_each(|(value, deviation)| *value *= deviation);
        }
        (vectors.dot(&frame.t()) + 5.0, frame)
    }

    #[test]
    fn the_axes_are_those_along_which_vectors_spread_most() {
        let mut deviations = vec![1.0; 40];
        (deviations[17], deviations[3]) = (9.0, 5.0);
        let (vectors, frame) = spread(&deviations, 4000);
        let plane = Plane::fit(vectors, Array1::ones(4000).view()).expect("fits");
        for (axis, truth) in [(0, 17), (1, 3)] {
            let cosine = plane.axes.column(axis).dot(&frame.column(truth)).abs();
            assert!(cosine > 0.99, "axis {axis}: {cosine}");
            // the control: no other axis is it
            assert!(plane.axes.column(axis).dot(&frame.column(20)).abs() < 0.1);
        }
        let sum: f64 = deviations.iter().map(|d| d * d).sum();
        for (share, deviation) in plane.explained.iter().zip([9.0, 5.0]) {
            assert!((share - deviation * deviation / sum).abs() < 0.03, "{:?}", plane.explained);
        }
    }

    #[test]
    fn weights_count_as_repeats_do() {
        let (vectors, _) = spread(&[3.0, 1.0, 0.5], 50);
        let weights: Array1<f64> = (0..50_u32).map(|i| f64::from(i % 3)).collect();
        let repeated: Vec<usize> = (0..50).flat_map(|i| std::iter::repeat_n(i, i % 3)).collect();
        let by_weight = Plane::fit(vectors.clone(), weights.view()).expect("fits");
        let repeats = vectors.select(Axis(0), &repeated);
        let by_repeats = Plane::fit(repeats, Array1::ones(repeated.len()).view()).expect("fits");
        let (a, b) = (by_weight.place(vectors.row(1)), by_repeats.place(vectors.row(1)));
        assert!((a.0 - b.0).abs() < 1e-8 && (a.1 - b.1).abs() < 1e-8, "{a:?} {b:?}");
        let plain = Plane::fit(vectors.clone(), Array1::ones(50).view()).expect("fits").place(vectors.row(1));
        assert!((a.0 - plain.0).abs() > 1e-3, "the weights do nothing");
    }

    #[test]
    fn few_vectors_and_few_columns_have_a_place_too() {
        let same = Plane::fit(Array2::ones((3, 4)), Array1::ones(3).view()).expect("fits");
        assert_eq!((same.explained, same.place(Array1::ones(4).view())), ([0.0; 2], (0.0, 0.0)));
        let line = Array2::from_shape_vec((3, 1), vec![0.0, 1.0, 2.0]).expect("fits");
        let plane = Plane::fit(line.clone(), Array1::ones(3).view()).expect("fits");
        assert_eq!((plane.place(line.row(2)), plane.explained[1]), ((1.0, 0.0), 0.0));
        assert!(Plane::fit(Array2::ones((2, 2)), Array1::zeros(2).view()).is_none());
        assert!(Plane::fit(Array2::from_elem((2, 2), f64::NAN), Array1::ones(2).view()).is_none());
    }
}
