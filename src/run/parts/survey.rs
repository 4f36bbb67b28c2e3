//! The parts in an output folder, and their progress.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::state::Header;
use crate::base::error::{Error, Result};
use crate::engine::checkpoint_store::Stage;
use crate::formats::folder::PARTS;
use crate::formats::part_file::PartFile;

/// Progress of a part's round.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It has no files.
    Missing,
    /// It has a checkpoint, or some of its stages are complete.
    Started {
        /// Share of the round that is done, from 0 to 1.
        done: f64,
        /// When its newest file was written.
        at: SystemTime,
    },
    /// It is complete and its checksums hold.
    Done,
    /// One of its files is damaged, for this reason.
    Damaged(String),
}

/// One part.
#[derive(Debug, Clone, PartialEq)]
pub struct PartState {
    /// Its rows.
    pub rows: Range<u64>,
    /// The pass over the embeddings.
    pub first: Progress,
    /// The stages that need the first round of all parts, such as silhouettes. Also `Missing` if the run has none.
    pub second: Progress,
}

/// The folder of a part.
pub fn folder_of(out: &Path, rows: &Range<u64>) -> PathBuf {
    out.join(PARTS).join(format!("rows-{:012}-{:012}", rows.start, rows.end))
}

/// All parts in `out`, sorted by their rows; empty if `out` doesn't exist. Writes and locks nothing. Reads complete files to
/// the end to verify their checksums.
///
/// # Errors
/// `Failed` if the folder can't be listed.
pub fn survey(out: &Path) -> Result<Vec<PartState>> {
    let state = |(rows, folder): (Range<u64>, PathBuf)| {
        let second: Vec<Stage> = Stage::second_round().collect();
        let first = progress(&folder, &rows, &[Stage::Distances]);
        PartState { second: progress(&folder, &rows, &second), first, rows }
    };
    Ok(folders(out)?.into_iter().map(state).collect())
}

/// Folders of all parts, sorted by their rows.
pub(super) fn folders(out: &Path) -> Result<Vec<(Range<u64>, PathBuf)>> {
    let parts = out.join(PARTS);
    let unlisted = |e: std::io::Error| Error::io("can't list the parts of a run", &parts, &e);
    let entries = match std::fs::read_dir(&parts) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(unlisted(e)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unlisted)?;
        if let Some(rows) = entry.file_name().to_str().and_then(rows_of) {
            folders.push((rows, entry.path()));
        }
    }
    folders.sort_by_key(|(rows, _)| (rows.start, rows.end));
    Ok(folders)
}

/// Parses the rows from a folder's name.
fn rows_of(name: &str) -> Option<Range<u64>> {
    let (start, end) = name.strip_prefix("rows-")?.split_once('-')?;
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (start < end).then_some(start..end)
}

/// Progress of the round whose stages are among `stages`.
fn progress(folder: &Path, rows: &Range<u64>, stages: &[Stage]) -> Progress {
    let mut wanted: Option<usize> = None;
    let (mut done, mut complete, mut at) = (0.0, 0, SystemTime::UNIX_EPOCH);
    for stage in stages {
        let files = [(format!("{}.part", stage.name()), true), (format!("{}.checkpoint", stage.name()), false)];
        let there = files.into_iter().map(|(name, whole)| (folder.join(name), whole)).find(|(path, _)| path.is_file());
        let Some((path, whole)) = there else { continue };
        let file = if whole { PartFile::open(&path) } else { PartFile::glance(&path) };
        let header = file.and_then(|file| file.header_as::<Header>()).and_then(|header| {
            header.fits(&path, *stage, rows, whole)?;
            Ok(header)
        });
        let header = match header {
            Ok(header) => header,
            // a running process may have replaced it meanwhile
            Err(_) if !path.is_file() => continue,
            Err(damage) => return Progress::Damaged(damage.to_string()),
        };
        wanted = Some(header.round.len());
        done += if whole { 1.0 } else { header.done };
        complete += usize::from(whole);
        at = at.max(path.metadata().and_then(|m| m.modified()).unwrap_or(at));
    }
    match wanted {
        None => Progress::Missing,
        Some(wanted) if complete >= wanted => Progress::Done,
        Some(wanted) => Progress::Started { done: done / crate::base::numeric::as_real(wanted as u64), at },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_their_rows_and_read_back() {
        let folder = folder_of(Path::new("out"), &(5..1_000_000_000_000_000));
        let name = folder.file_name().and_then(|name| name.to_str()).expect("text");
        assert_eq!(rows_of(name), Some(5..1_000_000_000_000_000));
        for other in ["rows-5-5", "rows-9-5", "rows-5", "rows-a-b", "notes"] {
            assert_eq!(rows_of(other), None, "{other}");
        }
    }
}
