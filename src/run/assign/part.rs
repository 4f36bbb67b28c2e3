//! The folder of one part: the results of its rows as arrays, and how many rows are done.
//!
//! ```text
//! OUT/parts/assign-A-B/level1-labels.npy, level1-distances.npy, level1-margins.npy, ...   of rows A to B - 1
//! OUT/parts/assign-A-B/part.json                                                          rows done; checksums at the end
//! ```
//!
//! Parts write files of their own, and not into one file: mapped pages at the borders of two parts would belong to two machines,
//! which shared file systems don't merge. The result of a row does not depend on any other row, so a resumed part has the same
//! bits.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::inputs::Inputs;
use super::pass::LevelSinks;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;
use crate::formats::atomic_file::{self, remove_unfinished};
use crate::formats::distances::{DistanceBuffer, Element, LabelBuffer, RowBuffer};
use crate::formats::folder::{LockedFolder, PARTS, ensure_room};
use crate::formats::hierarchy::CentroidLevel;
use crate::plan::record::{AssignPart, Leg};
use crate::run::parts::Emptied;

/// Start of the names of their folders.
pub(super) const PREFIX: &str = "assign-";

/// File name of a part's state.
const STATE: &str = "part.json";

/// Disk space to reserve for the record and the log.
const REST_BYTES: u64 = 1 << 20;

/// What to do with what an earlier process left in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    /// Refuse it.
    Refuse,
    /// Remove it.
    Discard,
    /// Resume from it.
    Resume,
}

/// How far a part has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartState {
    /// Fingerprint of the assignment, the same for all parts.
    pub(super) fingerprint: String,
    /// The settings, for `merge`.
    pub(super) settings: Value,
    /// Number of rows that are done, from the part's first row on.
    pub(super) done: u64,
    /// The process.
    pub(super) worker: AssignPart,
    /// The processes that have worked on it so far; empty in files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) legs: Vec<Leg>,
    /// BLAKE3 (hex) of each file's elements, once all rows are done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) checksums: BTreeMap<String, String>,
}

impl PartState {
    /// Whether all rows are done.
    pub(super) fn is_complete(&self) -> bool {
        let (start, end) = self.worker.rows;
        self.done == end - start && !self.checksums.is_empty()
    }
}

/// The arrays of one level.
pub(super) struct LevelArrays {
    pub(super) number: u32,
    pub(super) labels: LabelBuffer,
    pub(super) distances: DistanceBuffer,
    pub(super) margins: Option<DistanceBuffer>,
}

impl LevelArrays {
    fn open(
        inputs: &Inputs,
        mut labels: impl FnMut(&str) -> Result<Option<LabelBuffer>>,
        mut reals: impl FnMut(&str) -> Result<Option<DistanceBuffer>>,
    ) -> Result<Option<Vec<LevelArrays>>> {
        let level = |level: &CentroidLevel| {
            let number = level.number;
            let Some(labels) = labels(&name(number, "labels"))? else { return Ok(None) };
            let Some(distances) = reals(&name(number, "distances"))? else { return Ok(None) };
            if !inputs.searches(level) {
                return Ok(Some(LevelArrays { number, labels, distances, margins: None }));
            }
            let Some(margins) = reals(&name(number, "margins"))? else { return Ok(None) };
            Ok(Some(LevelArrays { number, labels, distances, margins: Some(margins) }))
        };
        inputs.levels.iter().map(level).collect()
    }

    fn create(inputs: &Inputs, folder: &Path, rows: u64) -> Result<Vec<LevelArrays>> {
        fn made<T: Element>(folder: &Path, name: &str, rows: u64) -> Result<Option<RowBuffer<T>>> {
            let path = folder.join(name);
            // left by an interrupted run with another shape
            let _ = fs::remove_file(&path);
            RowBuffer::create(&path, rows, None).map(Some)
        }
        let made = LevelArrays::open(inputs, |name| made(folder, name, rows), |name| made(folder, name, rows))?;
        Ok(made.unwrap_or_default())
    }

    /// Opens the arrays in a part's folder; `None` if one is missing or has another shape.
    pub(super) fn reopen(inputs: &Inputs, folder: &Path, rows: u64) -> Result<Option<Vec<LevelArrays>>> {
        fn found<T: Element>(folder: &Path, name: &str, rows: u64) -> Result<Option<RowBuffer<T>>> {
            RowBuffer::reopen(&folder.join(name), rows, None)
        }
        LevelArrays::open(inputs, |name| found(folder, name, rows), |name| found(folder, name, rows))
    }

    /// The slices of the rows from `done` on.
    fn sinks(&mut self, done: u64) -> LevelSinks<'_> {
        let at = to_usize(done);
        LevelSinks {
            labels: &mut self.labels.values_mut()[at..],
            distances: &mut self.distances.values_mut()[at..],
            margins: self.margins.as_mut().map(|margins| &mut margins.values_mut()[at..]),
        }
    }

    fn flush(&self) -> Result<()> {
        self.labels.flush()?;
        self.distances.flush()?;
        self.margins.as_ref().map_or(Ok(()), RowBuffer::flush)
    }

    /// Name and checksum of each file.
    pub(super) fn checksums(&self) -> Vec<(String, String)> {
        let of = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        let mut all = vec![
            (name(self.number, "labels"), of(bytemuck::cast_slice(self.labels.values()))),
            (name(self.number, "distances"), of(bytemuck::cast_slice(self.distances.values()))),
        ];
        if let Some(margins) = &self.margins {
            all.push((name(self.number, "margins"), of(bytemuck::cast_slice(margins.values()))));
        }
        all
    }
}

/// The folder of a part.
fn folder_of(out: &Path, rows: &Range<u64>) -> PathBuf {
    out.join(PARTS).join(format!("{PREFIX}{:012}-{:012}", rows.start, rows.end))
}

