//! Writing a part file.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::{ALIGNMENT, CHUNK, Directory, Element, Entry, MAGIC, checksum_of_directory};
use crate::error::{Error, Finding, Result};

/// How the names of files at work begin.
const UNFINISHED: &str = ".tmp-";

/// A part file being written, under a name of its own until [`Writer::finish`].
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    /// Removed when the writer is dropped; taken by `finish`.
    temporary: Temporary,
    path: PathBuf,
    /// Bytes written so far.
    position: u64,
    arrays: Vec<Entry>,
}

impl Writer {
    /// Begins a file that is to replace whatever is at `path`, whose folder must be there.
    ///
    /// # Errors
    /// `Failed` where the file can't be made.
    pub fn create(path: &Path) -> Result<Writer> {
        let (file, temporary) = Temporary::create(path)?;
        let file = BufWriter::with_capacity(CHUNK, file);
        let mut writer = Writer { file, temporary, path: path.to_owned(), position: 0, arrays: Vec::new() };
        writer.write(MAGIC)?;
        Ok(writer)
    }

    /// Writes an array given in chunks, in order. `[&values]` is an array in one chunk.
    ///
    /// # Errors
    /// `Failed` when the disk does.
    ///
    /// # Panics
    /// Where the file has an array of this name.
    pub fn array<T: Element>(&mut self, name: &str, chunks: impl IntoIterator<Item: AsRef<[T]>>) -> Result<()> {
        assert!(self.arrays.iter().all(|array| array.name != name), "two arrays named `{name}`");
        while !self.position.is_multiple_of(ALIGNMENT) {
            self.write(&[0])?;
        }
        let offset = self.position;
        let mut hasher = blake3::Hasher::new();
        let mut length = 0;
        for chunk in chunks {
            let chunk = chunk.as_ref();
            let bytes = bytemuck::cast_slice(chunk);
            hasher.update(bytes);
            self.write(bytes)?;
            length += chunk.len() as u64;
        }
        let checksum = hasher.finalize().to_hex().to_string();
        self.arrays.push(Entry { name: name.to_owned(), element: T::TYPE, offset, length, checksum });
        Ok(())
    }

    /// Writes the header and gives the file its name, all of it on the disk.
    ///
    /// JSON knows no NaN and no infinities; such numbers belong into an array.
    ///
    /// # Errors
    /// `Failed` when the disk does, or the header is no JSON.
    pub fn finish(mut self, header: &impl Serialize) -> Result<()> {
        let header = serde_json::to_value(header);
        let directory = header
            .and_then(|header| serde_json::to_vec(&Directory { header, arrays: std::mem::take(&mut self.arrays) }));
        let directory = directory.map_err(|e| {
            let finding = Finding::new("the header of a partial result can't be written as JSON").file(&self.path);
            Error::failed(finding.found(e.to_string()))
        })?;
        let length = (directory.len() as u64).to_le_bytes();
        self.write(&directory)?;
        self.write(&length)?;
        self.write(checksum_of_directory(&directory, length).as_bytes())?;
        let Writer { file, temporary, path, .. } = self;
        let synced = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|e| unwritten(&path, &e))?;
        temporary.rename(&path)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| unwritten(&self.path, &e))?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Error {
    Error::io("can't write a partial result", path, error)
}

/// A file that goes unless it is renamed.
#[derive(Debug)]
struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    /// A new file beside `path`, whose name no living process has: nodes that share the folder can have equal process
    /// ids, so a name that is taken is passed over.
    fn create(path: &Path) -> Result<(File, Temporary)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let temporary = path.with_file_name(format!("{UNFINISHED}{name}-{}-{count}", std::process::id()));
            match File::create_new(&temporary) {
                Ok(file) => return Ok((file, Temporary { path: Some(temporary) })),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("can't create the file of a partial result", path, &e)),
            }
        }
    }

    fn rename(mut self, to: &Path) -> Result<()> {
        if let Some(from) = &self.path {
            fs::rename(from, to).map_err(|e| Error::io("can't move a finished partial result into place", to, &e))?;
        }
        self.path = None;
        sync_folder(to).map_err(|e| unwritten(to, &e))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            tracing::debug!("{} could not be removed: {error}", path.display());
        }
    }
}

/// Has the new name of `file` survive a power cut.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder)?.sync_all() {
        // some network file systems know no such thing
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Only Unix lets a folder be written to the disk.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes what killed writers left in `folder`. Only for who knows, by a lock, that no writer is at work there.
///
/// # Errors
/// `Failed` where the folder can't be listed or a file not removed.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    let unlisted = |e: io::Error| Error::io("can't list a folder of partial results", folder, &e);
    for entry in fs::read_dir(folder).map_err(unlisted)? {
        let entry = entry.map_err(unlisted)?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|e| Error::io("can't remove what a killed run left", &path, &e))?;
        }
    }
    Ok(())
}
