//! The folder of a clustering: locks it, and finds out how far an earlier run has come.

use std::fs;
use std::path::{Path, PathBuf};

use super::replaced::{self, CONFIG, LOG};
use crate::base::error::{Error, Finding, Kind, Result};
use crate::formats::atomic_file;
use crate::formats::folder::{LockedFolder, ensure_room};
use crate::formats::hierarchy_writer;
use crate::plan::record::{KmeansRecord, KmeansStep, Leg};
use crate::plan::settings::KmeansSettings;
use crate::run::frontend::Frontend;

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
    let there =
        begun.is_some() || hierarchy_writer::level_folder(folder, 1).exists() || replaced::folder_in(folder).is_some();
    match begun {
        Some(record) if resume && record.fingerprint == agreement => Ok(Found::Earlier(Box::new(record))),
        Some(record) if resume && !force => Err(another(folder, &record)),
        _ if there && force => Ok(Found::ToReplace),
        _ if there => Err(refused(folder, resume)),
        _ => Ok(Found::Nothing),
    }
}

/// A locked folder. If it is dropped before [`Place::end`], for instance by an error, the clustering that the run was to
/// replace is brought back, unless the new one can be resumed.
pub(super) struct Place {
    folder: PathBuf,
    lock: LockedFolder,
    /// Finished steps of the run that is resumed.
    pub(super) earlier: Vec<KmeansStep>,
    /// The processes that worked on it.
    pub(super) legs: Vec<Leg>,
    /// The files beside the levels, as they were before the run.
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
    decided: bool,
}

impl Place {
    /// Locks the folder. Resumes, sets aside or refuses a clustering in it.
    pub(super) fn open(folder: &Path, agreement: &str, (resume, force): (bool, bool), bytes: u64) -> Result<Place> {
        let lock = LockedFolder::open(folder)?;
        replaced::recover(folder)?;
        let found = look(folder, agreement, resume, force)?;
        hierarchy_writer::remove_unfinished(folder)?;
        let (earlier, legs) = match &found {
            Found::Earlier(record) => (record.steps.clone(), record.provenance.clone().unwrap_or_default().legs),
            _ => Default::default(),
        };
        // a resumed run has most of its files already
        if earlier.is_empty() {
            ensure_room(folder, bytes)?;
        }
        if matches!(found, Found::ToReplace) {
            for name in ["curated_datasets", "metrics"].into_iter().filter(|name| folder.join(name).is_dir()) {
                tracing::warn!("{} belongs to the clustering that is replaced", folder.join(name).display());
            }
            replaced::set_aside(folder)?;
        }
        let names = [CONFIG, KmeansRecord::NAME, LOG];
        let before = names.map(|name| folder.join(name)).map(|path| (path.clone(), fs::read(path).ok())).to_vec();
        Ok(Place { folder: folder.to_owned(), lock, earlier, legs, before, decided: false })
    }

    /// Call when the run ends, with its error if it is not complete. Keeps what the run left if it can be resumed. Otherwise
    /// restores the folder as it was before.
    pub(super) fn end(&mut self, error: Option<&Error>) {
        let replaces = replaced::folder_in(&self.folder);
        let lost = match error {
            Some(error) if self.is_refusal(error) => replaces.is_some() || !self.has_steps(),
            Some(_) => replaces.is_some() && !replaced::can_be_resumed(&self.folder),
            None => false,
        };
        self.decided = true;
        if lost {
            return self.undo_or_warn();
        }
        if let (Some(_), Some(replaces)) = (error, replaces) {
            let place = replaces.display();
            tracing::warn!(
                "the clustering that this run replaces stays in {place} until this one is resumed and finished"
            );
        }
        self.lock.keep();
    }

    /// Stores the record of the complete clustering, and removes the one that it replaces.
    pub(super) fn finish(&self, record: &KmeansRecord) -> Result<()> {
        self.keep(record)?;
        replaced::discard(&self.folder);
        Ok(())
    }

    fn has_steps(&self) -> bool {
        KmeansRecord::of(&self.folder).ok().flatten().is_some_and(|record| !record.steps.is_empty())
    }

    /// Whether settings or points were refused, so that resuming can't succeed. It can after an error about a damaged file of
    /// a level: the user can remove that file.
    fn is_refusal(&self, error: &Error) -> bool {
        let of_level = |finding: &Finding| {
            let file = finding.named_file().and_then(|file| file.strip_prefix(&self.folder).ok());
            file.is_some_and(|file| file.to_string_lossy().starts_with("level"))
        };
        matches!(error.kind(), Kind::Input | Kind::Usage) && !error.findings().kept().iter().any(of_level)
    }

    /// Undoes the run. Only warns if that fails, since the error that ended the run matters more.
    fn undo_or_warn(&self) {
        if let Err(error) = self.undo() {
            tracing::warn!("what the run left in {} was not removed: {error}", self.folder.display());
        }
    }

    /// Leaves the folder as it was before the run.
    fn undo(&self) -> Result<()> {
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
        match replaced::folder_in(&self.folder) {
            Some(_) => replaced::bring_back(&self.folder),
            None => Ok(()),
        }
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
        atomic_file::replace(&path, text.as_bytes())
            .map_err(|e| Error::io("can't write how the clustering was made", &path, &e))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let replaces = replaced::folder_in(&self.folder).is_some();
        if !self.decided && replaces && !replaced::can_be_resumed(&self.folder) {
            self.undo_or_warn();
        }
    }
}

/// Where the clustering is that the one in the folder replaces, for a message; empty if there is none.
fn beside(folder: &Path) -> String {
    let replaced = replaced::folder_in(folder);
    replaced.map_or(String::new(), |place| format!("; the clustering that it replaces is in {}", place.display()))
}

fn another(folder: &Path, record: &KmeansRecord) -> Error {
    Error::usage(
        Finding::new("the clustering in the output folder has other settings or inputs")
            .file(folder)
            .expected("the settings and embeddings that it was begun with")
            .found(format!("begun {} as: {}{}", record.started, record.command.join(" "), beside(folder)))
            .hint("resume it with its own settings (clustrata kmeans FOLDER/config.yaml --resume), choose another --out, or add --force"),
    )
}

fn refused(folder: &Path, resume: bool) -> Error {
    let hint = match resume {
        true => "this program did not make it and can't resume it; choose another --out, or add --force",
        false => "resume it (--resume), choose another --out, or replace it (--force)",
    };
    let mut finding = Finding::new("the output folder holds a clustering").file(folder);
    if KmeansRecord::of(folder).is_ok_and(|record| record.is_some_and(|record| !record.complete)) {
        finding = finding.found(format!("an unfinished one{}", beside(folder)));
    }
    Error::usage(finding.hint(hint))
}
