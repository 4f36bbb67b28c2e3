//! One memory-mapped file of a run.

use std::path::{Path, PathBuf};

use super::kind::Kind;
use crate::base::error::Result;
use crate::formats::distances::{Element, RowBuffer};

/// A buffer, what it holds and where it is.
pub(super) struct Mapped<T> {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
    pub(super) buffer: RowBuffer<T>,
}

/// What the search finds on one level.
pub(super) struct SearchBuffers {
    pub(super) second: Mapped<i32>,
    pub(super) margin: Mapped<f32>,
    pub(super) simplified_silhouette: Mapped<f32>,
}

impl<T: Element> Mapped<T> {
    /// Creates the file for `rows` rows.
    pub(super) fn create(path: PathBuf, kind: Kind, rows: u64) -> Result<Self> {
        // left by an interrupted run with another shape
        let _ = std::fs::remove_file(&path);
        let buffer = RowBuffer::create(&path, rows, kind.columns())?;
        Ok(Mapped { kind, path, buffer })
    }

    /// Opens the file in the folder of a part; `None` if it is missing.
    pub(super) fn reopen(folder: &Path, kind: Kind, rows: u64) -> Result<Option<Self>> {
        let path = folder.join(kind.in_part());
        let buffer = RowBuffer::reopen(&path, rows, kind.columns())?;
        Ok(buffer.map(|buffer| Mapped { kind, path, buffer }))
    }
}

impl SearchBuffers {
    /// Creates the files in the places that `path` gives them.
    pub(super) fn create(kinds: [Kind; 3], rows: u64, path: impl Fn(Kind) -> Result<PathBuf>) -> Result<Self> {
        let [second, margin, silhouette] = kinds;
        Ok(SearchBuffers {
            second: Mapped::create(path(second)?, second, rows)?,
            margin: Mapped::create(path(margin)?, margin, rows)?,
            simplified_silhouette: Mapped::create(path(silhouette)?, silhouette, rows)?,
        })
    }

    /// Opens the files in the folder of a part; `None` if one is missing.
    pub(super) fn reopen(folder: &Path, [second, margin, silhouette]: [Kind; 3], rows: u64) -> Result<Option<Self>> {
        let second = Mapped::reopen(folder, second, rows)?;
        let margin = Mapped::reopen(folder, margin, rows)?;
        let silhouette = Mapped::reopen(folder, silhouette, rows)?;
        let all = second.zip(margin).zip(silhouette);
        Ok(all.map(|((second, margin), simplified_silhouette)| SearchBuffers { second, margin, simplified_silhouette }))
    }

    pub(super) fn paths(&self) -> [&PathBuf; 3] {
        [&self.second.path, &self.margin.path, &self.simplified_silhouette.path]
    }
}
