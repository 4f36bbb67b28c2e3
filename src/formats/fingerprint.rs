//! What makes an input the same one, wherever it lies.
//!
//! Embeddings are files of up to terabytes on a shared disk: a checksum of everything would cost each of a thousand
//! tasks another pass over them. What happens to such files in practice (another model, a conversion, a copy that was cut
//! off, rows in another order) changes nearly every byte or the size, so blocks spread over the file tell. A change that
//! lies between the blocks is not noticed; docs/partials.md says so to users.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};

use crate::base::error::{Error, Finding, Result};

/// Files up to this size, in bytes, are looked at as a whole.
const WHOLE: u64 = 8 << 20;

/// Bytes looked at in one place of a larger file.
const BLOCK: u64 = 64 << 10;

/// How many places those are.
const BLOCKS: u64 = 64;

/// A file by its content, which a copy of it shares, and by where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFingerprint {
    /// Where it was found, absolute. In a record, what is no Unicode of it is replaced.
    #[serde(serialize_with = "readable")]
    pub path: PathBuf,
    /// Size.
    pub bytes: u64,
    /// Last change, RFC 3339, UTC; tells nothing of a copy.
    pub modified: Option<String>,
    /// BLAKE3 (hex) of the size and of 64 blocks spread evenly over the file, the first and the last bytes among them; of
    /// everything where the file is small.
    pub checksum: String,
}

impl FileFingerprint {
    /// Looks at a file, or what a link leads to.
    ///
    /// # Errors
    /// `Input` where it can't be read or is no file.
    pub fn of(path: &Path) -> Result<FileFingerprint> {
        let unreadable = |e: io::Error| Error::input(Finding::io("can't read an input file", path, &e));
        // asked before it is opened: opening a named pipe would wait for whoever writes it
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Error::input(
                Finding::new("an input is no regular file")
                    .file(path)
                    .found(if metadata.is_dir() { "a folder" } else { "a pipe or a device" })
                    .hint("name a file; a pipe can't be read by several tasks"),
            ));
        }
        Ok(FileFingerprint {
            path: std::path::absolute(path).map_err(unreadable)?,
            bytes: metadata.len(),
            modified: metadata.modified().ok().and_then(rfc3339),
            checksum: checksum(path, metadata.len()).map_err(unreadable)?,
        })
    }

    /// Whether both have the same content, as far as looked at.
    pub fn same_content(&self, other: &FileFingerprint) -> bool {
        self.bytes == other.bytes && self.checksum == other.checksum
    }
}

/// The checksum of a file of `size` bytes. The size comes first: blocks alone don't tell what lies between them.
fn checksum(path: &Path, size: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    let mut buffer = Vec::new();
    let mut look = |offset: u64, length: u64| {
        file.seek(SeekFrom::Start(offset))?;
        buffer.clear();
        file.by_ref().take(length).read_to_end(&mut buffer)?;
        if buffer.len() as u64 != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        hasher.update(&buffer);
        Ok(())
    };
    if size <= WHOLE {
        look(0, size)?;
    } else {
        blocks(size).try_for_each(|offset| look(offset, BLOCK))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Where the blocks of a larger file begin: the first at 0, the last [`BLOCK`] bytes before the end, the others at equal
/// distances, rounded down.
fn blocks(size: u64) -> impl Iterator<Item = u64> {
    let (last, gaps) = (size - BLOCK, BLOCKS - 1);
    // `last * i / gaps` without its overflow
    (0..BLOCKS).map(move |i| last / gaps * i + last % gaps * i / gaps)
}

/// A time as text; `None` for one that the format can't say (before 1970, after 9999).
fn rfc3339(time: SystemTime) -> Option<String> {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok().filter(|since| *since < YEAR_10000);
    since.map(|_| humantime::format_rfc3339_seconds(time).to_string())
}

/// Linux allows names that JSON does not. The path is there for people, so such a name must not end a run.
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

    #[test]
    fn times_that_can_not_be_said_are_left_out() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(rfc3339(epoch).as_deref(), Some("1970-01-01T00:00:00Z"));
        let last = epoch + Duration::from_secs(253_402_300_799);
        assert_eq!(rfc3339(last).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(rfc3339(last + Duration::from_secs(1)), None);
        assert_eq!(rfc3339(epoch - Duration::from_secs(1)), None);
    }
}
