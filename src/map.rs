//! The map of a run: centroids of all levels and some points on one plane.

use std::collections::BTreeSet;

use half::f16;
use ndarray::{Array1, ArrayView1};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::error::{Error, Finding, Result};
use crate::input::embeddings::Embeddings;
use crate::matrix::{Dtype, UNLABELLED};
use crate::metrics::as_real;
use crate::pca::{self, Plane};
use crate::plan::Plan;
use crate::record::{Places, PlaneMap, SampledPoints};

/// Centroids that the plane is fitted to, at most: 2,000 of 768 columns are 12 MB.
const FITTED: usize = 2_000;
/// Clusters of a level on the map, at most.
const CLUSTERS: usize = 10_000;
/// Points on the map, at most.
const POINTS: usize = 2_000;

/// Fits the plane and places everything on it.
///
/// # Errors
/// `Failed` where no plane can be fitted (an infinite centroid), or the embeddings can't be read.
pub fn of_run(plan: &Plan) -> Result<PlaneMap> {
    let mut random = Pcg64::seed_from_u64(plan.settings.seed);
    let plane = fit(plan, &mut random)?;
    let levels = plan.levels.iter().map(|&level| places(plan, level, &plane, &mut random)).collect();
    Ok(PlaneMap { explained: plane.explained, levels, points: points(plan, &plane, &mut random)? })
}

fn fit(plan: &Plan, random: &mut Pcg64) -> Result<Plane> {
    let lowest = &plan.hierarchy.levels[plan.levels[0]];
    let clusters = some(occupied(&lowest.sizes), FITTED, random);
    let weights: Array1<f64> = clusters.iter().map(|&cluster| as_real(lowest.sizes[cluster])).collect();
    let plane = Plane::fit(pca::rows_of(lowest.centroids.view(), &clusters), weights.view());
    plane.ok_or_else(|| {
        let finding = Finding::new("no map can be made: a centroid is not finite, or no cluster has points");
        Error::failed(finding.file(&lowest.sources.centroids))
    })
}

fn places(plan: &Plan, level: usize, plane: &Plane, random: &mut Pcg64) -> Places {
    let level = &plan.hierarchy.levels[level];
    let view = level.centroids.view();
    let mut centroid = vec![0.0; view.cols()];
    let mut places = Places::default();
    for cluster in some(occupied(&level.sizes), CLUSTERS, random) {
        view.copy_row(cluster, &mut centroid);
        let (x, y) = plane.place(ArrayView1::from(&centroid));
        if x.is_finite() && y.is_finite() {
            places.clusters.push(cluster as u64);
            places.x.push(single(x));
            places.y.push(single(y));
        }
    }
    places
}

fn points(plan: &Plan, plane: &Plane, random: &mut Pcg64) -> Result<SampledPoints> {
    let rows = plan.embeddings.rows();
    let mut points = SampledPoints { labels: vec![Vec::new(); plan.levels.len()], ..SampledPoints::default() };
    for row in some_rows(rows, random) {
        let mut labels = plan.levels.iter().map(|&level| {
            let mut label = [UNLABELLED];
            plan.hierarchy.label_rows(level, row, &mut label);
            label[0]
        });
        let labels: Option<Vec<u32>> = labels.by_ref().map(|label| (label != UNLABELLED).then_some(label)).collect();
        let Some(labels) = labels else { continue };
        let (x, y) = plane.place(ArrayView1::from(&read(&plan.embeddings, row)?));
        if x.is_finite() && y.is_finite() {
            points.rows.push(row);
            points.x.push(single(x));
            points.y.push(single(y));
            points.labels.iter_mut().zip(labels).for_each(|(all, label)| all.push(label));
        }
    }
    Ok(points)
}

/// One row of the embeddings.
fn read(embeddings: &Embeddings, row: u64) -> Result<Vec<f64>> {
    fn values<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks().0.iter().map(|&bytes| value(bytes)).collect()
    }
    let mut bytes = vec![0; embeddings.row_bytes()];
    embeddings.read_rows(row, &mut bytes)?;
    Ok(match embeddings.dtype() {
        Dtype::F16 => values(&bytes, |bytes| f16::from_le_bytes(bytes).to_f64()),
        Dtype::F32 => values(&bytes, |bytes| f32::from_le_bytes(bytes).into()),
        Dtype::F64 => values(&bytes, f64::from_le_bytes),
    })
}

/// The clusters that have points.
fn occupied(sizes: &[u64]) -> Vec<usize> {
    (0..sizes.len()).filter(|&cluster| sizes[cluster] > 0).collect()
}

/// A seeded choice of so many, in their order.
fn some(mut of: Vec<usize>, most: usize, random: &mut Pcg64) -> Vec<usize> {
    if of.len() > most {
        // Fisher and Yates, as far as it is needed
        for at in 0..most {
            let other = random.random_range(at..of.len());
            of.swap(at, other);
        }
        of.truncate(most);
        of.sort_unstable();
    }
    of
}

/// The same of the rows, which can be too many to list.
fn some_rows(rows: u64, random: &mut Pcg64) -> Vec<u64> {
    if rows <= 2 * POINTS as u64 {
        let all = usize::try_from(rows).unwrap_or(usize::MAX);
        return some((0..all).collect(), POINTS, random).into_iter().map(|row| row as u64).collect();
    }
    let mut chosen = BTreeSet::new();
    while chosen.len() < POINTS {
        chosen.insert(random.random_range(0..rows));
    }
    chosen.into_iter().collect()
}

/// Precise enough for a picture.
#[expect(clippy::cast_possible_truncation, reason = "float64 to float32 rounds")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_distinct_in_order_and_seeded() {
        for (rows, expected) in [(10, 10), (3_000, POINTS), (1_000_000, POINTS)] {
            let chosen = some_rows(rows, &mut Pcg64::seed_from_u64(1));
            assert_eq!(chosen.len(), expected);
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]) && chosen.iter().all(|&row| row < rows));
            assert_eq!(chosen, some_rows(rows, &mut Pcg64::seed_from_u64(1)));
            assert_eq!(chosen == some_rows(rows, &mut Pcg64::seed_from_u64(2)), rows == 10);
        }
    }
}
