//! What is assigned to what, checked before anything is computed.

use std::path::Path;

use serde_json::json;

use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::embeddings::Embeddings;
use crate::formats::fingerprint::FileFingerprint;
use crate::formats::hierarchy::{CentroidLevel, CentroidLevels};
use crate::formats::upstream::Upstream;
use crate::plan::fingerprint::hash_of;
use crate::plan::settings::AssignSettings;

/// The rows, and the centroids that they are assigned to.
pub(super) struct Inputs {
    pub(super) embeddings: Embeddings,
    pub(super) levels: Vec<CentroidLevel>,
    /// Whether each level is searched, and not only level 1.
    pub(super) each_level: bool,
    /// Warnings for the user.
    pub(super) warnings: Vec<String>,
}

impl Inputs {
    /// Opens and checks all files. Reports all findings together.
    pub(super) fn open(settings: &AssignSettings) -> Result<Inputs> {
        let mut findings = Findings::new();
        let mut warnings = Vec::new();
        let embeddings = Embeddings::open_with(&settings.embeddings, &settings.read_options(), &mut findings);
        let Some(mut embeddings) = embeddings else {
            findings.into_result()?;
            return Err(Error::input(Finding::new("the embeddings could not be opened")));
        };
        if normalizes(settings, &mut warnings) {
            embeddings.normalize();
        }
        warnings.extend(embeddings.notes());
        let dim = embeddings.dim();
        let levels = match &settings.clustering {
            Some(clustering) => CentroidLevels::open(clustering, dim, &mut findings, &mut warnings),
            None => CentroidLevels::of_files(&settings.centroids, dim, &mut findings, &mut warnings),
        };
        findings.into_result()?;
        let levels = levels.map(|levels| levels.levels).unwrap_or_default();
        embeddings.matched(&settings.matches).iter().for_each(|matched| tracing::info!("{matched}"));
        Ok(Inputs { embeddings, levels, each_level: settings.each_level, warnings })
    }

    /// Whether the nearest centroid of a level is searched; if not, its labels are the parents of those of the level below.
    pub(super) fn searches(&self, level: &CentroidLevel) -> bool {
        self.each_level || level.number == 1
    }

    /// BLAKE3 (hex) of the inputs' contents and of the settings that decide the result. All parts must share it.
    pub(super) fn fingerprint(&self, settings: &AssignSettings) -> Result<String> {
        let content = |path: &Path| FileFingerprint::of(path).map(|identity| identity.checksum);
        let embeddings = settings.embeddings.iter().map(|path| content(path)).collect::<Result<Vec<String>>>()?;
        let files = self.levels.iter().flat_map(|level| &level.files);
        let levels = files.map(|path| content(path)).collect::<Result<Vec<String>>>()?;
        Ok(hash_of(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "embeddings": embeddings,
            "shape": [self.embeddings.rows(), self.embeddings.dim() as u64],
            "arrays": self.embeddings.arrays(),
            "normalize": self.embeddings.is_normalized(),
            "levels": levels,
            "each-level": settings.each_level,
            "nonfinite": settings.nonfinite,
            "format": settings.format,
        })))
    }
}

/// Whether rows are normalised: as the user says, else as they were when the clustering was made.
fn normalizes(settings: &AssignSettings, warnings: &mut Vec<String>) -> bool {
    // opening the levels reports a config.yaml that can't be read
    let upstream = settings.clustering.as_deref().and_then(|folder| Upstream::read(folder, &mut Vec::new()));
    let made = upstream.unwrap_or_default().clustrata.normalize;
    match (settings.normalize, made) {
        (Some(asked), Some(made)) if asked != made => {
            let [asked, made] =
                [asked, made].map(|normalized| if normalized { "normalised rows" } else { "rows as they are" });
            warnings.push(format!("the clustering was made of {made} (config.yaml), and {asked} are assigned to it"));
        }
        (None, Some(true)) => tracing::info!("rows are normalised, as when the clustering was made (config.yaml)"),
        _ => {}
    }
    settings.normalize.or(made).unwrap_or(false)
}
