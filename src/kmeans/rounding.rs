//! Centroids are stored as float32 or float64. Points far from 0 and close together are told apart by float64 alone.

use ndarray::{Array2, Axis};

use super::Assigned;
use super::distinct::first_of_each;
use super::sums::squared;
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::Dtype;
use crate::base::numeric::{as_real, to_f32};

/// Share of the objective by which rounding may raise it.
pub(super) const MOST_RAISED: f64 = 1e-3;

/// Share of the scatter between clusters below which the rise is harmless if the objective is 0.
const HARMLESS: f64 = 1e-6;

/// Share of the points' squared norms below which an objective is 0 but for rounding in float64.
const RESOLUTION: f64 = 1e-24;

/// The same for points of norm 1 that are rounded to float32: their norms differ from 1 by as much.
const FLOAT32_RESOLUTION: f64 = 1e-13;

/// Rounds centroids, `[k, d]`, to the stored element type, so that points are assigned by what a reader of the file finds.
pub(super) fn round_to(centroids: &Array2<f64>, dtype: Dtype) -> Array2<f64> {
    match dtype {
        Dtype::F32 => centroids.mapv(|value| f64::from(to_f32(value))),
        _ => centroids.clone(),
    }
}

/// Refuses `stored` centroids of a level if rounding them made two `exact` ones equal or raised the objective by more than a
/// thousandth. `assigned` are all points, by the stored centroids; `objective` is their sum of squared distances to the exact
/// ones, or more. `spherical` is the type that the points are rounded to if centroids have norm 1: these may become equal where
/// the points differ by no more than their rounding.
pub(super) fn check(
    level: u32,
    exact: &Array2<f64>,
    stored: &Array2<f64>,
    assigned: &Assigned,
    objective: f64,
    spherical: Option<Dtype>,
) -> Result<()> {
    let mut sizes = vec![0_u64; stored.nrows()];
    assigned.labels.iter().for_each(|&label| sizes[label as usize] += 1);
    // moving the mean of n points by r raises the sum of their squared distances by n r^2
    let weighted =
        |squares: Vec<f64>| sizes.iter().zip(squares).map(|(&size, squared)| as_real(size) * squared).sum::<f64>();
    let raised = weighted(exact.outer_iter().zip(stored.outer_iter()).map(|(a, b)| squared(a, b)).collect());
    let inertia = assigned.inertia();
    let merged = first_of_each(exact.view()).len() - first_of_each(stored.view()).len();
    // Where float64 itself sees no distance within clusters, rounding hides none. It must not change those between clusters.
    let size = weighted(exact.outer_iter().map(|row| row.dot(&row)).collect());
    let scatter = between(exact, &sizes);
    let resolution = if spherical == Some(Dtype::F32) { FLOAT32_RESOLUTION } else { RESOLUTION };
    let together = scatter <= if spherical.is_some() { resolution * size } else { 0.0 };
    let harmless = objective <= resolution * size && (together || raised <= HARMLESS * scatter);
    let small = raised <= MOST_RAISED * objective.max(inertia - raised);
    if (merged == 0 && (small || harmless)) || (spherical.is_some() && harmless) {
        return Ok(());
    }
    let found = match merged {
        0 => format!("rounding raises the sum of squared distances by {raised:.3e}, to {inertia:.3e}"),
        _ => format!("rounding makes {merged} of {} centroids equal to another one", stored.nrows()),
    };
    Err(refusal(level, found))
}

/// The error for centroids of a level that float32 can't hold.
pub(super) fn refusal(level: u32, found: String) -> Error {
    let finding =
        Finding::new("float32 can't hold the centroids: the clusters are too close together for their distance from 0");
    let finding = finding.level(level).expected("clusters farther apart than float32 rounds").found(found);
    Error::input(finding.hint("add --dtype float64, or subtract the mean from the embeddings"))
}

