//! Writes part files.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{ALIGNMENT, CHUNK, Directory, Element, Entry, MAGIC, checksum_of_directory};
use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::AtomicFile;

/// A part file being written, under a temporary name until [`Writer::finish`].
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<AtomicFile>,
    path: PathBuf,
    /// Bytes written so far.
    position: u64,
    arrays: Vec<Entry>,
}

impl Writer {
    /// Starts a file that will replace the one at `path`. The folder must exist.
    ///
    /// # Errors
    /// `Failed` if the file can't be created.
    pub fn create(path: &Path) -> Result<Writer> {
        let file = AtomicFile::create(path).map_err(|e| Error::io("can't create a partial result", path, &e))?;
        let file = BufWriter::with_capacity(CHUNK, file);
        let mut writer = Writer { file, path: path.to_owned(), position: 0, arrays: Vec::new() };
        writer.write(MAGIC)?;
        Ok(writer)
    }

    /// Writes an array, given as chunks in order. `[&values]` is an array in one chunk.
    ///
    /// # Errors
    /// `Failed` for an error of the disk.
    ///
    /// # Panics
    /// If the file already has an array of this name.
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

    /// Writes the header, writes the file to the disk and gives it its name.
    ///
    /// JSON has no NaN and no infinities, so store such numbers in an array.
    ///
    /// # Errors
    /// `Failed` for an error of the disk, or a header that can't be written as JSON.
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
        let written = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        written.and_then(AtomicFile::commit).map_err(|e| unwritten(&self.path, &e))
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
