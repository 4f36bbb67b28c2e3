//! From settings to a plan: everything that can be known to be wrong is known after this, in seconds and not in hours.

use std::num::NonZero;
use std::time::Instant;

use crate::backend::select::{self, Choice, Selected};
use crate::backend::{Backend, DeviceInfo, Job, PointSet, Tiling};
use crate::config::{Distances, Sample, Settings, Silhouette};
use crate::cost::{self, Work};
use crate::error::{Error, Finding, Findings, Result};
use crate::evaluate::{Sampling, Wanted};
use crate::input::embeddings::Embeddings;
use crate::input::hierarchy::{Hierarchy, HierarchyOptions, Level};
use crate::input::names::Names;
use crate::input::upstream::Upstream;
use crate::input::{embeddings, subset};
use crate::metrics::{self, Metric, Need};
use crate::record::{Device, InputFile, Inputs, RankingRequest};

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
    /// Opens and checks everything; reports all findings together.
    pub fn check(mut settings: Settings) -> Result<Plan> {
        let started = Instant::now();
        check_paths(&settings)?;
        let mut findings = Findings::new();
        let mut warnings = Vec::new();
        infer_from_upstream(&mut settings, &mut findings, &mut warnings);
        // where there are none, that has been said
        let named = !settings.embeddings.is_empty();
        let embeddings = if named { Embeddings::open(&settings.embeddings, &mut findings) } else { None };
        let names = settings.images.as_deref().and_then(|path| findings.take(Names::open(path)));
        let hierarchy = embeddings.as_ref().and_then(|e| open_hierarchy(&settings, e, &mut findings, &mut warnings));
        if embeddings.is_none() {
            Hierarchy::look_for_files(&settings.clustering, &settings.levels, &mut findings);
        }
        if let (Some(embeddings), Some(names)) = (&embeddings, &names) {
            check_names(&settings, embeddings, names, &mut findings);
        }
        findings.into_result()?;
        let (Some(embeddings), Some(hierarchy)) = (embeddings, hierarchy) else {
            return Err(Error::input(Finding::new("the inputs could not be opened")));
        };
        let levels = choose_levels(&mut settings, &hierarchy);
        let mut metrics = metrics::select(&settings.metrics).map_err(Error::usage)?;
        let ranking = RankingRequest {
            by: metrics::ranked_by(&settings.rank_by).map_err(Error::usage)?,
            min_size: settings.montage_min_size,
            best: settings.best,
            worst: settings.worst,
        };
        let Selected { backend, reason } = select::open(&Choice::parse(&settings.device), settings.threads)?;
        let device = backend.describe();
        if device.kind == "software" {
            warnings.push(format!("`{}` is a software rasterizer, not a GPU: --device cpu is faster", device.name));
        }
        let work = work(&embeddings, &hierarchy, &levels, backend.as_ref());
        cost::settle(&mut metrics, &mut settings, &work, &mut warnings)?;
        let needs = cost::needs(&metrics);
        let subtracts = |need: &Need| *need != Need::Neighbours;
        let centre = if needs.iter().any(subtracts) { centre(&hierarchy.levels[levels[0]]) } else { Vec::new() };
        let seconds = started.elapsed().as_secs_f64();
        Ok(Plan {
            settings,
            embeddings,
            hierarchy,
            names,
            levels,
            metrics,
            needs,
            centre,
            ranking,
            backend,
            device,
            reason,
            warnings,
            seconds,
        })
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
        }
    }

    /// Whether every row's own distance is wanted: to be written, or to choose the images of a montage.
    pub fn keeps_rows(&self) -> bool {
        self.settings.distances != Distances::None || (self.wants_montages() && self.settings.sample != Sample::Random)
    }

    /// Whether montages are made.
    pub fn wants_montages(&self) -> bool {
        self.names.is_some() && (self.settings.best > 0 || self.settings.worst > 0)
    }
}

