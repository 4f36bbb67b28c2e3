//! The map of a run: centroids of all levels and some points on the plane on which they differ most, and again by who is near
//! whom.
//!
//! | module | what it knows |
//! |---|---|
//! | `choice` | which clusters and which points are on it |
//! | `rows` | rows of the embeddings, and where they lie on the plane |
//! | `neighbours` | places by t-SNE |

mod choice;
mod neighbours;
pub mod pca;
mod rows;
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
use choice::{occupied, some, some_rows};
use pca::Plane;

/// Centroids that the plane is fitted to, at most: 2,000 of 768 columns are 12 MB.
const FITTED: usize = 2_000;
/// Clusters of a level on the map, at most.
const CLUSTERS: usize = 10_000;
/// Points on the map, at most.
const POINTS: usize = 2_000;

/// The plane of a run: any row has a place on it.
#[derive(Debug, Clone)]
pub struct Mapped {
    plane: Plane,
    /// As the record keeps it.
    pub map: PlaneMap,
}

impl Mapped {
    /// Places on the plane of so many rows from `first` on, which are read for it; NaN where a row is not finite.
    ///
    /// # Errors
    /// `Failed` where the embeddings can't be read.
    pub fn places(&self, embeddings: &Embeddings, first: u64, rows: usize) -> Result<Vec<[f64; 2]>> {
        rows::places(embeddings, &self.plane, first, rows)
    }
}

/// Makes the map that the settings ask for.
///
/// # Errors
/// `Failed` where no plane can be fitted (an infinite centroid), or the embeddings can't be read.
pub fn of_run(plan: &Plan) -> Result<Option<Mapped>> {
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
    Ok(Some(Mapped { plane, map }))
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
            places.x.push(to_f32(x));
            places.y.push(to_f32(y));
        }
    }
    places
}

fn points(plan: &Plan, plane: &Plane, random: &mut Pcg64) -> Result<SampledPoints> {
    let rows = plan.embeddings.rows();
    let mut points = SampledPoints { labels: vec![Vec::new(); plan.levels.len()], ..SampledPoints::default() };
    for row in some_rows(rows, POINTS, random) {
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
