//! The ids of rows that the files of the embeddings hold: the column `id` of Parquet files.

use std::path::{Path, PathBuf};

use super::input_file;
use super::parquet::{Kinds, Texts};
use crate::base::error::Finding;

/// The column of ids.
const ID: &str = "id";

/// Parquet files that hold an id for each of their rows.
#[derive(Debug, Clone)]
pub struct Ids {
    files: Vec<PathBuf>,
}

impl Ids {
    /// The ids in these files; `None` unless all of them are Parquet with a column `id` of texts or whole numbers.
    pub fn find<'a>(files: impl Iterator<Item = &'a Path>) -> Option<Ids> {
        let has_ids = |path: &Path| input_file::extension(path) == "parquet" && open(path).is_ok();
        let files: Option<Vec<PathBuf>> = files.map(|path| has_ids(path).then(|| path.to_owned())).collect();
        files.filter(|files| !files.is_empty()).map(|files| Ids { files })
    }

    /// Passes the id of every row to `take`, in order, as text; `None` where it is missing. Holds one batch of them at a time.
    ///
    /// # Errors
    /// A file that changed since it was opened; errors of `take`.
    pub fn read_all(&self, take: &mut dyn FnMut(Option<&str>) -> Result<(), Finding>) -> Result<(), Finding> {
        self.files.iter().try_for_each(|path| open(path)?.each(&|_| true, &mut |_, id, _| take(id)))
    }
}

fn open(path: &Path) -> Result<Texts<'_>, Finding> {
    let (file, _) = input_file::open(path)?;
    Texts::open(file, path, (&[ID], &[]), Kinds::TextsAndIntegers)
}
