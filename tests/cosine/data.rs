//! Clusterings whose rows have directions worth judging.

use std::ops::RangeInclusive;

use crate::common::{Clustering, Draw, Dtype, stored};

/// What is special about a clustering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Groups of directions; one row in eight is in a wrong cluster, one cluster is empty and one has a single row.
    Groups,
    /// The same with a common offset, so that all cosines are near 1.
    Offset,
    /// Each row many times, and clusters that share a mean.
    Repeats,
    /// All rows have the direction of one, with lengths of powers of two.
    OneDirection,
    /// Each row is a cluster.
    Singletons,
    /// Two clusters of different rows with one mean.
    OneMean,
}

pub(crate) const KINDS: [Kind; 6] =
    [Kind::Groups, Kind::Offset, Kind::Repeats, Kind::OneDirection, Kind::Singletons, Kind::OneMean];

/// A clustering of a kind with two levels.
pub(crate) fn draw(kind: Kind, dtype: Dtype, dim: usize) -> Clustering {
    let mut random = Draw(kind as u64 * 101 + dtype as u64 * 7 + dim as u64);
    let (rows, k) = match kind {
        Kind::Singletons => (12, 12),
        Kind::OneMean => (160, 8),
        _ => (157, 8),
    };
    let offset = if kind == Kind::Offset { 30.0 } else { 0.0 };
    let mut vector = |about: &[f64], spread: f64| -> Vec<f64> {
        about.iter().map(|value| stored(value + spread * random.value(), dtype)).collect()
    };
    let centres: Vec<Vec<f64>> = (0..k).map(|_| vector(&vec![offset; dim], 1.5)).collect();
    let of = |row: usize| match (kind, row) {
        (Kind::Singletons, _) => row,
        (Kind::OneMean, 12) => 0,
        // four rows in turn, and cluster 5 lacks one
        (Kind::OneMean, _) => 2 + row / 4 % (k - 2),
        (_, 0) => 0,
        // no row is in cluster 1
        _ => 2 + (row * row + row / 8 % 2) % (k - 2),
    };
    let mut points: Vec<Vec<f64>> =
        (0..rows).map(|row| vector(&centres[if row % 8 == 3 { 2 } else { of(row) }], 0.5)).collect();
    match kind {
        Kind::Groups | Kind::Offset | Kind::Singletons => {}
        Kind::Repeats => (0..rows).for_each(|row| points[row] = points[row % 5].clone()),
        Kind::OneDirection => {
            let one = points[0].clone();
            let length = |row: usize| f64::from(1_u8 << (row % 3));
            (0..rows).for_each(|row| points[row] = one.iter().map(|value| value * length(row)).collect());
        }
        Kind::OneMean => {
            // as often on either side of one axis, in two planes
            for row in (0..rows).filter(|&row| [2, 3].contains(&of(row))) {
                points[row] = vec![0.0; dim];
                points[row][0] = 2.0;
                points[row][of(row) - 1] = [1.0, -1.0][row % 2];
            }
        }
    }
    let cluster = |c: usize| (0..rows).filter(|&row| of(row) == c).map(|row| row as u64).collect::<Vec<u64>>();
    let members: Vec<Vec<u64>> = (0..k).map(cluster).collect();
    let parents: Vec<Vec<u64>> = (0..3).map(|p| (0..k as u64).filter(|c| c % 3 == p).collect()).collect();
    let tops = parents.iter().map(|of| centres[usize::try_from(of[0]).expect("small")].clone()).collect();
    Clustering { points, dtype, levels: vec![(members, centres), (parents, tops)], subset: None }
}

/// The same rows, each times a power of two of its own, with one of these `exponents`.
pub(crate) fn rescaled(clustering: &Clustering, exponents: &RangeInclusive<i32>) -> Clustering {
    let (low, high) = (*exponents.start(), *exponents.end());
    let mut scaled = clustering.clone();
    for (row, values) in scaled.points.iter_mut().enumerate() {
        let exponent = (i32::try_from(row).expect("small") * 37) % (high - low + 1) + low;
        values.iter_mut().for_each(|value| *value *= f64::from(exponent).exp2());
    }
    scaled
}

/// Rows divided by their norms in float64.
pub(crate) fn unit(points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let norm = |row: &[f64]| row.iter().map(|value| value * value).sum::<f64>().sqrt();
    points.iter().map(|row| row.iter().map(|value| value / norm(row)).collect()).collect()
}
