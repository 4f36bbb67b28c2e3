//! Reads part files, and detects any damage to them.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ALIGNMENT, CHUNK, Directory, Element, Entry, LENGTH, MAGIC, TRAILER, VERSION, checksum_of_directory};
use crate::base::error::Finding;
use crate::base::numeric::to_usize;

/// A part file with a verified header and list of arrays. It holds no open file, since a run can have thousands of parts.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    directory: Directory,
}

impl PartFile {
    /// Opens a file and verifies every byte of it in one pass with little memory.
    ///
    /// # Errors
    /// A file that can't be read, or that differs from what was written.
    pub fn open(path: &Path) -> Result<PartFile, Finding> {
        let part = PartFile::glance(path)?;
        part.verify_arrays()?;
        Ok(part)
    }

    /// Opens a file and verifies everything except the values of the arrays, which is quick for any size. Reading an array
    /// verifies its values.
    ///
    /// # Errors
    /// As [`PartFile::open`].
    pub fn glance(path: &Path) -> Result<PartFile, Finding> {
        let unread = |e: io::Error| unreadable(path, &e);
        let mut file = File::open(path).map_err(unread)?;
        let size = file.metadata().map_err(unread)?.len();
        let mut magic = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(unread)?;
        check_magic(path, &magic)?;
        let (directory, start) = read_directory(path, &mut file, size)?;
        check_layout(&directory.arrays, start).ok_or_else(|| {
            damaged(path, "arrays one after the other, up to their list", "a list of arrays at other places")
        })?;
        Ok(PartFile { path: path.to_owned(), directory })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header as JSON.
    pub fn header(&self) -> &Value {
        &self.directory.header
    }

    /// The header as a type of the caller.
    ///
    /// # Errors
    /// A header of another type: the file is of another kind, or another version wrote it.
    pub fn header_as<T: DeserializeOwned>(&self) -> Result<T, Finding> {
        T::deserialize(&self.directory.header).map_err(|e| {
            Finding::new("a partial result has an unexpected header")
                .file(&self.path)
                .found(e.to_string())
                .hint("run this part again with this version")
        })
    }

    /// BLAKE3 (hex) of the header and the checksums of all arrays. It identifies the content of the file.
    pub fn fingerprint(&self) -> String {
        // Serialization can't fail: the directory was deserialized from JSON.
        let directory = serde_json::to_vec(&self.directory).unwrap_or_default();
        blake3::hash(&directory).to_hex().to_string()
    }

    /// Number of elements of an array. `None` if there is no such array.
    pub fn length(&self, name: &str) -> Option<u64> {
        self.directory.arrays.iter().find(|array| array.name == name).map(|array| array.length)
    }

    /// Reads and verifies one array.
    ///
    /// # Errors
    /// No such array, another element type, too little memory, or damaged values.
    pub fn read<T: Element>(&self, name: &str) -> Result<Vec<T>, Finding> {
        let entry = self.entry::<T>(name)?;
        let mut values = Vec::new();
        let length = Some(to_usize(entry.length)).filter(|&length| values.try_reserve_exact(length).is_ok());
        let length = length.ok_or_else(|| {
            Finding::new(format!("the array `{name}` of a partial result does not fit into memory"))
                .file(&self.path)
                .found(format!("{} values of {} bytes", entry.length, entry.element.bytes()))
                .hint("use a machine with more memory, or raise the memory limit of the job")
        })?;
        values.resize(length, T::zeroed());
        self.fill(entry, &mut values)?;
        Ok(values)
    }

    /// Reads one array into `values` and verifies it.
    ///
    /// # Errors
    /// As [`PartFile::read`], and an array of another length. `values` are then unspecified.
    pub fn read_into<T: Element>(&self, name: &str, values: &mut [T]) -> Result<(), Finding> {
        let entry = self.entry::<T>(name)?;
        if entry.length != values.len() as u64 {
            return Err(Finding::new(format!("the array `{name}` of a partial result has another length"))
                .file(&self.path)
                .expected(format!("{} values", values.len()))
                .found(format!("{} values", entry.length))
                .hint("run this part again"));
        }
        self.fill(entry, values)
    }

    fn entry<T: Element>(&self, name: &str) -> Result<&Entry, Finding> {
        let entry = self.directory.arrays.iter().find(|array| array.name == name);
        entry.filter(|entry| entry.element == T::TYPE).ok_or_else(|| {
            let found = entry.map_or("no array of that name".to_owned(), |entry| format!("{:?} values", entry.element));
            Finding::new("an array is missing from a partial result")
                .file(&self.path)
                .expected(format!("`{name}`, {:?} values", T::TYPE))
                .found(found)
                .hint("run this part again with this version")
        })
    }

    fn fill<T: Element>(&self, entry: &Entry, values: &mut [T]) -> Result<(), Finding> {
        let mut file = self.file_at(entry.offset)?;
        let mut hasher = blake3::Hasher::new();
        for bytes in bytemuck::cast_slice_mut(values).chunks_mut(CHUNK) {
            file.read_exact(bytes).map_err(|e| unreadable(&self.path, &e))?;
            hasher.update(bytes);
        }
        self.compare(entry, &hasher)
    }

    /// Verifies all arrays and the zeros between them.
    fn verify_arrays(&self) -> Result<(), Finding> {
        let mut position = MAGIC.len() as u64;
        let mut file = self.file_at(position)?;
        let mut buffer = vec![0; CHUNK];
        for entry in &self.directory.arrays {
            let padding = pass(&mut file, entry.offset - position, &mut buffer, |bytes| bytes.iter().all(|&b| b == 0));
            if !padding.map_err(|e| unreadable(&self.path, &e))? {
                return Err(damaged(&self.path, "zeros between two arrays", "something else"));
            }
            // found to be in the file when it was opened
            position = entry.end().unwrap_or(u64::MAX);
            let mut hasher = blake3::Hasher::new();
            let hashed = pass(&mut file, position - entry.offset, &mut buffer, |bytes| {
                hasher.update(bytes);
                true
            });
            hashed.map_err(|e| unreadable(&self.path, &e))?;
            self.compare(entry, &hasher)?;
        }
        Ok(())
    }

    fn file_at(&self, position: u64) -> Result<File, Finding> {
        let opened = File::open(&self.path).and_then(|mut file| file.seek(SeekFrom::Start(position)).map(|_| file));
        opened.map_err(|e| unreadable(&self.path, &e))
    }

    fn compare(&self, entry: &Entry, hasher: &blake3::Hasher) -> Result<(), Finding> {
        let found = hasher.finalize().to_hex();
        if *found.as_str() == *entry.checksum {
            return Ok(());
        }
        let expected = format!("checksum {} of the array `{}`", entry.checksum, entry.name);
        Err(damaged(&self.path, &expected, &format!("checksum {found}")))
    }
}

fn check_magic(path: &Path, magic: &[u8]) -> Result<(), Finding> {
    if magic == MAGIC {
        return Ok(());
    }
    let wrong = |what: &str, expected: &[u8], found: &[u8]| {
        Finding::new(what)
            .file(path)
            .expected(format!("a file that begins with \"{}\"", expected.escape_ascii()))
            .found(format!("\"{}\"", found.escape_ascii()))
            .hint("remove the file, then run this part again")
    };
    Err(match magic.strip_prefix(&MAGIC[..VERSION]) {
        Some(version) if magic.len() == MAGIC.len() => {
            wrong("another version of this program wrote the partial result", &MAGIC[VERSION..], version)
        }
        _ => wrong("the file is not a partial result", MAGIC, magic),
    })
}

/// The directory of a file of `size` bytes, and its offset.
fn read_directory(path: &Path, file: &mut File, size: u64) -> Result<(Directory, u64), Finding> {
    let unread = |e: io::Error| unreadable(path, &e);
    let cut = || damaged(path, "the end of a partial result", "a truncated file, or one with a changed end");
    let end = size.checked_sub(TRAILER as u64).filter(|&end| end >= MAGIC.len() as u64).ok_or_else(cut)?;
    file.seek(SeekFrom::Start(end)).map_err(unread)?;
    let mut trailer = [0; TRAILER];
    file.read_exact(&mut trailer).map_err(unread)?;
    let (length, checksum) = trailer.split_first_chunk::<LENGTH>().ok_or_else(cut)?;
    let bytes = u64::from_le_bytes(*length);
    let start = end.checked_sub(bytes).filter(|&start| start >= MAGIC.len() as u64).ok_or_else(cut)?;
    let mut directory = Vec::new();
    // Bounded by the file's size.
    directory.try_reserve_exact(to_usize(bytes)).map_err(|_| cut())?;
    file.seek(SeekFrom::Start(start)).map_err(unread)?;
    file.take(bytes).read_to_end(&mut directory).map_err(unread)?;
    if checksum_of_directory(&directory, *length).as_bytes() != checksum {
        return Err(cut());
    }
    let directory = serde_json::from_slice(&directory);
    Ok((directory.map_err(|e| damaged(path, "a list of arrays", &e.to_string()))?, start))
}

/// Whether the arrays lie one after the other from the magic bytes to the directory, as the writer puts them. Only then do the
/// checksums cover every byte.
fn check_layout(arrays: &[Entry], directory: u64) -> Option<()> {
    let mut position = MAGIC.len() as u64;
    for entry in arrays {
        let offset = position.checked_next_multiple_of(ALIGNMENT)?;
        position = entry.end().filter(|&end| entry.offset == offset && end <= directory)?;
    }
    (position == directory).then_some(())
}

/// Reads `left` bytes piece by piece. Returns whether `wanted` accepted all pieces.
fn pass(file: &mut File, mut left: u64, buffer: &mut [u8], mut wanted: impl FnMut(&[u8]) -> bool) -> io::Result<bool> {
    let mut all = true;
    while left > 0 {
        let length = to_usize(left).min(CHUNK);
        let piece = &mut buffer[..length];
        file.read_exact(piece)?;
        all &= wanted(piece);
        left -= length as u64;
    }
    Ok(all)
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding::io("can't read a partial result", path, error)
}

fn damaged(path: &Path, expected: &str, found: &str) -> Finding {
    Finding::new("the file of a partial result is damaged")
        .file(path)
        .expected(expected)
        .found(found)
        .hint("remove the file, then run this part again")
}
