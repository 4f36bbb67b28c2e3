//! From settings to a plan. Everything that can be checked up front is checked here, in seconds instead of after hours.

pub mod cost;
pub mod fingerprint;
mod inputs;
mod normalize;
pub mod record;
pub mod recorded;
mod recording;
mod scale;
pub mod settings;
pub mod staging;
pub mod tuning;

use std::num::NonZero;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::Array2;

use crate::backend::select::{self, Choice, Request, Selected};
use crate::backend::{Backend, DeviceInfo, Job, PointSet, Tiling};
use crate::base::error::{Error, Result};
use crate::base::numeric::as_real;
use crate::evaluate::{Sampling, Wanted};
use crate::formats::fingerprint::FileFingerprint;
use crate::formats::hierarchy::Level;
use crate::metrics::{self, Need};
use crate::plan::cost::Work;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::RankingRequest;
use crate::plan::settings::{Distances, Sample, Settings, Silhouette};
pub use inputs::CheckedInputs;

/// Bound on the distances (float32) of one tile and one level that `--distances all` writes: 256 MiB.
const MATRIX_TILE: usize = 64 << 20;

/// A checked run: inputs open, sizes known, device selected. A plan dereferences to its [`CheckedInputs`], which can't be
/// changed through it; whatever a run decides later (tile size, warnings) is the run's own state.
pub struct Plan {
    inputs: CheckedInputs,
    /// How clusters are ranked.
    pub ranking: RankingRequest,
    /// What the metrics need beyond the sums of own distances, cheapest first.
    pub needs: Vec<Need>,
    /// Subtracted from every row, `[dim]`; empty if no metric needs it.
    pub centre: Vec<f64>,
    /// The device.
    pub backend: Box<dyn Backend>,
    /// Description of the device.
    pub device: DeviceInfo,
    /// Why this device was selected.
    pub reason: String,
    /// Seconds spent on opening and checking.
    pub seconds: f64,
    /// The fingerprint, once it was taken: that reads a part of every input.
    agreement: OnceLock<RunFingerprint>,
}

impl Deref for Plan {
    type Target = CheckedInputs;

    fn deref(&self) -> &CheckedInputs {
        &self.inputs
    }
}

impl Plan {
    /// Opens and checks everything, the device included.
    ///
    /// # Errors
    /// As [`CheckedInputs::open`] and [`Plan::on_device`].
    pub fn check(settings: Settings) -> Result<Plan> {
        Plan::on_device(CheckedInputs::open(settings)?)
    }

    /// Opens the device and decides which metrics are computed on it.
    ///
    /// # Errors
    /// `Device` if none can be used; `Usage` if the requested metrics would take too long, see [`cost::fit_to_budget`].
    pub fn on_device(mut inputs: CheckedInputs) -> Result<Plan> {
        let settings = &inputs.settings;
        let request = Request {
            threads: settings.threads,
            tuning: tuning::tuning(settings.no_tuning),
            own_distances_alone: own_distances_alone(&inputs),
        };
        let Selected { backend, reason } = select::open(&Choice::parse(&settings.device), &request)?;
        let device = backend.describe();
        if device.kind == "software" {
            inputs
                .warnings
                .push(format!("`{}` is a software rasterizer, not a GPU: --device cpu is faster", device.name));
        }
        let work = work(&inputs, backend.as_ref());
        cost::fit_to_budget(&mut inputs.metrics, &mut inputs.settings, &work, &mut inputs.warnings)?;
        let ranking = ranking(&inputs)?;
        inputs.settings.rank_by = Some(ranking.by.name().to_owned());
        let needs = cost::needs(&inputs.metrics);
        let seconds = inputs.started.elapsed().as_secs_f64();
        let mut plan = Plan {
            inputs,
            ranking,
            needs,
            centre: Vec::new(),
            backend,
            device,
            reason,
            seconds,
            agreement: OnceLock::new(),
        };
        if !plan.hierarchy.lacks_centroids() {
            plan.prepare_centroids();
        }
        Ok(plan)
    }

    /// Provides the centroids of a clustering that was given as labels without them.
    pub fn set_means(&mut self, means: Vec<Array2<f64>>) {
        self.inputs.hierarchy.set_means(means);
        self.prepare_centroids();
    }

    /// Brings the centroids and the rows to a scale that float64 can square, and chooses the centre.
    fn prepare_centroids(&mut self) {
        scale::divide_extreme(&mut self.inputs);
        let subtracts = |need: &Need| !matches!(need, Need::Labels | Need::Neighbours);
        let lowest = &self.inputs.hierarchy.levels[self.inputs.levels[0]];
        self.centre = if self.needs.iter().any(subtracts) { centre(lowest) } else { Vec::new() };
    }

    /// Rows per tile that the settings ask for; `None` if the device decides.
    pub fn tile_rows(&self) -> Option<NonZero<usize>> {
        self.settings.tile_rows
    }

