//! Reading the record of a run.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{FORMAT, RunRecord};
use crate::base::error::Finding;

/// The only field read from a record of an unknown version.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// A few keys of a record, without the columns of its clusters, of which there can be millions. `None` if it can't be read.
pub fn read_keys<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

impl RunRecord {
    /// Reads a record.json.
    ///
    /// # Errors
    /// If the file can't be read, has another [`FORMAT`], or is not a consistent record.
    pub fn read(path: &Path) -> Result<RunRecord, Finding> {
        let bytes = std::fs::read(path).map_err(|e| Finding::io("can't read a record", path, &e))?;
        RunRecord::parse(&bytes).map_err(|wrong| wrong.file(path))
    }

    fn parse(bytes: &[u8]) -> Result<RunRecord, Finding> {
        let version = serde_json::from_slice::<Version>(bytes).ok().map(|version| version.format);
        if let Some(other) = version.filter(|&version| version != FORMAT) {
            let finding = Finding::new("the record has another version").expected(format!("format {FORMAT}"));
            return Err(finding
                .found(format!("format {other}"))
                .hint("use the version of clustrata that wrote it, or repeat the run"));
        }
        let damaged = |found: String| {
            let finding = Finding::new("the record is damaged, or was not written by clustrata");
            finding.found(found).hint("repeat the run")
        };
        let record: RunRecord = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        record.check().map_err(damaged)?;
        Ok(record)
    }
}
