//! Fingerprints of input files, which identify a file by its content wherever it lies.
//!
//! Embeddings take up to terabytes on a shared disk: a checksum of all bytes would cost each of a thousand tasks another
//! pass over them. What happens to such files in practice (another model, a conversion, a truncated copy, rows in another
//! order) changes nearly every byte or the size, so a checksum of blocks spread over the file suffices. It misses a change
//! between two blocks, which docs/partials.md tells users.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::base::error::{Error, Finding, Result};
use crate::base::time::rfc3339;
use crate::formats::input_file;

/// Size up to which all bytes of a file are hashed.
const WHOLE: u64 = 8 << 20;

/// Bytes of each hashed block of a larger file.
const BLOCK: u64 = 64 << 10;

/// Number of hashed blocks of a larger file.
const BLOCKS: u64 = 64;

/// Fingerprint of a file. Size and checksum identify its content, and copies share them. Path and time are for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFingerprint {
    /// Absolute path. When serialized, parts that are not Unicode are replaced.
    #[serde(serialize_with = "readable")]
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change, RFC 3339, UTC. A copy can have another.
    pub modified: Option<String>,
    /// BLAKE3 (hex) of the size and of 64 evenly spread blocks, which include the first and the last bytes. For a small file,
    /// of the size and all bytes.
    pub checksum: String,
}

impl FileFingerprint {
    /// Computes the fingerprint of a file, or of the target of a link.
    ///
    /// # Errors
    /// `Input` if it can't be read or is not a regular file.
    pub fn of(path: &Path) -> Result<FileFingerprint> {
        let unreadable = |e: io::Error| Error::input(Finding::io("can't read an input file", path, &e));
        let hint = "name a file; several tasks can't read one pipe";
        let (file, metadata) = input_file::open_or_advise(path, hint).map_err(Error::input)?;
        Ok(FileFingerprint {
            path: std::path::absolute(path).map_err(unreadable)?,
            bytes: metadata.len(),
            modified: metadata.modified().ok().and_then(rfc3339),
            checksum: checksum(file, metadata.len()).map_err(unreadable)?,
        })
    }

    /// Whether both files have the same size and checksum.
    pub fn same_content(&self, other: &FileFingerprint) -> bool {
        self.bytes == other.bytes && self.checksum == other.checksum
    }
}

/// The checksum of a file of `size` bytes. The size is hashed first, since blocks alone would not cover a change of it.
fn checksum(mut file: File, size: u64) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    let mut buffer = Vec::new();
    let mut hash = |offset: u64, length: u64| {
        file.seek(SeekFrom::Start(offset))?;
        buffer.clear();
        file.by_ref().take(length).read_to_end(&mut buffer)?;
        if buffer.len() as u64 != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        hasher.update(&buffer);
        Ok(())
    };
    if size <= WHOLE {
        hash(0, size)?;
    } else {
        blocks(size).try_for_each(|offset| hash(offset, BLOCK))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Offsets of the blocks of a larger file: the first at 0, the last [`BLOCK`] bytes before the end, the others at equal
/// distances, rounded down.
fn blocks(size: u64) -> impl Iterator<Item = u64> {
    let (last, gaps) = (size - BLOCK, BLOCKS - 1);
    // `last * i / gaps` without overflow
    (0..BLOCKS).map(move |i| last / gaps * i + last % gaps * i / gaps)
}

/// Linux allows paths that JSON does not. The path is informative only, so such a path must not end a run.
fn readable<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_reach_both_ends_and_do_not_overlap() {
        for size in [WHOLE + 1, 10_000_019, 3 << 30, u64::MAX] {
            let offsets: Vec<u64> = blocks(size).collect();
            assert_eq!((offsets.len() as u64, offsets[0], offsets[63]), (BLOCKS, 0, size - BLOCK));
            for (i, pair) in offsets.windows(2).enumerate() {
                assert!(pair[1] - pair[0] >= BLOCK, "{size}: {pair:?}");
                let exact = u128::from(size - BLOCK) * (i as u128 + 1) / 63;
                assert_eq!(u128::from(pair[1]), exact);
            }
        }
    }
}