/// Whether the part with these rows was started.
pub(super) fn is_begun(out: &Path, rows: &Range<u64>) -> bool {
    folder_of(out, rows).join(STATE).is_file()
}

/// Name of a file in the folder of a part.
pub(super) fn name(level: u32, what: &str) -> String {
    format!("level{level}-{what}.npy")
}

/// Bytes per row of all arrays.
pub(super) fn row_bytes(inputs: &Inputs) -> u64 {
    inputs.levels.iter().map(|level| if inputs.searches(level) { 12 } else { 8 }).sum()
}

/// The locked folder of a part. If dropped without a stored state, it removes itself.
pub(super) struct Part {
    path: PathBuf,
    rows: Range<u64>,
    pub(super) state: PartState,
    arrays: Vec<LevelArrays>,
    /// Whether the folder holds a state from which the part can be resumed.
    stored: bool,
    // dropped in this order: the lock's file goes before the folder that holds it
    locked: LockedFolder,
    _emptied: Emptied,
}

impl Part {
    /// Opens the folder of a part of the assignment that is written to `out`, and allocates its files.
    ///
    /// # Errors
    /// `Usage` if it holds results that `earlier` refuses, or that belong to another assignment; `Failed` if another process is
    /// working on this part, or the disk is full.
    pub(super) fn open(out: &Path, inputs: &Inputs, begun: PartState, earlier: Earlier) -> Result<Part> {
        let rows = begun.worker.rows.0..begun.worker.rows.1;
        let path = folder_of(out, &rows);
        let locked = LockedFolder::open(&path)?;
        let emptied = Emptied(path.clone());
        let mut part = Part { path, rows, state: begun, arrays: Vec::new(), stored: true, locked, _emptied: emptied };
        if part.locked.is_held() {
            remove_unfinished(&part.path)
                .map_err(|e| Error::io("can't clear what a killed process left", &part.path, &e))?;
        }
        let found = read_state(&part.path).map_err(Error::input)?;
        let found = match (earlier, found) {
            (Earlier::Refuse, Some(_)) => return Err(part.refused("this part was started already")),
            (Earlier::Resume, Some(found)) if found.fingerprint != part.state.fingerprint => {
                return Err(part.refused("this part belongs to another assignment"));
            }
            (Earlier::Resume, found) => found,
            (Earlier::Refuse | Earlier::Discard, _) => None,
        };
        part.stored = false;
        let count = part.rows.end - part.rows.start;
        let arrays = if found.is_some() { LevelArrays::reopen(inputs, &part.path, count)? } else { None };
        if let (Some(found), Some(arrays)) = (&found, arrays) {
            let resumed = found.worker.resumed + u64::from(!found.is_complete());
            let worker = AssignPart { resumed, ..found.worker.clone() };
            part.state = PartState { worker, ..found.clone() };
            (part.arrays, part.stored) = (arrays, true);
            return Ok(part);
        }
        if found.is_some() {
            tracing::warn!("files of the interrupted run are missing: starting over");
        }
        part.clear();
        let bytes = count.saturating_mul(row_bytes(inputs)).saturating_add(REST_BYTES);
        ensure_room(&part.path, bytes)?;
        part.arrays = LevelArrays::create(inputs, &part.path, count)?;
        Ok(part)
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The rows that are not done yet.
    pub(super) fn rows_left(&self) -> Range<u64> {
        self.rows.start + self.state.done..self.rows.end
    }

    /// Slices for the results of the rows that are not done yet.
    pub(super) fn sinks(&mut self) -> Vec<LevelSinks<'_>> {
        let done = self.state.done;
        self.arrays.iter_mut().map(|level| level.sinks(done)).collect()
    }

    /// Stores how many rows are done, after their results.
    pub(super) fn store(&mut self) -> Result<()> {
        self.arrays.iter().try_for_each(LevelArrays::flush)?;
        if self.rows_left().is_empty() && self.state.checksums.is_empty() {
            self.state.checksums = self.arrays.iter().flat_map(LevelArrays::checksums).collect();
        }
        let path = self.path.join(STATE);
        let text = serde_json::to_string_pretty(&self.state).map_err(|e| {
            Error::failed(Finding::new("can't write the state of a part").file(&path).found(e.to_string()))
        })?;
        atomic_file::replace(&path, text.as_bytes())
            .map_err(|e| Error::io("can't write the state of a part", &path, &e))?;
        self.stored = true;
        self.locked.keep();
        Ok(())
    }

    /// Removes the part when it is dropped: its results are in place, or its rows were refused.
    pub(super) fn discard(&mut self) {
        self.stored = false;
    }

    fn clear(&mut self) {
        // a mapped file can't be removed on every system
        self.arrays.clear();
        for file in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let is_ours = file.file_name().to_str().is_some_and(|name| name == STATE || name.ends_with(".npy"));
            if is_ours {
                // a leftover does no harm: it is not read without its state
                let _ = fs::remove_file(file.path());
            }
        }
    }

    fn refused(&self, what: &str) -> Error {
        let hint = "resume it with --resume and its own settings, start over with --force, or name another --out";
        Error::usage(Finding::new(what).file(&self.path).found(STATE).hint(hint))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.stored {
            self.clear();
        }
    }
}

/// Reads the state in a part's folder; `None` without one.
pub(super) fn read_state(folder: &Path) -> Result<Option<PartState>, Finding> {
    let path = folder.join(STATE);
    let text = match fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|e| Finding::io("can't read the state of a part", &path, &e))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|e| {
        let finding = Finding::new("the state of a part is damaged").file(&path).found(e.to_string());
        finding.hint("remove its folder, and assign these rows again")
    })
}
