//! What is clustered, checked before anything is computed.

use serde_json::json;

use super::fitted;
use super::replaced::HIDDEN;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::embeddings::Embeddings;
use crate::formats::fingerprint::FileFingerprint;
use crate::formats::subset;
use crate::plan::fingerprint::hash_of;
use crate::plan::settings::{KmeansSettings, LevelSettings};

/// Bytes that a point takes in the files of a step: labels, and members twice.
const STEP_BYTES: u64 = 3 * 8;

/// The points.
pub(super) struct Inputs {
    pub(super) embeddings: Embeddings,
    pub(super) subset: Option<Vec<u64>>,
    /// Positions among the points that level 1 is fitted to, ascending; `None` for all points.
    pub(super) fitted: Option<Vec<u64>>,
}

impl Inputs {
    /// Opens all files, and refuses levels that the points are too few for.
    pub(super) fn open(settings: &KmeansSettings) -> Result<Inputs> {
        let mut findings = Findings::new();
        let mut embeddings = Embeddings::open_with(&settings.embeddings, &settings.read, &mut findings);
        let rows = embeddings.as_ref().map_or(u64::MAX, Embeddings::rows);
        let subset = settings.subset_indices.as_deref().filter(|_| rows < u64::MAX);
        let subset = subset.and_then(|path| findings.take(subset::read(path, rows)));
        let points = subset.as_ref().map_or(rows, |subset| subset.len() as u64);
        let fitted = if rows < u64::MAX { fitted::of(settings, rows, subset.as_deref(), &mut findings) } else { None };
        let few = fitted.as_ref().map(|fitted| fitted.len() as u64);
        if let (Some(level), Some(count)) = (settings.levels.first(), few)
            && count < level.clusters
            && level.clusters <= points
        {
            findings.push_usage(
                Finding::new("there are fewer rows to fit than clusters")
                    .level(1)
                    .expected(format!("at least {} of the {points} rows", level.clusters))
                    .found(count.to_string())
                    .hint("raise fit-rows, or lower n_clusters"),
            );
        }
        if let Some(level) = settings.levels.first().filter(|level| level.clusters > points) {
            let what = if subset.is_some() { "rows of the subset" } else { "rows of the embeddings" };
            findings.push_usage(
                Finding::new("there are fewer points than clusters")
                    .level(1)
                    .expected(format!("n_clusters of at most {points}, the {what}"))
                    .found(level.clusters.to_string())
                    .hint("lower n_clusters, or name all files of the embeddings"),
            );
        }
        findings.into_result()?;
        embeddings.iter_mut().filter(|_| settings.normalize).for_each(Embeddings::normalize);
        let embeddings = embeddings.ok_or_else(|| Error::input(Finding::new("the embeddings could not be opened")))?;
        embeddings.matched(&settings.matches).iter().for_each(|matched| tracing::info!("{matched}"));
        Ok(Inputs { embeddings, subset, fitted })
    }

    /// Refuses inputs that lie in the levels that are to be replaced.
    pub(super) fn apart_from(settings: &KmeansSettings) -> Result<()> {
        let Ok(out) = settings.out.canonicalize() else { return Ok(()) };
        for path in settings.embeddings.iter().chain(&settings.subset_indices).chain(&settings.fit_indices) {
            let inside = path.canonicalize().ok();
            let inside = inside.as_deref().and_then(|path| path.strip_prefix(&out).ok());
            let folder = inside.and_then(|path| path.iter().next()).map(|name| name.to_string_lossy().into_owned());
            if folder.is_some_and(|name| name.starts_with("level") || name.starts_with(HIDDEN)) {
                return Err(Error::usage(
                    Finding::new("an input is a file of the clustering that would be replaced")
                        .file(path)
                        .hint("choose another --out"),
                ));
            }
        }
        Ok(())
    }

    fn points(&self) -> u64 {
        self.subset.as_ref().map_or(self.embeddings.rows(), |subset| subset.len() as u64)
    }

    /// BLAKE3 (hex) of the inputs' contents and of the settings that decide the result.
    pub(super) fn agreement(&self, settings: &KmeansSettings) -> Result<String> {
        let content = |path: &std::path::Path| FileFingerprint::of(path).map(|identity| identity.checksum);
        let embeddings: Vec<String> =
            settings.embeddings.iter().map(|path| content(path)).collect::<Result<Vec<String>>>()?;
        let subset = settings.subset_indices.as_deref().map(content).transpose()?;
        let fit_indices = settings.fit_indices.as_deref().map(content).transpose()?;
        // of a level of one step it says nothing, and config.yaml has to have one all the same
        let sampled = |level: &LevelSettings| if level.steps > 1 { level.sample_size } else { 0 };
        let levels = settings.levels.iter().map(|level| LevelSettings { sample_size: sampled(level), ..*level });
        let mut all = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "embeddings": embeddings,
            "shape": [self.embeddings.rows(), self.embeddings.dim() as u64],
            "subset": subset,
            "fit-rows": settings.fit_rows,
            "fit-indices": fit_indices,
            "levels": levels.collect::<Vec<_>>(),
            "strategy": settings.strategy,
            "iterations": settings.iterations,
            "tolerance": settings.tolerance,
            "normalize": settings.normalize,
            "spherical": settings.spherical,
            "init": settings.init,
            "inits": settings.inits,
            "seed": settings.seed,
            "stored": settings.stored(),
        });
        let arrays = self.embeddings.arrays();
        if !arrays.is_empty() {
            all["arrays"] = json!(arrays);
        }
        Ok(hash_of(&all))
    }

    /// About as many bytes as the clustering takes on the disk.
    pub(super) fn bytes_written(&self, settings: &KmeansSettings) -> u64 {
        let row = (self.embeddings.dim() * settings.stored().size()) as u64;
        let mut points = self.points();
        let mut bytes = 0u64;
        for level in &settings.levels {
            let files = points.saturating_mul(STEP_BYTES).saturating_add(level.clusters.saturating_mul(row));
            let split = if level.splits > 1 { level.most_clusters().min(points).saturating_mul(row) } else { 0 };
            bytes = bytes.saturating_add(files.saturating_mul(level.steps.into())).saturating_add(split);
            points = level.most_clusters().min(points);
        }
        bytes
    }
}
