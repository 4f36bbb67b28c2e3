//! What an earlier process left in the folder of a part.

use std::fs::{self, File};
use std::path::Path;

use super::folder::PartFolder;
use super::state::Header;
use crate::base::error::{Error, Finding, Result};
use crate::engine::checkpoint::Stage;
use crate::formats::part_file::PartFile;
use crate::plan::fingerprint::RunFingerprint;

impl PartFolder {
    /// Holds what an earlier process left against what this one is to do. What is damaged is put aside and done again; what
    /// can't be read is left, since it may be whole.
    pub(super) fn judge_earlier(&self) -> Result<()> {
        for stage in Stage::ALL {
            for (path, complete) in [(self.complete(stage), true), (self.checkpoint(stage), false)] {
                if path.is_file() {
                    self.judge_file(stage, &path, complete)?;
                }
            }
        }
        Ok(())
    }

    fn judge_file(&self, stage: Stage, path: &Path, complete: bool) -> Result<()> {
        File::open(path).map_err(|e| Error::io("can't read a partial result", path, &e))?;
        let opened = if complete { PartFile::open(path) } else { PartFile::glance(path) };
        let header = opened.and_then(|file| file.header_as::<Header>()).and_then(|header| {
            header.fits(path, stage, &self.rows, complete)?;
            Ok(header)
        });
        let damage = match header {
            Ok(header) if header.plan_hash != self.plan_hash => return Err(foreign(path, &header.plan, &self.plan)),
            Ok(header) => match header.buffers.keys().find(|name| !self.path.join(name).is_file()) {
                Some(name) => format!("{name} is not there any more"),
                None => return Ok(()),
            },
            Err(damage) => damage.to_string(),
        };
        tracing::warn!("done again: {damage}");
        let aside = path.with_extension("damaged");
        fs::rename(path, &aside).map_err(|e| Error::io("can't put a damaged file aside", path, &e))
    }

    pub(super) fn begun_already(&self) -> Error {
        Error::usage(
            Finding::new("an interrupted run left a checkpoint or partial results")
                .file(&self.path)
                .hint("go on from it with --resume, or begin anew with --force"),
        )
    }
}

/// A file of another run.
pub(super) fn foreign(path: &Path, there: &RunFingerprint, here: &RunFingerprint) -> Error {
    Error::input(
        Finding::new("a partial result is of another run")
            .file(path)
            .expected("the same inputs, figures and version of the program")
            .found(there.differences(here).join("; "))
            .hint(
                "do the part again with these inputs and settings (metrics --force), or name another folder with --out",
            ),
    )
}
