//! The folder of a clustering: locks it, and finds out how far an earlier run has come.

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

/// Name of the log, of this run and of those it resumes.
const LOG: &str = "log.txt";

/// Contents of the output folder.
pub(super) enum Found {
    /// No clustering.
    Nothing,
    /// A clustering with the same settings and inputs, complete or not.
    Earlier(Box<KmeansRecord>),
    /// Another clustering, or a damaged one; `--force` replaces it.
    ToReplace,
}

/// Looks into a folder. Refuses a clustering that is to be neither resumed nor replaced.
pub(super) fn look(folder: &Path, agreement: &str, resume: bool, force: bool) -> Result<Found> {
    let begun = match KmeansRecord::of(folder) {
        Err(_) if force => return Ok(Found::ToReplace),
        Err(damaged) => {
            return Err(Error::input(damaged.hint("replace the clustering with --force, or choose another --out")));
        }
        Ok(begun) => begun,
    };
    let there = begun.is_some() || hierarchy_writer::level_folder(folder, 1).exists();
    match begun {
        Some(record) if resume && record.fingerprint == agreement => Ok(Found::Earlier(Box::new(record))),
        Some(record) if resume && !force => Err(another(folder, &record)),
        _ if there && force => Ok(Found::ToReplace),
        _ if there => Err(refused(folder, resume)),
        _ => Ok(Found::Nothing),
    }
}

/// A locked folder.
pub(super) struct Place {
    folder: PathBuf,
    lock: LockedFolder,
    /// Finished steps of the run that is resumed.
    pub(super) earlier: Vec<KmeansStep>,
    /// The files beside the levels, as they were before the run.
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Place {
    /// Locks the folder. Resumes, replaces or refuses a clustering in it. `check` examines the points before anything is
    /// removed; a run that replaces nothing finds bad points in its first pass.
    pub(super) fn open(
        folder: &Path,
        agreement: &str,
        (resume, force): (bool, bool),
        bytes: u64,
        check: impl FnOnce() -> Result<()>,
    ) -> Result<Place> {
        let lock = LockedFolder::open(folder)?;
        let names = ["config.yaml", KmeansRecord::NAME, LOG];
        let before = names.map(|name| folder.join(name)).map(|path| (path.clone(), fs::read(path).ok()));
        let mut place = Place { folder: folder.to_owned(), lock, earlier: Vec::new(), before: before.to_vec() };
        match look(folder, agreement, resume, force)? {
            Found::Nothing => {}
            Found::Earlier(record) => place.earlier = record.steps,
            Found::ToReplace => {
                check()?;
                place.clear()?;
                place.before.iter_mut().for_each(|(_, content)| *content = None);
            }
        }
        hierarchy_writer::remove_unfinished(folder)?;
        // a resumed run has most of its files already
        if place.earlier.is_empty() {
            ensure_room(folder, bytes)?;
        }
        Ok(place)
    }

    /// Keeps the folder if this run created it.
    pub(super) fn accept(&mut self) {
        self.lock.keep();
    }

    /// Leaves the folder as it was before the run, which was refused before its first step was done.
    pub(super) fn undo(&self) -> Result<()> {
        hierarchy_writer::clear(&self.folder)?;
        for (path, content) in &self.before {
            let restored = match content {
                Some(content) => fs::write(path, content),
                None => fs::remove_file(path),
            };
            match restored {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("can't remove a file of the refused run", path, &e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes an earlier clustering. Other files in the folder stay. The record goes first: without it, no step counts as
    /// finished.
    fn clear(&self) -> Result<()> {
        let record = self.folder.join(KmeansRecord::NAME);
        match fs::remove_file(&record) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("can't remove an earlier clustering", &record, &e));
            }
            _ => {}
        }
        for name in ["curated_datasets", "metrics"].into_iter().filter(|name| self.folder.join(name).is_dir()) {
            tracing::warn!("{} belongs to the clustering that is replaced", self.folder.join(name).display());
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

    /// Stores how far the run has come.
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
            .hint("resume it with its own settings (clustrata kmeans FOLDER/config.yaml --resume), choose another --out, or add --force"),
    )
}

fn refused(folder: &Path, resume: bool) -> Error {
    let hint = match resume {
        true => "this program did not make it and can't resume it; choose another --out, or add --force",
        false => "resume it (--resume), choose another --out, or replace it (--force)",
    };
    Error::usage(Finding::new("the output folder holds a clustering").file(folder).hint(hint))
}
