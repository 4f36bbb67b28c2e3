//! Compares operations between centroids and between points with the definitions.

use super::data::Data;
use super::outcome::{Outcome, SUMS, relative, worse};
use crate::backend::{Backend, PointSet, UNLABELLED};
use crate::base::error::Result;

/// Most points whose distances are added up.
const MOST_POINTS: usize = 300;
/// Points per segment.
const SEGMENT: usize = 37;
/// Largest relative error of ratios (the crate's accuracy contract).
const RATIOS: f64 = 1e-5;

/// Nearest and worst neighbour of every centroid.
pub(super) fn centroid_pairs(backend: &dyn Backend, data: &Data) -> Result<Outcome> {
    let clusters = data.searched();
    let spread: Vec<f64> = clusters.iter().map(|&c| 1.0 + f64::from(c % 7)).collect();
    let found = backend.centroid_pairs(data.centroids(), &clusters, &spread, &|_| Ok(()))?;
    let mut error = if found.len() == clusters.len() { 0.0 } else { f64::INFINITY };
    for (i, (&cluster, got)) in clusters.iter().zip(&found).enumerate() {
        let squared = |j: usize| -> f64 {
            let pairs = data.centroid(cluster as usize).into_iter().zip(data.centroid(clusters[j] as usize));
            pairs.map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let others: Vec<usize> = (0..clusters.len()).filter(|&j| j != i).collect();
        let nearest = others.iter().map(|&j| (squared(j), clusters[j])).min_by(|a, b| a.0.total_cmp(&b.0));
        let worst = others.iter().map(|&j| (spread[i] + spread[j]) / squared(j).sqrt()).fold(0.0, f64::max);
        error = worse(error, relative(got.worst_ratio, worst));
        error = match nearest {
            None if got.nearest == UNLABELLED => error,
            Some((squared, cluster)) if got.nearest == cluster => worse(error, relative(got.nearest_squared, squared)),
            _ => f64::INFINITY,
        };
    }
    Ok(Outcome { operation: "centroid_pairs", error, allowed: RATIOS })
}

/// Sums of distances from every second point to segments of all points, and in both directions if the device supports that.
pub(super) fn distance_sums(backend: &dyn Backend, data: &Data) -> Result<Outcome> {
    let points = centred(data);
    let tiling = backend.distance_tiling(&points);
    let mut lane = backend.distance_sums(&points, tiling)?;
    let mut error = 0.0;
    let outer: Vec<u32> = (0..).take(points.len()).step_by(2).take(tiling.outer.max(1)).collect();
    lane.outer(&outer)?;
    for start in (0..points.len()).step_by(tiling.inner.max(1)) {
        let inner = start..(start + tiling.inner.max(1)).min(points.len());
        let ends = ends(&inner);
        let mut sums = vec![f64::NAN; ends.len() * outer.len()];
        lane.to_segments(inner.clone(), &ends, &mut sums)?;
        let segments = std::iter::once(&inner.start).chain(&ends).zip(&ends);
        for ((&start, &end), sums) in segments.zip(sums.chunks(outer.len())) {
            for (&j, &got) in outer.iter().zip(sums) {
                let want: f64 = (start..end).map(|i| distance(&points, i, j as usize)).sum();
                error = worse(error, relative(got, want));
            }
        }
    }
    if tiling.symmetric {
        error = worse(error, both_error(lane.as_mut(), &points, tiling.inner.min(tiling.outer))?);
    }
    Ok(Outcome { operation: "distance_sums", error, allowed: SUMS })
}

/// Checks `DistanceSums::both` on the first points.
fn both_error(lane: &mut dyn crate::backend::DistanceSums, points: &PointSet, most: usize) -> Result<f64> {
    let all = 0..points.len().min(most.max(1));
    let places: Vec<u32> = (0..).take(all.len()).collect();
    let ends = ends(&all);
    let mut columns = vec![f64::NAN; ends.len() * all.len()];
    let mut rows = columns.clone();
    lane.outer(&places)?;
    lane.both(all.clone(), &ends, &ends, &mut columns, &mut rows)?;
    let mut error = 0.0;
    for (segment, &end) in ends.iter().enumerate() {
        let start = if segment == 0 { 0 } else { ends[segment - 1] };
        for at in all.clone() {
            let before: f64 = (start..end).filter(|&i| i < at).map(|i| distance(points, i, at)).sum();
            let after: f64 = (start..end).filter(|&j| j > at).map(|j| distance(points, at, j)).sum();
            error = worse(error, relative(columns[segment * all.len() + at], before));
            error = worse(error, relative(rows[segment * all.len() + at], after));
        }
    }
    Ok(error)
}

/// The first points minus the centre, as runs pass them to the backend.
#[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is what is meant")]
fn centred(data: &Data) -> PointSet {
    let centre = data.centre();
    let rows = data.points.outer_iter().take(MOST_POINTS);
    let values = rows.flat_map(|row| row.into_iter().zip(&centre).map(|(x, c)| (x - c) as f32).collect::<Vec<_>>());
    PointSet { dim: centre.len(), values: values.collect(), exact: Vec::new() }
}

fn ends(places: &std::ops::Range<usize>) -> Vec<usize> {
    (places.start + SEGMENT..places.end).step_by(SEGMENT).chain([places.end]).collect()
}

fn distance(points: &PointSet, i: usize, j: usize) -> f64 {
    let pairs = points.row(i).iter().zip(points.row(j));
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}
