//! Temporary files that hold what can't be read in place. They have no name, so nothing is left behind however a run ends.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::data_file::{ReadAt, read_exact_at};
use crate::base::error::{Error, Finding, Kind};
use crate::base::signals;

/// The folder for temporary files.
pub(super) fn folder(scratch: Option<&Path>) -> PathBuf {
    scratch.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// An array that is unpacked to a temporary file when its first row is read.
#[derive(Debug)]
pub(super) struct Lazy {
    folder: PathBuf,
    bytes: u64,
    /// The file of the embeddings.
    of: PathBuf,
    /// The first failure is told to all readers.
    spill: OnceLock<Result<Spill, (Kind, Finding)>>,
}

impl Lazy {
    /// An array of `bytes` bytes in the file `of`. Refuses it if `folder` has no room.
    pub(super) fn new(folder: PathBuf, bytes: u64, of: &Path) -> Result<Lazy, Finding> {
        check_room(&folder, bytes, of)?;
        Ok(Lazy { folder, bytes, of: of.to_owned(), spill: OnceLock::new() })
    }

    /// Reads the bytes from `offset` on. The first call unpacks the array by `fill`, while other threads wait.
    pub(super) fn read_exact_at(
        &self,
        offset: u64,
        out: &mut [u8],
        fill: impl FnOnce(&mut Spill) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let unpack = || {
            check_room(&self.folder, self.bytes, &self.of).map_err(Error::input)?;
            let mut spill = Spill::create(&self.folder)?;
            fill(&mut spill)?;
            Ok(spill)
        };
        match self.spill.get_or_init(|| unpack().map_err(|error: Error| (error.kind(), error.first_finding()))) {
            Ok(spill) => spill.read_exact_at(offset, out),
            Err((kind, finding)) => {
                signals::go_on()?;
                Err(Error::new(*kind, finding.clone()))
            }
        }
    }
}

/// Refuses if the folder has no room for `bytes` bytes. If the file system can't say, writing will.
fn check_room(folder: &Path, bytes: u64, of: &Path) -> Result<(), Finding> {
    // a scratch folder is made later
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    match fs4::available_space(there) {
        Ok(available) if available < bytes => Err(Finding::new("there is not enough room to unpack the embeddings")
            .file(of)
            .expected(format!("{bytes} bytes in {}", folder.display()))
            .found(format!("{available} bytes available"))
            .hint(
                "set TMPDIR (or --scratch of metrics) to a folder on another disk, or save the array as a .npy file",
            )),
        _ => Ok(()),
    }
}

/// An unpacked array, without a name on the disk.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    folder: PathBuf,
}

impl Spill {
    /// Makes an empty file in `folder`, which is created if missing.
    fn create(folder: &Path) -> Result<Spill, Error> {
        let file = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        let file = file.map_err(|e| Error::io("can't make a temporary file for the embeddings", folder, &e))?;
        Ok(Spill { file, folder: folder.to_owned() })
    }

    /// Appends bytes. Ends early if the run is to stop.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        signals::go_on()?;
        self.file.write_all(bytes).map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::io("can't write a temporary file for the embeddings", &self.folder, error)
    }
}

impl ReadAt for Spill {
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        read_exact_at(&self.file, &self.folder, offset, out)
    }
}
