//! From settings to a plan: everything that can be known to be wrong is known after this, in seconds and not in hours.

mod checked;
pub mod cost;
pub mod fingerprint;
pub mod record;
pub mod recorded;
pub mod settings;

use std::num::NonZero;
use std::path::{Path, PathBuf};

use crate::backend::{Backend, DeviceInfo, Job, PointSet, Tiling};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::evaluate::{Sampling, Wanted};
use crate::formats::embeddings::Embeddings;
use crate::formats::fingerprint::FileFingerprint;
use crate::formats::hierarchy::{Hierarchy, Level};
use crate::formats::labels::Labels;
use crate::formats::names::Names;
use crate::formats::scratch_copies;
use crate::metrics::{self, Metric, Need};
use crate::plan::cost::Work;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::{Device, InputFile, Inputs, RankingRequest};
use crate::plan::settings::{Distances, Sample, Settings, Silhouette};
pub use checked::Checked;

/// Distances of a tile's part of the full matrix, all levels apart: 256 MiB.
const MATRIX_TILE: usize = 64 << 20;

/// A checked run: inputs open, sizes known, device at hand.
pub struct Plan {
    /// Every setting, with what was inferred filled in.
    pub settings: Settings,
    /// The rows.
    pub embeddings: Embeddings,
    /// Labels and centroids.
    pub hierarchy: Hierarchy,
    /// Names of the images.
    pub names: Option<Names>,
    /// What the user says the rows are.
    pub labels: Option<Labels>,
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub levels: Vec<usize>,
    /// The figures to compute.
    pub metrics: Vec<&'static dyn Metric>,
    /// What they need beyond the sums of own distances.
    pub needs: Vec<Need>,
    /// What is subtracted from every row, `[dim]`; empty where nothing needs it.
    pub centre: Vec<f64>,
    /// How clusters are ranked.
    pub ranking: RankingRequest,
    /// The device.
    pub backend: Box<dyn Backend>,
    /// What it is.
    pub device: DeviceInfo,
    /// Why that one.
    pub reason: String,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Seconds that opening and checking took.
    pub seconds: f64,
}

impl Plan {
    /// Opens and checks everything, the device included; reports all findings together.
    pub fn check(settings: Settings) -> Result<Plan> {
        Checked::open(settings)?.on_device()
    }