/// The record and config.yaml name every path, and neither JSON nor YAML can hold one that is not UTF-8.
fn check_paths(settings: &Settings) -> Result<()> {
    let optional = [&settings.images, &settings.image_root, &settings.subset_indices].into_iter().flatten();
    for path in optional.chain([&settings.clustering, &settings.out]).chain(&settings.embeddings) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if absolute.to_str().is_none() {
            let finding = Finding::new("a path is not UTF-8, so the record of the run can't name it").file(absolute);
            return Err(Error::usage(finding.expected("UTF-8").hint("rename it, or name a link to it that is UTF-8")));
        }
    }
    Ok(())
}

/// Fills in what upstream's config.yaml tells and the user did not.
fn infer_from_upstream(settings: &mut Settings, findings: &mut Findings, warnings: &mut Vec<String>) {
    let needed = settings.embeddings.is_empty() || settings.subset_indices.is_none();
    let upstream = if needed { Upstream::read(&settings.clustering, &mut Vec::new()) } else { None };
    let upstream = upstream.unwrap_or_default();
    if settings.embeddings.is_empty() {
        match upstream.embeddings_path.clone() {
            Some(path) if path.exists() => {
                warnings.push(format!("--embeddings not given: {} is taken from config.yaml", path.display()));
                settings.embeddings = vec![path];
            }
            other => {
                let told = other.map(|path| format!("config.yaml names {}, which does not exist here", path.display()));
                let mut finding = Finding::new("no embeddings were named").hint("add --embeddings X.npy");
                if let Some(told) = told {
                    finding = finding.found(told);
                }
                findings.push_usage(finding);
            }
        }
    }
    if settings.subset_indices.is_none()
        && let Some(path) = upstream.subset_path(&settings.clustering)
    {
        if path.exists() {
            warnings.push(format!("only the rows in {} were clustered, says config.yaml", path.display()));
            settings.subset_indices = Some(path);
        } else {
            findings.push(
                Finding::new(
                    "config.yaml says that only a subset of the rows was clustered, and its file is not there",
                )
                .file(path)
                .hint("name the .npy of row numbers with --subset-indices"),
            );
        }
    }
}

fn open_hierarchy(
    settings: &Settings,
    embeddings: &Embeddings,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) -> Option<Hierarchy> {
    let subset = match &settings.subset_indices {
        Some(path) => Some(findings.take(subset::read(path, embeddings.rows()))?),
        None => None,
    };
    let options =
        HierarchyOptions { subset, allow_unassigned: settings.allow_unassigned, levels: settings.levels.clone() };
    Hierarchy::open(&settings.clustering, embeddings.rows(), embeddings.dim(), options, findings, warnings)
}

fn check_names(settings: &Settings, embeddings: &embeddings::Embeddings, names: &Names, findings: &mut Findings) {
    if let Some(root) = settings.image_root.as_deref().filter(|root| !root.is_dir()) {
        let finding = Finding::new("the folder of the images is not there").file(root);
        findings.push(finding.expected("a folder that relative image paths start from").hint("correct --image-root"));
    }
    if names.len() != embeddings.rows() {
        let file = settings.images.clone().unwrap_or_default();
        findings.push(
            Finding::new("the names of the images don't match the embeddings")
                .file(file)
                .expected(format!("{} names, one per row of the embeddings", embeddings.rows()))
                .found(format!("{} names", names.len()))
                .hint("name the file that was written with these embeddings"),
        );
    }
}

/// The levels asked for, as indices; fills in the setting.
fn choose_levels(settings: &mut Settings, hierarchy: &Hierarchy) -> Vec<usize> {
    let there: Vec<u32> = hierarchy.levels.iter().map(|level| level.number).collect();
    if settings.levels.is_empty() {
        settings.levels.clone_from(&there);
    }
    settings.levels.sort_unstable();
    settings.levels.dedup();
    // the hierarchy was refused if one of them were not there
    (0..there.len()).filter(|&index| settings.levels.contains(&there[index])).collect()
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
