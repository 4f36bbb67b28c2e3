//! The t-SNE map of a run: places of the lowest level's centroids together with points. Clusters of upper levels lie at the
//! mean of their clusters.
//!
//! t-SNE does not place the centroids of upper levels: in many dimensions they lie nearer to each other than to the points
//! around them, and would form a group of their own away from their points.

use ndarray::{Array2, s};
use rand_pcg::Pcg64;

use super::subset::subset;
use super::{pca, rows, tsne};
use crate::base::error::Result;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::{as_real, to_f32, to_usize};
use crate::plan::Plan;
use crate::plan::record::{NeighbourMap, Places, PlaneMap, SampledPoints};

/// Most clusters of the lowest level that are placed.
const CLUSTERS: usize = 2_000;
/// Most points that are placed.
const POINTS: usize = 1_000;

/// Places the clusters and points of the plane, or a random subset of them. `None` if they are too few or all equal.
pub(super) fn of_run(plan: &Plan, plane: &PlaneMap, random: &mut Pcg64) -> Result<Option<NeighbourMap>> {
    let lowest = &plane.levels[0];
    let clusters = subset((0..lowest.clusters.len()).collect(), CLUSTERS, random);
    let points = subset((0..plane.points.rows.len()).collect(), POINTS, random);
    let vectors = vectors(plan, plane, &clusters, &points)?;
    let on_plane = |x: &[f32], y: &[f32], at: usize| [f64::from(x[at]), f64::from(y[at])];
    let start: Vec<[f64; 2]> = clusters
        .iter()
        .map(|&at| on_plane(&lowest.x, &lowest.y, at))
        .chain(points.iter().map(|&at| on_plane(&plane.points.x, &plane.points.y, at)))
        .collect();
    let Some(placed) = tsne::place(vectors, &start) else { return Ok(None) };
    let perplexity = placed.perplexity;
    let (of_clusters, of_points) = placed.places.split_at(clusters.len());
    let placed = placed_points(&plane.points, &points, of_points);
    let clusters: Vec<usize> = clusters.iter().map(|&at| to_usize(lowest.clusters[at])).collect();
    Ok(Some(NeighbourMap { perplexity, levels: levels(plan, &clusters, of_clusters, &placed), points: placed }))
}

/// The chosen centroids, followed by the chosen points.
fn vectors(plan: &Plan, plane: &PlaneMap, clusters: &[usize], points: &[usize]) -> Result<Array2<f64>> {
    let level = &plan.hierarchy.levels[plan.levels[0]];
    let numbers: Vec<usize> = clusters.iter().map(|&at| to_usize(plane.levels[0].clusters[at])).collect();
    let mut vectors = Array2::zeros((clusters.len() + points.len(), plan.embeddings.dim()));
    vectors.slice_mut(s![..clusters.len(), ..]).assign(&pca::rows_of(level.centroids.view(), &numbers));
    for (&at, mut vector) in points.iter().zip(vectors.outer_iter_mut().skip(clusters.len())) {
        vector.assign(&rows::read(&plan.embeddings, plane.points.rows[at], 1)?.row(0));
    }
    Ok(vectors)
}

/// Places on all levels: as given on the lowest one; above it, weighted means of their clusters' places. On levels that do not
/// nest in the lowest one, means of their points' places.
fn levels(plan: &Plan, clusters: &[usize], at: &[[f64; 2]], points: &SampledPoints) -> Vec<Places> {
    let lowest = plan.levels[0];
    let sizes = &plan.hierarchy.levels[lowest].sizes;
    // the cluster of each on the current level
    let mut owners: Vec<usize> = clusters.to_vec();
    let mut reached = lowest;
    let of_level = |(position, &level): (usize, &usize)| {
        if (lowest + 1..=level).any(|level| plan.hierarchy.starts_chain(level)) {
            let place = |i: usize| [1.0, f64::from(points.x[i]), f64::from(points.y[i])];
            let labelled = points.labels[position].iter().enumerate();
            return weighted(plan.hierarchy.k(level), labelled.map(|(i, &label)| (label as usize, place(i))));
        }
        while reached < level {
            reached += 1;
            let parent = &plan.hierarchy.levels[reached].parent;
            let up =
                |owner: usize| parent.get(owner).filter(|&&up| up != UNLABELLED).map_or(usize::MAX, |&up| up as usize);
            owners.iter_mut().for_each(|owner| *owner = up(*owner));
        }
        let weighted_place = |((&cluster, &owner), place): ((&usize, &usize), &[f64; 2])| {
            let weight = as_real(sizes[cluster]);
            (owner, [weight, weight * place[0], weight * place[1]])
        };
        weighted(plan.hierarchy.k(level), clusters.iter().zip(&owners).zip(at).map(weighted_place))
    };
    plan.levels.iter().enumerate().map(of_level).collect()
}

/// The mean place of each cluster, from weights and weighted places of its parts.
fn weighted(clusters: usize, parts: impl Iterator<Item = (usize, [f64; 3])>) -> Places {
    let mut sums = vec![[0.0; 3]; clusters];
    for (owner, part) in parts {
        let Some(sum) = sums.get_mut(owner) else { continue };
        *sum = [sum[0] + part[0], sum[1] + part[1], sum[2] + part[2]];
    }
    let mut places = Places::default();
    for (cluster, [weight, x, y]) in sums.into_iter().enumerate().filter(|(_, sum)| sum[0] > 0.0) {
        places.clusters.push(cluster as u64);
        places.x.push(to_f32(x / weight));
        places.y.push(to_f32(y / weight));
    }
    places
}

/// The points at the given indices, at their new places.
fn placed_points(points: &SampledPoints, which: &[usize], at: &[[f64; 2]]) -> SampledPoints {
    SampledPoints {
        rows: which.iter().map(|&i| points.rows[i]).collect(),
        x: at.iter().map(|place| to_f32(place[0])).collect(),
        y: at.iter().map(|place| to_f32(place[1])).collect(),
        labels: points.labels.iter().map(|labels| which.iter().map(|&i| labels[i]).collect()).collect(),
        ..SampledPoints::default()
    }
}
