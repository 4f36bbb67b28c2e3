//! The files that partial results and checkpoints lie in: named arrays and a JSON header, with checksums of everything.
//!
//! A file appears under its name only when it is complete, and nothing in it is believed before its checksum has been
//! compared: a batch job is killed at any byte, and a file system that is full or gone shows itself on reading. What
//! describes the arrays stands behind them, so that they are written as they come, without a second copy in memory or
//! a count in advance. docs/partials.md has the format byte by byte.

mod reader;
mod writer;

use serde::{Deserialize, Serialize};

pub use reader::PartFile;
pub use writer::Writer;

#[cfg(target_endian = "big")]
compile_error!("part files are little endian on disk and are written as they lie in memory");

/// The first bytes of every file. Another layout has another number.
const MAGIC: &[u8; 32] = b"clustrata part file, version  1\n";

/// Where the number begins in [`MAGIC`].
const VERSION: usize = 29;

/// Arrays begin at multiples of this many bytes.
const ALIGNMENT: u64 = 8;

/// Bytes of the directory's length at the end of the file, before the checksum.
const LENGTH: usize = size_of::<u64>();

/// Bytes of what follows the directory.
const TRAILER: usize = LENGTH + blake3::OUT_LEN;

/// How much is read, hashed and held at a time.
const CHUNK: usize = 1 << 20;

/// A number that arrays are made of.
pub trait Element: bytemuck::Pod + sealed::Sealed {
    /// How the file names it.
    const TYPE: ElementType;
}

/// The types of array elements; all little endian.
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
    /// Keeps [`super::Element`] to the types that the format has.
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

/// What stands behind the arrays, as JSON.
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
    /// Of its first byte in the file.
    offset: u64,
    /// In elements.
    length: u64,
    /// BLAKE3 of its bytes, in hex.
    checksum: String,
}

impl Entry {
    /// Where the file goes on after it; `None` where no file can be that long.
    fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length.checked_mul(self.element.bytes())?)
    }
}

/// The checksum at the end of the file: of all that the arrays' own do not cover.
fn checksum_of_directory(directory: &[u8], length: [u8; LENGTH]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(MAGIC).update(directory).update(&length);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_where_it_is_looked_for() {
        assert_eq!(&MAGIC[VERSION..], b" 1\n");
    }
}
