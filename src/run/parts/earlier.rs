//! Checks what an earlier process left in the folder of a part.

use std::fs::{self, File};
use std::path::Path;

use super::folder::PartFolder;
use super::state::Header;
use crate::base::error::{Error, Finding, Result};
use crate::engine::checkpoint_store::Stage;
use crate::formats::part_file::PartFile;
use crate::plan::fingerprint::RunFingerprint;

impl PartFolder {
    /// Checks that the files of an earlier process belong to this run. Renames damaged files, so that they are computed
    /// again. Leaves unreadable files in place, since they may be intact.
    pub(super) fn check_earlier(&self) -> Result<()> {
        for stage in Stage::all() {
            for (path, complete) in [(self.complete(stage), true), (self.checkpoint(stage), false)] {
                if path.is_file() {
                    self.check_file(stage, &path, complete)?;
                }
            }
        }
        Ok(())
    }

    fn check_file(&self, stage: Stage, path: &Path, complete: bool) -> Result<()> {
        File::open(path).map_err(|e| Error::io("can't read a partial result", path, &e))?;
        let opened = if complete { PartFile::open(path) } else { PartFile::glance(path) };
        let header = opened.and_then(|file| file.header_as::<Header>()).and_then(|header| {
            header.fits(path, stage, &self.rows, complete)?;
            Ok(header)
        });
        let damage = match header {
            Ok(header) if header.plan_hash != self.plan_hash => return Err(foreign(path, &header.plan, &self.plan)),
            Ok(header) => match header.buffers.keys().find(|name| !self.path.join(name).is_file()) {
                Some(name) => format!("{name} is missing"),
                None => return Ok(()),
            },
            Err(damage) => damage.to_string(),
        };
        tracing::warn!("computing again: {damage}");
        let aside = path.with_extension("damaged");
        fs::rename(path, &aside).map_err(|e| Error::io("can't rename a damaged file", path, &e))
    }

    pub(super) fn started_already(&self) -> Error {
        Error::usage(
            Finding::new("an interrupted run left a checkpoint or partial results")
                .file(&self.path)
                .hint("resume with --resume, or start over with --force"),
        )
    }
}

/// The error for a file of another run.
pub(super) fn foreign(path: &Path, there: &RunFingerprint, here: &RunFingerprint) -> Error {
    Error::input(
        Finding::new("a partial result belongs to another run")
            .file(path)
            .expected("the same inputs, metrics and program version")
            .found(there.differences(here).join("; "))
            .hint(
                "rerun the part with these inputs and settings (metrics --force), or choose another folder with --out",
            ),
    )
}
