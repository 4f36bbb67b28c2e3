//! What a plan writes to the record of its run.

use std::path::PathBuf;

use super::Plan;
use super::record::{AssignedLevel, Device, InputFile, Inputs};
use crate::backend::Tiling;
use crate::formats::fingerprint::FileFingerprint;

impl Plan {
    /// The device, as written to the record.
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
            tuning: self.backend.tuned(),
        }
    }

    /// The input files.
    pub fn recorded_inputs(&self) -> Inputs {
        let taken = self.agreement.get();
        let embeddings = self.embeddings.files().iter().zip(&self.settings.embeddings).map(InputFile::of_embeddings);
        let hierarchy = self.hierarchy.files().into_iter().map(InputFile::of);
        let subset = taken.and_then(|taken| taken.subset.clone());
        let subset = |path: &PathBuf| InputFile::of(path).with_checksum(subset.as_ref());
        // labels are no part of the fingerprint
        let labels = |path: &PathBuf| InputFile::of(path).with_checksum(FileFingerprint::of(path).ok().as_ref());
        let clustering = &self.settings.clustering;
        Inputs {
            rows: self.embeddings.rows(),
            dim: self.embeddings.dim(),
            dtype: self.embeddings.stored_dtype().descr().to_owned(),
            normalized: self.embeddings.is_normalized(),
            embeddings: identified(embeddings, taken.map(|taken| taken.embeddings.as_slice())),
            patterns: self.embeddings.matched(&self.settings.matches),
            clustering: std::path::absolute(clustering).unwrap_or_else(|_| clustering.clone()),
            hierarchy: identified(hierarchy, taken.map(|taken| taken.hierarchy.as_slice())),
            assignments: AssignedLevel::all(&self.hierarchy),
            subset: self.settings.subset_indices.as_ref().map(subset),
            images: self.settings.images.iter().map(|path| InputFile::of(path)).collect(),
            labels: self.settings.labels.as_ref().map(labels),
        }
    }
}

/// Files with the checksums of their fingerprints, which are in the same order.
fn identified(files: impl Iterator<Item = InputFile>, taken: Option<&[FileFingerprint]>) -> Vec<InputFile> {
    files.enumerate().map(|(i, file)| file.with_checksum(taken.and_then(|taken| taken.get(i)))).collect()
}
