//! `sweep.json` in the sweep's folder: what belongs to it, also what was never submitted.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Sweep;
use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file;

/// Version of the layout.
const FORMAT: u32 = 1;

/// The clusterings and runs of a sweep, in the order of its combinations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepFile {
    /// Version of the layout.
    pub format: u32,
    /// The job spec; absolute.
    pub spec: PathBuf,
    /// The clusterings that it makes.
    pub clusterings: Vec<Member>,
    /// Its runs.
    pub runs: Vec<Member>,
}

/// A clustering or a run of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Name in the sweep.
    pub name: String,
    /// Output folder; absolute.
    pub folder: PathBuf,
    /// Name of the clustering that a run evaluates, if the sweep makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clustering: Option<String>,
}

impl SweepFile {
    /// Name of the file.
    pub const NAME: &'static str = "sweep.json";

    /// What belongs to a sweep.
    ///
    /// # Errors
    /// `Usage` if the path of the spec is not usable.
    pub fn of(sweep: &Sweep, spec: &Path) -> Result<SweepFile> {
        let unusable = |e| Error::usage(Finding::io("the job spec has no usable path", spec, &e));
        let clustering = |index: usize| sweep.kmeans[index].name.clone();
        let clusterings = sweep.kmeans.iter().map(|kmeans| Member {
            name: kmeans.name.clone(),
            folder: kmeans.settings.out.clone(),
            clustering: None,
        });
        let runs = sweep.runs.iter().map(|run| Member {
            name: run.name.clone(),
            folder: run.folder.clone(),
            clustering: run.kmeans.map(clustering),
        });
        Ok(SweepFile {
            format: FORMAT,
            spec: std::path::absolute(spec).map_err(unusable)?,
            clusterings: clusterings.collect(),
            runs: runs.collect(),
        })
    }

    /// Reads the file of a sweep's folder; `None` if there is none.
    ///
    /// # Errors
    /// `Input` if it is damaged or of another version.
    pub fn read(folder: &Path) -> Result<Option<SweepFile>> {
        let path = folder.join(SweepFile::NAME);
        let text = match fs::read(&path) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            read => read.map_err(|e| Error::io("can't read what belongs to the sweep", &path, &e))?,
        };
        let damaged = |found: String| {
            let finding = Finding::new("the list of the sweep's runs is damaged, or of another version").file(&path);
            Error::input(finding.found(found).hint("remove it; `clustrata submit SPEC --retry` writes it again"))
        };
        let file: SweepFile = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
        if file.format == FORMAT { Ok(Some(file)) } else { Err(damaged(format!("format {}", file.format))) }
    }

    /// Writes the file into the sweep's folder, which is created if it is missing.
    ///
    /// # Errors
    /// `Failed` if it can't be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(SweepFile::NAME);
        let failed = |e: std::io::Error| Error::io("can't write what belongs to the sweep", &path, &e);
        let text = serde_json::to_string_pretty(self).map_err(|e| {
            let finding = Finding::new("can't write what belongs to the sweep").file(&path).found(e.to_string());
            Error::failed(finding.hint("use paths that are valid Unicode"))
        })?;
        fs::create_dir_all(folder).map_err(failed)?;
        atomic_file::replace(&path, text.as_bytes()).map_err(failed)
    }
}