    /// The job for the backend, in tiles of `tile_rows` rows; `None` lets the device decide.
    pub fn job(&self, tile_rows: Option<NonZero<usize>>) -> Job<'_> {
        let embeddings = &self.embeddings;
        let levels = self.levels.iter().map(|&level| self.hierarchy.levels[level].centroids.view()).collect();
        let searches = self.needs.contains(&Need::Search);
        let means = self.needs.iter().any(|need| matches!(need, Need::Means | Need::MeanNeighbours | Need::Cosine));
        let sums = means && !self.hierarchy.centroids_are_means();
        Job {
            tile_rows: tile_rows.map_or(0, NonZero::get),
            // the search compares the own distance of every row with another one
            keep_rows: self.keeps_rows() || searches,
            pairwise: self.settings.distances == Distances::All,
            centre: self.centre.clone(),
            searched: if searches {
                self.levels.iter().map(|&level| self.occupied(level)).collect()
            } else {
                Vec::new()
            },
            sums,
            ..Job::new(embeddings.dim(), embeddings.dtype(), embeddings.rows(), levels)
        }
    }

    /// What to evaluate beyond the first pass.
    pub fn wanted(&self) -> Wanted {
        let needs = |need| self.needs.contains(&need);
        let silhouette = match self.settings.silhouette {
            Silhouette::Off => None,
            Silhouette::Exact => Some(Sampling::Exact),
            Silhouette::Sample(points) => Some(Sampling::Sample { points: points.get(), seed: self.settings.seed }),
        };
        Wanted {
            neighbours: needs(Need::Neighbours),
            means: needs(Need::Means) || needs(Need::MeanNeighbours),
            mean_neighbours: needs(Need::MeanNeighbours),
            silhouette: silhouette.filter(|_| needs(Need::Silhouette)),
            cosine: needs(Need::Cosine),
        }
    }

    /// The non-empty clusters of a level.
    fn occupied(&self, level: usize) -> Vec<u32> {
        let sizes = (0..).zip(&self.hierarchy.levels[level].sizes);
        sizes.filter(|(_, size)| **size > 0).map(|(cluster, _)| cluster).collect()
    }

    /// How the rows are cut into tiles: `tile_rows` each, or as the device prefers. With `--distances all` and no given size, a
    /// tile is also bounded by its part of the distance matrix, so that this part is written sequentially.
    ///
    /// # Errors
    /// `Device` if not even the smallest tile fits.
    pub fn tiling(&self, tile_rows: Option<NonZero<usize>>) -> Result<Tiling> {
        let mut tiling = self.backend.tiling(&self.job(tile_rows))?;
        if self.settings.distances == Distances::All && tile_rows.is_none() {
            let widest = self.levels.iter().map(|&level| self.hierarchy.k(level)).max().unwrap_or(1);
            tiling.tile_rows = tiling.tile_rows.min((MATRIX_TILE / widest.max(1)).max(64));
        }
        Ok(tiling)
    }

    /// The fingerprint that all parts of a run must share.
    ///
    /// # Errors
    /// `Input` if a file can't be read.
    pub fn fingerprint(&self) -> Result<RunFingerprint> {
        if let Some(taken) = self.agreement.get() {
            return Ok(taken.clone());
        }
        let of_files =
            |files: &mut dyn Iterator<Item = &Path>| files.map(FileFingerprint::of).collect::<Result<Vec<_>>>();
        let settings = &self.settings;
        let sampled = matches!(settings.silhouette, Silhouette::Sample(_));
        // labels are only used when parts are merged, so parts may have been computed without them
        let of_rows = self.metrics.iter().filter(|metric| !metric.needs().contains(&Need::Labels));
        let agreement = RunFingerprint {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rows: self.embeddings.rows(),
            dim: self.embeddings.dim(),
            dtype: self.embeddings.stored_dtype().descr().to_owned(),
            normalize: self.embeddings.is_normalized(),
            arrays: self.embeddings.arrays(),
            embeddings: of_files(&mut settings.embeddings.iter().map(PathBuf::as_path))?,
            hierarchy: of_files(&mut self.hierarchy.files().into_iter())?,
            level_columns: settings.level_columns.clone(),
            subset: settings.subset_indices.as_deref().map(FileFingerprint::of).transpose()?,
            levels: settings.levels.clone(),
            metrics: of_rows.map(|metric| metric.name().to_owned()).collect(),
            silhouette: settings.silhouette.to_string(),
            seed: if sampled { settings.seed } else { 0 },
            nonfinite: serde_json::to_value(settings.nonfinite).unwrap_or_default(),
            allow_unassigned: settings.allow_unassigned,
            distances: serde_json::to_value(settings.distances).unwrap_or_default(),
        };
        Ok(self.agreement.get_or_init(|| agreement).clone())
    }

    /// BLAKE3 (hex) of everything that decides the metrics: the fingerprint shared by all parts, and the labels, which are only
    /// used at the end of a run.
    ///
    /// # Errors
    /// `Input` if the labels can't be read.
    pub fn hash(&self, fingerprint: &RunFingerprint) -> Result<String> {
        match &self.settings.labels {
            None => Ok(fingerprint.hash()),
            Some(path) => {
                let both = format!("{}{}", fingerprint.hash(), FileFingerprint::of(path)?.checksum);
                Ok(blake3::hash(both.as_bytes()).to_hex().to_string())
            }
        }
    }

    /// Whether the own distance of every row is kept: to write it, or to choose the images of montages by it.
    pub fn keeps_rows(&self) -> bool {
        let settings = &self.settings;
        let shown = self.wants_montages() && settings.sample != Sample::Random;
        settings.distances != Distances::None || settings.parquet || shown
    }

    /// Whether what the top-2 search finds is kept for every row, to export it.
    pub fn keeps_search(&self) -> bool {
        self.settings.parquet && self.needs.contains(&Need::Search)
    }

    /// Whether the exact silhouette of every row is kept, to export it.
    pub fn keeps_silhouettes(&self) -> bool {
        self.settings.parquet && self.wanted().silhouette.is_some()
    }

    /// Whether montages or contact sheets are made.
    pub fn wants_montages(&self) -> bool {
        let settings = &self.settings;
        self.names.is_some() && (settings.best > 0 || settings.worst > 0 || settings.contact_sheet > 0)
    }
}

