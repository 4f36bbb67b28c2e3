//! The folder that a clustering is made in: who may write there, and how far an earlier run has come.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::AtomicFile;
use crate::formats::folder::{LockedFolder, ensure_room};
use crate::formats::hierarchy_writer;
use crate::plan::record::{KmeansRecord, KmeansStep};
use crate::plan::settings::KmeansSettings;
use crate::run::frontend::Frontend;

/// Log of the run that is making the clustering, and of those before it.
const LOG: &str = "log.txt";

/// What a folder holds.
pub(super) enum Found {
    /// No clustering.
    Nothing,
    /// One of the same settings and inputs, complete or not.
    Earlier(Box<KmeansRecord>),
    /// Another one, which may be replaced.
    ToReplace,
}

/// Looks what a folder holds; refuses what is neither to be gone on with nor to be replaced.
pub(super) fn look(folder: &Path, agreement: &str, resume: bool, force: bool) -> Result<Found> {
    let begun = KmeansRecord::of(folder).map_err(Error::input)?;
    let there = begun.is_some() || hierarchy_writer::level_folder(folder, 1).exists();
    match begun {
        Some(record) if resume && record.fingerprint == agreement => Ok(Found::Earlier(Box::new(record))),
        Some(record) if resume && !force => Err(another(folder, &record)),
        _ if there && force => Ok(Found::ToReplace),
        _ if there => Err(refused(folder, resume)),
        _ => Ok(Found::Nothing),
    }
}

/// A folder, locked.
pub(super) struct Place {
    folder: PathBuf,
    lock: LockedFolder,
    /// What an earlier run, which is gone on with, has done.
    pub(super) earlier: Vec<KmeansStep>,
}

impl Place {
    /// Locks the folder. What is there is gone on with, replaced or refused.
    pub(super) fn open(folder: &Path, agreement: &str, resume: bool, force: bool, bytes: u64) -> Result<Place> {
        let lock = LockedFolder::open(folder)?;
        let mut place = Place { folder: folder.to_owned(), lock, earlier: Vec::new() };
        match look(folder, agreement, resume, force)? {
            Found::Nothing => {}
            Found::Earlier(record) => place.earlier = record.steps,
            Found::ToReplace => place.clear()?,
        }
        hierarchy_writer::remove_unfinished(folder)?;
        // of what is gone on with, most is there already
        if place.earlier.is_empty() {
            ensure_room(folder, bytes)?;
        }
        place.lock.keep();
        Ok(place)
    }

    /// Removes an earlier clustering; what else lies in the folder stays. The record goes first: without it, nothing that
    /// is left is taken for a step that is done.
    fn clear(&self) -> Result<()> {
        let record = self.folder.join(KmeansRecord::NAME);
        match fs::remove_file(&record) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("can't remove an earlier clustering", &record, &e));
            }
            _ => {}
        }
        for name in ["curated_datasets", "metrics"].into_iter().filter(|name| self.folder.join(name).is_dir()) {
            tracing::warn!("{} is of the clustering that is replaced", self.folder.join(name).display());
        }
        hierarchy_writer::clear(&self.folder)
    }

    pub(super) fn attach_log(&self, frontend: &dyn Frontend) -> Result<()> {
        let path = self.folder.join(LOG);
        frontend.attach_log(&path).map_err(|e| Error::io("can't write the log", &path, &e))
    }

    pub(super) fn write_config(&self, settings: &KmeansSettings) -> Result<()> {
        hierarchy_writer::write_config(&self.folder, &settings.to_yaml()?)
    }

    /// Writes down how far the run is.
    pub(super) fn keep(&self, record: &KmeansRecord) -> Result<()> {
        let path = self.folder.join(KmeansRecord::NAME);
        let text = serde_json::to_string_pretty(record).map_err(|e| {
            let finding = Finding::new("can't write how the clustering was made").file(&path).found(e.to_string());
            Error::failed(finding.hint("use paths that are valid Unicode"))
        })?;
        let written = AtomicFile::create(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.commit()
        });
        written.map_err(|e| Error::io("can't write how the clustering was made", &path, &e))
    }
}

fn another(folder: &Path, record: &KmeansRecord) -> Error {
    Error::usage(
        Finding::new("the clustering in the output folder has other settings or inputs")
            .file(folder)
            .expected("the settings and embeddings that it was begun with")
            .found(format!("begun {} as: {}", record.started, record.command.join(" ")))
            .hint("go on with its own settings (kmeans FOLDER/config.yaml --resume), choose another --out, or add --force"),
    )
}

fn refused(folder: &Path, resume: bool) -> Error {
    let hint = match resume {
        true => "it was not made by this program, which can't go on with it; choose another --out, or add --force",
        false => "go on with it (--resume), choose another --out, or replace it (--force)",
    };
    Error::usage(Finding::new("the output folder holds a clustering").file(folder).hint(hint))
}
