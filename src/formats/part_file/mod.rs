//! The file format of partial results and checkpoints: named arrays and a JSON header, all covered by checksums.
//!
//! A file gets its name only once it is complete, and nothing in it is used before its checksum has been verified: a batch
//! job can be killed at any byte, and some failures of a file system show only on reading. The directory of arrays comes
//! after them, so that arrays can be streamed without a copy in memory and without a count in advance. docs/partials.md
//! specifies the format byte by byte.

mod reader;
mod writer;

use serde::{Deserialize, Serialize};

pub use reader::PartFile;
pub use writer::Writer;

#[cfg(target_endian = "big")]
compile_error!("part files are little endian on disk and are written as they lie in memory");

/// The first bytes of every file. They contain the version of the layout.
const MAGIC: &[u8; 32] = b"clustrata part file, version  1\n";

/// Offset of the version in [`MAGIC`].
const VERSION: usize = 29;

/// Arrays start at multiples of this number of bytes.
const ALIGNMENT: u64 = 8;

/// Bytes of the directory's length at the end of the file, before the checksum.
const LENGTH: usize = size_of::<u64>();

/// Bytes after the directory: its length and the checksum.
const TRAILER: usize = LENGTH + blake3::OUT_LEN;

/// Bytes read, hashed and held at a time.
const CHUNK: usize = 1 << 20;

/// An element type of arrays.
pub trait Element: bytemuck::Pod + sealed::Sealed {
    /// The type as recorded in the file.
    const TYPE: ElementType;
}

/// The element types of arrays, all little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 8 bytes.
    U64,
    /// IEEE 754, 4 bytes.
    F32,
    /// IEEE 754, 8 bytes.
    F64,
}

impl ElementType {
    fn bytes(self) -> u64 {
        match self {
            ElementType::U32 | ElementType::F32 => 4,
            ElementType::U64 | ElementType::F64 => 8,
        }
    }
}

mod sealed {
    /// Restricts [`super::Element`] to the types of the format.
    pub trait Sealed {}
}

macro_rules! elements {
    ($($number:ty => $name:ident),*) => {$(
        impl sealed::Sealed for $number {}
        impl Element for $number {
            const TYPE: ElementType = ElementType::$name;
        }
    )*};
}
elements!(u32 => U32, u64 => U64, f32 => F32, f64 => F64);

/// The JSON after the arrays.
#[derive(Debug, Serialize, Deserialize)]
struct Directory {
    header: serde_json::Value,
    arrays: Vec<Entry>,
}

/// One array.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    name: String,
    #[serde(rename = "type")]
    element: ElementType,
    /// Offset of its first byte in the file.
    offset: u64,
    /// Number of elements.
    length: u64,
    /// BLAKE3 (hex) of its bytes.
    checksum: String,
}

impl Entry {
    /// Offset of the byte after it. `None` if it exceeds 64 bits.
    fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length.checked_mul(self.element.bytes())?)
    }
}

/// The checksum at the end of the file. It covers all bytes that the checksums of the arrays do not.
fn checksum_of_directory(directory: &[u8], length: [u8; LENGTH]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(MAGIC).update(directory).update(&length);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_at_its_offset() {
        assert_eq!(&MAGIC[VERSION..], b" 1\n");
    }
}
