//! The parts in an output folder.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::inputs::Inputs;
use super::part::{LevelArrays, PREFIX, PartState, read_state};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::folder::PARTS;

/// Whether `out` holds parts of an assignment.
pub fn holds_parts(out: &Path) -> bool {
    folders(out).is_ok_and(|folders| !folders.is_empty())
}

/// A complete part.
pub(super) struct Done {
    pub(super) folder: PathBuf,
    pub(super) state: PartState,
}

impl Done {
    pub(super) fn rows(&self) -> Range<u64> {
        self.state.worker.rows.0..self.state.worker.rows.1
    }

    /// Its arrays.
    ///
    /// # Errors
    /// `Input` if one is missing, or if `checks` and its checksum differs.
    pub(super) fn arrays(&self, inputs: &Inputs, checks: bool) -> Result<Vec<LevelArrays>> {
        let rows = self.rows();
        let damaged = |what: &str| {
            let finding = Finding::new(what).file(&self.folder).expected("the arrays that part.json lists");
            Error::input(finding.hint("assign these rows again: the same --shard or --rows with --force"))
        };
        let arrays = LevelArrays::reopen(inputs, &self.folder, rows.end - rows.start)?;
        let arrays = arrays.ok_or_else(|| damaged("arrays of a part are missing"))?;
        let same = |(name, checksum): (String, String)| self.state.checksums.get(&name) == Some(&checksum);
        if checks && !arrays.iter().flat_map(LevelArrays::checksums).all(same) {
            return Err(damaged("the arrays of a part have changed since it wrote them"));
        }
        Ok(arrays)
    }
}

/// All parts in `out`, in row order.
///
/// # Errors
/// `Input` for parts that are missing, not complete, of another assignment, or that overlap; all findings together.
pub(super) fn complete(out: &Path) -> Result<Vec<Done>> {
    let mut findings = Findings::new();
    let mut parts = Vec::new();
    for folder in folders(out)? {
        let Some(state) = findings.take(read_state(&folder)).flatten() else { continue };
        parts.push(Done { folder, state });
    }
    parts.sort_by_key(|part| part.state.worker.rows);
    for part in parts.iter().filter(|part| !part.state.is_complete()) {
        let finding = Finding::new("a part is not complete").file(&part.folder);
        let rows = part.rows().end - part.rows().start;
        let found = format!("{} of {rows} rows", part.state.done);
        findings.push(finding.found(found).hint("run it again with --resume"));
    }
    if let Some(first) = parts.first() {
        for other in parts.iter().filter(|part| part.state.fingerprint != first.state.fingerprint) {
            let finding = Finding::new("two parts belong to different assignments").file(&other.folder);
            let finding = finding.expected(format!("the inputs and settings of {}", first.folder.display()));
            findings.push(finding.hint("assign these rows again with --force, or remove the folder of the wrong part"));
        }
    }
    findings.into_result()?;
    Ok(parts)
}

/// Refuses parts that do not cover each of `rows` rows once.
pub(super) fn check_cover(parts: &[Done], rows: u64) -> Result<()> {
    let mut findings = Findings::new();
    let mut reached = 0;
    let ends = parts.iter().map(|part| (part.rows(), Some(part))).chain([(rows..rows, None)]);
    for (range, part) in ends {
        if range.start > reached {
            let finding = Finding::new("rows have not been assigned").expected(format!("parts that cover {rows} rows"));
            let finding = finding.found(format!("no part with rows {reached}..{}", range.start));
            findings.push(finding.hint("run the missing parts; a part is there once its process has ended"));
        }
        if let Some(part) = part.filter(|_| range.start < reached) {
            let finding = Finding::new("parts overlap").file(&part.folder);
            findings
                .push(finding.found(format!("rows {}..{reached} twice", range.start)).hint("remove one of the parts"));
        }
        reached = reached.max(range.end);
    }
    findings.into_result()
}

/// The folders of all parts.
fn folders(out: &Path) -> Result<Vec<PathBuf>> {
    let parts = out.join(PARTS);
    let cannot = |e: std::io::Error| Error::io("can't list the parts of an assignment", &parts, &e);
    let listed = match fs::read_dir(&parts) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(cannot)?,
    };
    let mut folders = Vec::new();
    for entry in listed {
        let entry = entry.map_err(cannot)?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