/// Whether a run reads every point once, for its distance to its own centroid and nothing else.
fn own_distances_alone(inputs: &CheckedInputs) -> bool {
    let needs = cost::needs(&inputs.metrics);
    needs.iter().all(|need| *need == Need::Labels) && inputs.settings.distances != Distances::All
}

/// The amount of work beyond the first pass.
fn work(inputs: &CheckedInputs, backend: &dyn Backend) -> Work {
    let (levels, dim) = (&inputs.levels, inputs.embeddings.dim());
    let sizes = |&level: &usize| &inputs.hierarchy.levels[level].sizes;
    Work {
        points: levels.first().map_or(0, |level| sizes(level).iter().sum()),
        dim,
        chains: inputs.hierarchy.chains(levels).len() as u64,
        clusters: levels.iter().map(|level| sizes(level).iter().filter(|size| **size > 0).count() as u64).collect(),
        rate: backend.rate(),
        measured: backend.rate_is_measured(),
        symmetric: backend.distance_tiling(&PointSet { dim, ..PointSet::default() }).symmetric,
    }
}

/// How clusters are ranked: as the user says, or by what is computed.
fn ranking(inputs: &CheckedInputs) -> Result<RankingRequest> {
    let settings = &inputs.settings;
    let exact = settings.silhouette == Silhouette::Exact;
    let by = settings.rank_by.as_deref().unwrap_or_else(|| metrics::default_ranking(&inputs.metrics, exact));
    Ok(RankingRequest {
        by: metrics::ranked_by(by).map_err(Error::usage)?,
        min_size: settings.montage_min_size,
        best: settings.best,
        worst: settings.worst,
    })
}

/// The centre subtracted from every row, `[dim]`: close to the mean of the points, but known before any row is read. It is the
/// mean of the lowest level's centroids, weighted by cluster size. A column whose mean is within its spread (standard
/// deviation) is not centred. The mean of any other column is rounded to a multiple of a power of two within the spread, so
/// that subtracting it from nearly any float16 or float32 gives an exact float32.
fn centre(level: &Level) -> Vec<f64> {
    let dim = level.centroids.view().cols();
    let (mut row, mut sums) = (vec![0.0; dim], vec![(0.0, 0.0); dim]);
    let mut origin: Option<Vec<f64>> = None;
    for (cluster, &size) in level.sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        level.centroids.view().copy_row(cluster, &mut row);
        let size = as_real(size);
        // from one of the centroids, so that a large common offset cancels before squaring
        let origin = origin.get_or_insert_with(|| row.clone());
        for ((sum, value), origin) in sums.iter_mut().zip(&row).zip(origin.iter()) {
            let value = value - origin;
            *sum = (sum.0 + size * value, sum.1 + size * value * value);
        }
    }
    let origin = origin.unwrap_or_else(|| vec![0.0; dim]);
    let points = as_real(level.sizes.iter().sum::<u64>().max(1));
    let centre = |((sum, squares), origin): ((f64, f64), f64)| {
        let from_origin = sum / points;
        let mean = origin + from_origin;
        // NaN if rounding makes the variance negative
        let spread = (squares / points - from_origin * from_origin).sqrt();
        let scale = if spread > 0.0 { spread } else { mean.abs() / 256.0 };
        let unit = scale.log2().floor().exp2();
        match mean.abs() <= spread {
            true => 0.0,
            false if unit.is_normal() => (mean / unit).round() * unit,
            false => mean,
        }
    };
    sums.into_iter().zip(origin).map(centre).collect()
}
