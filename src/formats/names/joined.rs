//! The names of several files as one list.

use std::path::{Path, PathBuf};

use super::{ImageName, NameColumns, NameFile};
use crate::base::error::{Finding, Findings};

/// Names of an image for each point, in one or several files, all checked to their ends.
#[derive(Debug)]
pub struct Names {
    files: Vec<NameFile>,
    len: u64,
}

impl Names {
    /// Opens a list of names and checks it to its end. The first bytes (`.npy`, pickle, Parquet) or the extension (`.txt`,
    /// `.csv`, `.pkl`) determine the format.
    ///
    /// # Errors
    /// A file that can't be read, another format, or an entry that is not a name.
    pub fn open(path: &Path) -> Result<Names, Finding> {
        let file = NameFile::open(path, &NameColumns::default())?;
        Ok(Names { len: file.len(), files: vec![file] })
    }

    /// Opens several lists, whose names follow each other. Adds every problem to `findings`; the result is then `None`.
    pub fn open_all(paths: &[PathBuf], columns: &NameColumns, findings: &mut Findings) -> Option<Names> {
        let files: Vec<NameFile> =
            paths.iter().filter_map(|path| findings.take(NameFile::open(path, columns))).collect();
        let len = files.iter().fold(0_u64, |len, file| len.saturating_add(file.len()));
        (files.len() == paths.len()).then_some(Names { files, len })
    }

    /// Number of names.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names of the points `wanted`, in this order. A point may occur more than once. Makes one pass over each file that has
    /// some; in a `.npy` of strings, it reads only the wanted entries.
    ///
    /// # Errors
    /// A point that is not below [`len`](Self::len), or a file that changed after it was opened.
    pub fn read(&self, wanted: &[u64]) -> Result<Vec<ImageName>, Finding> {
        if let Some(&beyond) = wanted.iter().find(|&&point| point >= self.len) {
            let last = self.files.last().map_or(Path::new(""), NameFile::path);
            return Err(Finding::new("a point has no image name")
                .file(last)
                .index(beyond)
                .expected("a name for every point")
                .found(format!("{} names", self.len))
                .hint("name the file that was written together with the embeddings"));
        }
        let mut names: Vec<Option<ImageName>> = vec![None; wanted.len()];
        let mut first = 0;
        for file in &self.files {
            let end = first + file.len();
            let places: Vec<usize> = (0..wanted.len()).filter(|&at| (first..end).contains(&wanted[at])).collect();
            let within: Vec<u64> = places.iter().map(|&at| wanted[at] - first).collect();
            for (at, name) in places.into_iter().zip(file.read(&within)?) {
                names[at] = Some(name);
            }
            first = end;
        }
        // every wanted point is in one of the files
        Ok(names.into_iter().flatten().collect())
    }

    /// Passes the path and caption of every name to `take`, in the order of the points. Makes one pass over each file and holds
    /// one name at a time.
    ///
    /// # Errors
    /// A file that changed after it was opened.
    pub fn read_all(&self, take: &mut dyn FnMut(&str, Option<&str>)) -> Result<(), Finding> {
        self.files.iter().try_for_each(|file| file.read_all(take))
    }
}
