//! The map of a run: the centroids of all levels and a sample of points in two dimensions, by PCA and optionally by t-SNE.
//!
//! | module | what it knows |
//! |---|---|
//! | `described` | what is known of the points besides their places |
//! | `subset` | random subsets of clusters and points |
//! | `rows` | rows of the embeddings, and their places on the plane |
//! | `pca` | the plane of the first two principal components |
//! | `tsne` | t-SNE of vectors |
//! | `neighbours` | the t-SNE map of a run |

mod described;
mod neighbours;
pub mod pca;
mod rows;
mod subset;
pub mod tsne;

use ndarray::{Array1, ArrayView1};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::{as_real, to_f32};
use crate::formats::embeddings::Embeddings;
use crate::plan::Plan;
use crate::plan::record::{Places, PlaneMap, SampledPoints};
use crate::plan::settings::MapKind;
pub use described::describe;
use pca::Plane;
use subset::{occupied, subset, subset_of_rows};

/// Most centroids that the plane is fitted to: 2,000 of 768 columns take 12 MB.
const FITTED: usize = 2_000;
/// Most clusters of a level on the map.
const CLUSTERS: usize = 10_000;
/// Most points on the map.
const POINTS: usize = 2_000;

/// The map of a run, and the plane it lies on, which has a place for any row.
#[derive(Debug, Clone)]
pub struct FittedMap {
    plane: Plane,
    /// As stored in the record.
    pub map: PlaneMap,
}

impl FittedMap {
    /// Reads `rows` rows from `first` on and gives their places on the plane; NaN for rows that are not finite.
    ///
    /// # Errors
    /// `Failed` if the embeddings can't be read.
    pub fn places(&self, embeddings: &Embeddings, first: u64, rows: usize) -> Result<Vec<[f64; 2]>> {
        rows::places(embeddings, &self.plane, first, rows)
    }
}

/// Makes the map that the settings ask for, if any.
///
/// # Errors
/// `Failed` if no plane can be fitted (a centroid is not finite), or if the embeddings can't be read.
pub fn of_run(plan: &Plan) -> Result<Option<FittedMap>> {
    if plan.settings.map == MapKind::None {
        return Ok(None);
    }
    let mut random = Pcg64::seed_from_u64(plan.settings.seed);
    let plane = fit(plan, &mut random)?;
    let levels = plan.levels.iter().map(|&level| places(plan, level, &plane, &mut random)).collect();
    let points = points(plan, &plane, &mut random)?;
    let mut map = PlaneMap { explained: plane.explained, levels, points, tsne: None };
    if plan.settings.map == MapKind::Tsne {
        map.tsne = neighbours::of_run(plan, &map, &mut random)?;
    }
    Ok(Some(FittedMap { plane, map }))
}

fn fit(plan: &Plan, random: &mut Pcg64) -> Result<Plane> {
    let lowest = &plan.hierarchy.levels[plan.levels[0]];
    let clusters = subset(occupied(&lowest.sizes), FITTED, random);
    let weights: Array1<f64> = clusters.iter().map(|&cluster| as_real(lowest.sizes[cluster])).collect();
    let plane = Plane::fit(pca::rows_of(lowest.centroids.view(), &clusters), weights.view());
    plane.ok_or_else(|| {
        let finding = Finding::new("no map can be made: a centroid is not finite, or all clusters are empty");
        Error::failed(finding.file(&lowest.sources.centroids))
    })
}

fn places(plan: &Plan, level: usize, plane: &Plane, random: &mut Pcg64) -> Places {
    let level = &plan.hierarchy.levels[level];
    let view = level.centroids.view();
    let mut centroid = vec![0.0; view.cols()];
    let mut places = Places::default();
    for cluster in subset(occupied(&level.sizes), CLUSTERS, random) {
        view.copy_row(cluster, &mut centroid);
        let (x, y) = plane.place(ArrayView1::from(&centroid));
        if x.is_finite() && y.is_finite() {
            places.clusters.push(cluster as u64);
            places.x.push(to_f32(x));
            places.y.push(to_f32(y));
        }
    }
    places
}

fn points(plan: &Plan, plane: &Plane, random: &mut Pcg64) -> Result<SampledPoints> {
    let rows = plan.embeddings.rows();
    let mut points = SampledPoints { labels: vec![Vec::new(); plan.levels.len()], ..SampledPoints::default() };
    for row in subset_of_rows(rows, POINTS, random) {
        let mut labels = plan.levels.iter().map(|&level| {
            let mut label = [UNLABELLED];
            plan.hierarchy.label_rows(level, row, &mut label);
            label[0]
        });
        let labels: Option<Vec<u32>> = labels.by_ref().map(|label| (label != UNLABELLED).then_some(label)).collect();
        let Some(labels) = labels else { continue };
        let (x, y) = plane.place(rows::read(&plan.embeddings, row, 1)?.row(0));
        if x.is_finite() && y.is_finite() {
            points.rows.push(row);
            points.x.push(to_f32(x));
            points.y.push(to_f32(y));
            points.labels.iter_mut().zip(labels).for_each(|(all, label)| all.push(label));
        }
    }
    Ok(points)
}
