//! Positioned reads of one file. They need no cursor, so any number of threads can share a file.

use std::cell::RefCell;
use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::row_file::Candidate;
use crate::base::error::{Error, Finding};

/// Bytes at positions.
pub(super) trait ReadAt: Debug + Send + Sync {
    /// Fills `out` with the bytes from `offset` on.
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error>;

    /// Whether the bytes are unpacked to a temporary file first.
    fn is_unpacked(&self) -> bool {
        false
    }
}

/// A file that stays open, or is opened for each read.
#[derive(Debug)]
pub(super) struct DataFile {
    pub(super) path: PathBuf,
    handle: Option<File>,
}

impl DataFile {
    pub(super) fn new(candidate: Candidate<'_>) -> DataFile {
        let handle = candidate.keep_open.then_some(candidate.file);
        DataFile { path: candidate.path.to_owned(), handle }
    }

    /// Opens a copy of rows.
    pub(super) fn open(path: PathBuf, keep_open: bool) -> Result<DataFile, Error> {
        let opened = File::open(&path).map_err(|e| Error::io("can't read the copy of the embeddings", &path, &e))?;
        Ok(DataFile { path, handle: keep_open.then_some(opened) })
    }
}

impl ReadAt for DataFile {
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        match &self.handle {
            Some(file) => read_exact_at(file, &self.path, offset, out),
            None => {
                let cannot = |e: std::io::Error| Error::io("can't read the embeddings", &self.path, &e);
                read_exact_at(&File::open(&self.path).map_err(cannot)?, &self.path, offset, out)
            }
        }
    }
}

/// Fills `out` with the bytes from `offset` on.
pub(super) fn read_exact_at(file: &File, path: &Path, mut offset: u64, mut out: &mut [u8]) -> Result<(), Error> {
    while !out.is_empty() {
        match read_at(file, out, offset) {
            Ok(0) => {
                return Err(Error::failed(
                    Finding::new("the embeddings file became shorter during the run")
                        .file(path)
                        .expected(format!("{} more bytes at byte {offset}", out.len()))
                        .found("the end of the file")
                        .hint("restore the file, then run again"),
                ));
            }
            Ok(count) => {
                offset += count as u64;
                out = &mut out[count..];
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                let finding = Finding::io("can't read the embeddings", path, &e);
                return Err(Error::failed(finding.found(format!("{e}, at byte {offset}"))));
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

/// Also moves the file's cursor, which nothing here uses, so threads don't interfere.
#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}

/// Reads at most `count` bytes from `offset` on; fewer at the end of the file. For headers, which are small.
pub(super) fn read_up_to_at(file: &File, path: &Path, offset: u64, count: usize) -> Result<Vec<u8>, Finding> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        match read_at(file, &mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Finding::io("the file can't be read", path, &e)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Calls `use_it` with a buffer of `length` bytes of any content. Each thread keeps its own, since the first touch of fresh
/// memory costs more than reading a file from the page cache.
pub(super) fn with_buffer<T>(length: usize, use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.with(RefCell::take);
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    let result = use_it(&mut buffer[..length]);
    BUFFER.with(|kept| *kept.borrow_mut() = buffer);
    result
}