/// Sum over clusters of size times squared distance between centroid and mean of all.
fn between(centroids: &Array2<f64>, sizes: &[u64]) -> f64 {
    let Some(first) = centroids.outer_iter().next() else { return 0.0 };
    // relative to a centroid, so that a large offset does not cancel
    let relative = centroids - &first;
    let points = as_real(sizes.iter().sum::<u64>().max(1));
    let mut mean = ndarray::Array1::zeros(centroids.ncols());
    relative.outer_iter().zip(sizes).for_each(|(row, &size)| mean.scaled_add(as_real(size) / points, &row));
    let squares = (&relative - &mean.insert_axis(Axis(0))).map_axis(Axis(1), |row| row.dot(&row));
    squares.iter().zip(sizes).map(|(squared, &size)| as_real(size) * squared).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn checked(exact: &Array2<f64>, squared: f64) -> Result<()> {
        let stored = round_to(exact, Dtype::F32);
        let assigned = Assigned { labels: vec![0, 1, 2], squared: vec![squared; 3] };
        check(1, exact, &stored, &assigned, 3.0 * squared, None)
    }

    #[test]
    fn centroids_that_rounding_moves_too_far_are_refused() {
        assert!(checked(&array![[0.1], [1.1], [2.1]], 0.01).is_ok());
        // float32 is 64 apart at 1e9
        let far = array![[1e9 + 20.0], [1e9 + 200.0], [1e9 + 500.0]];
        let error = checked(&far, 1000.0).expect_err("moved by tens").to_string();
        assert!(error.contains("--dtype float64") && error.contains("rounding raises"), "{error}");
        let error = checked(&array![[1e9], [1e9 + 1.0], [1e9 + 500.0]], 1.0).expect_err("merged").to_string();
        assert!(error.contains("makes 1 of 3 centroids equal"), "{error}");
    }

    #[test]
    fn spherical_centroids_may_be_as_near_as_rows_of_float32_are() {
        // equal rows but for the rounding of their norms, which float32 centroids do not tell apart
        let exact = array![[0.6, 0.8], [0.6 + 1e-9, 0.8 - 0.75e-9], [-1.0, 0.0]];
        let stored = round_to(&exact, Dtype::F32);
        let assigned = Assigned { labels: vec![0, 0, 2], squared: vec![1e-15; 3] };
        let f32_rows = Some(Dtype::F32);
        assert!(check(1, &exact, &stored, &assigned, 1e-15, f32_rows).is_ok());
        assert!(check(1, &exact, &stored, &assigned, 1e-15, None).is_err());
        assert!(check(1, &exact, &stored, &assigned, 1e-15, Some(Dtype::F64)).is_err(), "float64 rows do differ");
        assert!(check(1, &exact, &stored, &assigned, 1e-6, f32_rows).is_err(), "the points do differ");
        // one direction in all
        let exact = array![[0.6, 0.8], [0.6 + 1e-9, 0.8 - 0.75e-9], [0.6 - 1e-9, 0.8 + 0.75e-9]];
        assert!(check(1, &exact, &round_to(&exact, Dtype::F32), &assigned, 1e-15, f32_rows).is_ok());
    }

    #[test]
    fn an_objective_of_nothing_but_rounding_is_fine() {
        let exact = array![[0.1], [1.1], [2.1]];
        let stored = round_to(&exact, Dtype::F32);
        let assigned = Assigned { labels: vec![0, 1, 2], squared: vec![1e-16; 3] };
        assert!(check(1, &exact, &stored, &assigned, 0.0, None).is_ok());
        // equal points, each as far from the stored centroid as rounding moved it
        let exact = array![[0.1], [0.1], [0.1]];
        let stored = round_to(&exact, Dtype::F32);
        let squared = (0.1 - f64::from(0.1_f32)).powi(2);
        let assigned = |squared: f64| Assigned { labels: vec![0; 3], squared: vec![squared; 3] };
        assert!(check(1, &exact, &stored, &assigned(squared), 0.0, None).is_ok());
        let error = check(1, &exact, &stored, &assigned(3.0 * squared), 6.0 * squared, None);
        assert!(error.is_err(), "there was scatter, to which rounding added half");
        // two groups far apart: rounding hides what is within them, but not what is between them
        let far = array![[1e8 + 1.3], [-1e8], [1e8 + 13.9]];
        assert!(checked(&far, 1.0).is_err());
        let exact = array![[0.1], [1.1], [2.1]];
        assert_eq!(round_to(&exact, Dtype::F64), exact);
    }
}