    /// What the backend is to do.
    pub fn job(&self) -> Job<'_> {
        let embeddings = &self.embeddings;
        let levels = self.levels.iter().map(|&level| self.hierarchy.levels[level].centroids.view()).collect();
        let searches = self.needs.contains(&Need::Search);
        let sums = self.needs.iter().any(|need| matches!(need, Need::Means | Need::MeanNeighbours));
        Job {
            tile_rows: self.settings.tile_rows.map_or(0, NonZero::get),
            // a search compares every row's own distance with another
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

    /// What to find out beyond the first pass.
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
        }
    }

    /// The clusters of a level that have points.
    fn occupied(&self, level: usize) -> Vec<u32> {
        let sizes = (0..).zip(&self.hierarchy.levels[level].sizes);
        sizes.filter(|(_, size)| **size > 0).map(|(cluster, _)| cluster).collect()
    }

    /// How the device wants the rows cut. With `--distances all` a tile is also bounded by its part of the matrix, which is
    /// then written in one stretch instead of in pieces all over the file.
    pub fn tiling(&self) -> Result<Tiling> {
        let mut tiling = self.backend.tiling(&self.job())?;
        if self.settings.distances == Distances::All && self.settings.tile_rows.is_none() {
            let widest = self.levels.iter().map(|&level| self.hierarchy.k(level)).max().unwrap_or(1);
            tiling.tile_rows = tiling.tile_rows.min((MATRIX_TILE / widest.max(1)).max(64));
        }
        Ok(tiling)
    }

    /// The device as the record tells it.
    pub fn recorded_device(&self, tiling: Tiling) -> Device {
        let info = self.device.clone();
        Device {
            backend: info.backend.to_owned(),
            name: info.name,
            kind: info.kind.to_owned(),
            api: info.api,
            driver: info.driver,
            limits: info.limits.into_iter().map(|(name, limit)| (name.to_owned(), limit)).collect(),
            reason: self.reason.clone(),
            tile_rows: tiling.tile_rows,
            lanes: tiling.lanes,
        }
    }

    /// The files as the record tells them.
    pub fn inputs(&self) -> Inputs {
        let sources =
            self.hierarchy.levels.iter().flat_map(|level| [&level.sources.clusters, &level.sources.centroids]);
        Inputs {
            rows: self.embeddings.rows(),
            dim: self.embeddings.dim(),
            dtype: self.embeddings.dtype().descr().to_owned(),
            embeddings: self.settings.embeddings.iter().map(|path| InputFile::of(path)).collect(),
            clustering: std::path::absolute(&self.settings.clustering)
                .unwrap_or_else(|_| self.settings.clustering.clone()),
            hierarchy: sources.map(|path| InputFile::of(path)).collect(),
            subset: self.settings.subset_indices.as_deref().map(InputFile::of),
            images: self.settings.images.as_deref().map(InputFile::of),
            labels: self.settings.labels.as_deref().map(InputFile::of),
        }
    }

    /// Whether a run in parts takes a second round over the parts.
    pub fn takes_two_rounds(&self) -> bool {
        checked::two_rounds(&self.needs, self.settings.nonfinite)
    }

    /// What the parts of a run must agree on.
    pub fn agreement(&self) -> Result<RunFingerprint> {
        let of_files =
            |files: &mut dyn Iterator<Item = &Path>| files.map(FileFingerprint::of).collect::<Result<Vec<_>>>();
        let sources = |level: &Level| [level.sources.clusters.clone(), level.sources.centroids.clone()];
        let hierarchy: Vec<PathBuf> = self.hierarchy.levels.iter().flat_map(sources).collect();
        let settings = &self.settings;
        let sampled = matches!(settings.silhouette, Silhouette::Sample(_));
        // labels come in when the parts are added up, so that these may have been computed without
        let of_rows = self.metrics.iter().filter(|metric| !metric.needs().contains(&Need::Labels));
        Ok(RunFingerprint {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rows: self.embeddings.rows(),
            dim: self.embeddings.dim(),
            dtype: self.embeddings.dtype().descr().to_owned(),
            embeddings: of_files(&mut settings.embeddings.iter().map(PathBuf::as_path))?,
            hierarchy: of_files(&mut hierarchy.iter().map(PathBuf::as_path))?,
            subset: settings.subset_indices.as_deref().map(FileFingerprint::of).transpose()?,
            levels: settings.levels.clone(),
            metrics: of_rows.map(|metric| metric.name().to_owned()).collect(),
            silhouette: settings.silhouette.to_string(),
            seed: if sampled { settings.seed } else { 0 },
            nonfinite: serde_json::to_value(settings.nonfinite).unwrap_or_default(),
            allow_unassigned: settings.allow_unassigned,
            distances: serde_json::to_value(settings.distances).unwrap_or_default(),
        })
    }

    /// BLAKE3 (hex) of what decides the figures: what parts agree on, and the labels, which only the end of a run sees.
    pub fn hash(&self, agreement: &RunFingerprint) -> Result<String> {
        match &self.settings.labels {
            None => Ok(agreement.hash()),
            Some(path) => {
                let both = format!("{}{}", agreement.hash(), FileFingerprint::of(path)?.checksum);
                Ok(blake3::hash(both.as_bytes()).to_hex().to_string())
            }
        }
    }

    /// Copies the embeddings to the machine's own disk, where that is asked for, and reads them from there. Returns the
    /// bytes that this process copied.
    pub fn stage_embeddings(&mut self, go_on: &dyn Fn() -> Result<()>) -> Result<u64> {
        let Some(folder) = &self.settings.scratch else { return Ok(0) };
        let mut copies = Vec::new();
        let mut bytes = 0;
        for file in &self.settings.embeddings {
            let staged = scratch_copies::stage(file, folder, go_on)?;
            tracing::info!("{}: {} bytes copied in {:.1} s", staged.path.display(), staged.copied, staged.seconds);
            bytes += staged.copied;
            copies.push(staged.path);
        }
        let mut findings = Findings::new();
        let opened = Embeddings::open(&copies, &mut findings);
        findings.into_result()?;
        self.embeddings = opened.ok_or_else(|| Error::failed(Finding::new("the copies could not be opened")))?;
        Ok(bytes)
    }

    /// Whether every row's own distance is wanted: to be written, also with the points, or to choose the images of a montage.
    pub fn keeps_rows(&self) -> bool {
        let settings = &self.settings;
        let shown = self.wants_montages() && settings.sample != Sample::Random;
        settings.distances != Distances::None || settings.parquet || shown
    }

    /// Whether montages are made.
    pub fn wants_montages(&self) -> bool {
        let settings = &self.settings;
        self.names.is_some() && (settings.best > 0 || settings.worst > 0 || settings.contact_sheet > 0)
    }
}

/// The size of what goes beyond the first pass.
fn work(embeddings: &Embeddings, hierarchy: &Hierarchy, levels: &[usize], backend: &dyn Backend) -> Work {
    let sizes = |&level: &usize| &hierarchy.levels[level].sizes;
    let none = PointSet { dim: embeddings.dim(), values: Vec::new() };
    Work {
        points: levels.first().map_or(0, |level| sizes(level).iter().sum()),
        dim: embeddings.dim(),
        clusters: levels.iter().map(|level| sizes(level).iter().filter(|size| **size > 0).count() as u64).collect(),
        rate: backend.rate(),
        symmetric: backend.distance_tiling(&none).symmetric,
    }
}

/// What is subtracted from every row: near the mean of the points, and known before any is read. Made of the lowest
/// level's centroids by their sizes. A column whose mean lies within its spread stays as it is, and the mean of any
/// other is taken to a power of two within the spread: so nearly every float16 and float32 less its centre is a float32
/// without rounding.
fn centre(level: &Level) -> Vec<f64> {
    let dim = level.centroids.view().cols();
    let (mut row, mut sums) = (vec![0.0; dim], vec![(0.0, 0.0); dim]);
    for (cluster, &size) in level.sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        level.centroids.view().copy_row(cluster, &mut row);
        let size = metrics::as_real(size);
        sums.iter_mut().zip(&row).for_each(|(sum, value)| *sum = (sum.0 + size * value, sum.1 + size * value * value));
    }
    let points = metrics::as_real(level.sizes.iter().sum::<u64>().max(1));
    let centre = |(sum, squares): (f64, f64)| {
        let mean = sum / points;
        // NaN where nothing but rounding is left of it
        let spread = (squares / points - mean * mean).sqrt();
        let scale = if spread > 0.0 { spread } else { mean.abs() / 256.0 };
        let unit = scale.log2().floor().exp2();
        match mean.abs() <= spread {
            true => 0.0,
            false if unit.is_normal() => (mean / unit).round() * unit,
            false => mean,
        }
    };
    sums.into_iter().map(centre).collect()
}
