//! Reading a record that a run has written.

use std::path::Path;

use serde::Deserialize;

use super::{FORMAT, RunRecord};
use crate::base::error::Finding;

/// All that is read of a record that this version does not know.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl RunRecord {
    /// Reads a record.json.
    ///
    /// # Errors
    /// When the file can't be read, is of another [`FORMAT`], or is no record whose parts fit together.
    pub fn read(path: &Path) -> Result<RunRecord, Finding> {
        let bytes = std::fs::read(path).map_err(|e| Finding::io("can't read a record", path, &e))?;
        RunRecord::parse(&bytes).map_err(|wrong| wrong.file(path))
    }

    fn parse(bytes: &[u8]) -> Result<RunRecord, Finding> {
        let version = serde_json::from_slice::<Version>(bytes).ok().map(|version| version.format);
        if let Some(other) = version.filter(|&version| version != FORMAT) {
            let finding = Finding::new("the record is of another version").expected(format!("format {FORMAT}"));
            return Err(finding
                .found(format!("format {other}"))
                .hint("use the version that wrote it, or run it again"));
        }
        let damaged = |found: String| {
            let finding = Finding::new("the record is damaged, or is none of this program's");
            finding.found(found).hint("run it again")
        };
        let record: RunRecord = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        record.check().map_err(damaged)?;
        Ok(record)
    }
}
