//! Places by t-SNE: of the lowest level's centroids and of points together; clusters above lie among theirs.
//!
//! Centroids of an upper level are not placed by t-SNE themselves: in many dimensions they lie nearer to each other than to
//! the points around them, and would form a group of their own beside their points.

use ndarray::{Array2, s};
use rand_pcg::Pcg64;

use super::choice::some;
use super::rows;
use crate::base::error::Result;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::{as_real, to_f32};
use crate::plan::Plan;
use crate::plan::record::{NeighbourMap, Places, PlaneMap, SampledPoints};
use crate::report::map::pca;
use crate::report::map::tsne;

/// Clusters of the lowest level that are placed, at most.
const CLUSTERS: usize = 2_000;
/// Points that are placed, at most.
const POINTS: usize = 1_000;

/// Places what is on the plane, or a seeded choice of it. `None` where it is too little, or all the same.
pub(super) fn of_run(plan: &Plan, plane: &PlaneMap, random: &mut Pcg64) -> Result<Option<NeighbourMap>> {
    let lowest = &plane.levels[0];
    let clusters = some((0..lowest.clusters.len()).collect(), CLUSTERS, random);
    let points = some((0..plane.points.rows.len()).collect(), POINTS, random);
    let vectors = vectors(plan, plane, &clusters, &points)?;
    let on_plane = |x: &[f32], y: &[f32], at: usize| [f64::from(x[at]), f64::from(y[at])];
    let start: Vec<[f64; 2]> = clusters
        .iter()
        .map(|&at| on_plane(&lowest.x, &lowest.y, at))
        .chain(points.iter().map(|&at| on_plane(&plane.points.x, &plane.points.y, at)))
        .collect();
    let Some(placed) = tsne::place(vectors, &start) else { return Ok(None) };
    let (of_clusters, of_points) = placed.places.split_at(clusters.len());
    let clusters: Vec<usize> = clusters.iter().map(|&at| whole(lowest.clusters[at])).collect();
    Ok(Some(NeighbourMap {
        perplexity: placed.perplexity,
        levels: levels(plan, &clusters, of_clusters),
        points: chosen(&plane.points, &points, of_points),
    }))
}

/// The chosen centroids, then the chosen points.
fn vectors(plan: &Plan, plane: &PlaneMap, clusters: &[usize], points: &[usize]) -> Result<Array2<f64>> {
    let level = &plan.hierarchy.levels[plan.levels[0]];
    let numbers: Vec<usize> = clusters.iter().map(|&at| whole(plane.levels[0].clusters[at])).collect();
    let mut vectors = Array2::zeros((clusters.len() + points.len(), plan.embeddings.dim()));
    vectors.slice_mut(s![..clusters.len(), ..]).assign(&pca::rows_of(level.centroids.view(), &numbers));
    for (&at, mut vector) in points.iter().zip(vectors.outer_iter_mut().skip(clusters.len())) {
        vector.assign(&rows::read(&plan.embeddings, plane.points.rows[at], 1)?.row(0));
    }
    Ok(vectors)
}

/// Places on all levels: of the lowest as given, above it the means of theirs.
fn levels(plan: &Plan, clusters: &[usize], at: &[[f64; 2]]) -> Vec<Places> {
    let lowest = plan.levels[0];
    let sizes = &plan.hierarchy.levels[lowest].sizes;
    // where each of them belongs on the level at hand
    let mut owners: Vec<usize> = clusters.to_vec();
    let mut reached = lowest;
    let of_level = |&level: &usize| {
        while reached < level {
            reached += 1;
            let parent = &plan.hierarchy.levels[reached].parent;
            let up =
                |owner: usize| parent.get(owner).filter(|&&up| up != UNLABELLED).map_or(usize::MAX, |&up| up as usize);
            owners.iter_mut().for_each(|owner| *owner = up(*owner));
        }
        let mut sums = vec![[0.0; 3]; plan.hierarchy.k(level)];
        for ((&cluster, &owner), place) in clusters.iter().zip(&owners).zip(at) {
            let Some(sum) = sums.get_mut(owner) else { continue };
            let weight = as_real(sizes[cluster]);
            *sum = [sum[0] + weight, sum[1] + weight * place[0], sum[2] + weight * place[1]];
        }
        let mut places = Places::default();
        for (cluster, [weight, x, y]) in sums.into_iter().enumerate().filter(|(_, sum)| sum[0] > 0.0) {
            places.clusters.push(cluster as u64);
            places.x.push(to_f32(x / weight));
            places.y.push(to_f32(y / weight));
        }
        places
    };
    plan.levels.iter().map(of_level).collect()
}

/// Those of the points, at their places.
fn chosen(points: &SampledPoints, which: &[usize], at: &[[f64; 2]]) -> SampledPoints {
    SampledPoints {
        rows: which.iter().map(|&i| points.rows[i]).collect(),
        x: at.iter().map(|place| to_f32(place[0])).collect(),
        y: at.iter().map(|place| to_f32(place[1])).collect(),
        labels: points.labels.iter().map(|labels| which.iter().map(|&i| labels[i]).collect()).collect(),
    }
}

/// Numbers of clusters that were indices before.
#[expect(clippy::cast_possible_truncation, reason = "they index this machine's memory")]
fn whole(cluster: u64) -> usize {
    cluster as usize
}
