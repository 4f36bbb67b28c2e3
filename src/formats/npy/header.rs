//! The header of a `.npy` file.

use std::io::Read;
use std::path::Path;

use super::literal;
use crate::base::error::Finding;

/// The first bytes of a `.npy` file.
pub(in crate::formats) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Most headers take a hundred bytes. One with a long record type can take a few kilobytes.
const MAX_HEADER_BYTES: u32 = 1 << 20;

/// The header of a `.npy` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// NumPy's name of the element type, such as `<f4`, `|O` or `<U12`. For a record type, the text in the file.
    pub descr: String,
    /// Whether the first index varies fastest in the file.
    pub fortran_order: bool,
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// Byte at which the data starts.
    pub data_offset: u64,
    /// Version of the format, such as (1, 0).
    pub version: (u8, u8),
}

/// Byte order of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first, NumPy `<`.
    Little,
    /// Most significant byte first, NumPy `>`.
    Big,
}

impl ByteOrder {
    /// The byte order of this machine.
    pub const NATIVE: ByteOrder = if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };
}

/// The parts of a simple element type: `<f4` is kind `f`, 4 bytes, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// NumPy's letter: `f` float, `i` and `u` integers, `b` bool, `O` objects, `U` text ...
    pub kind: char,
    /// The number after the letter: bytes of one element; characters for `U`; 0 for `O`.
    pub size: usize,
    /// Byte order.
    pub order: ByteOrder,
}

/// Reads a header and leaves the reader at the start of the data. `file` is used in messages only.
///
/// # Errors
/// Not a `.npy` file, an unknown version, or a header that ends early, is longer than 1 MiB or is malformed.
pub fn parse_header(reader: &mut impl Read, file: &Path) -> Result<Header, Finding> {
    let start = read_up_to(reader, 8, file)?;
    let version = match start.strip_prefix(MAGIC) {
        Some(&[major @ 1..=3, minor]) => (major, minor),
        Some(&[major, minor]) => {
            let hint = "write it again with numpy.save";
            let found = format!("version {major}.{minor}");
            return Err(broken(file).expected("version 1.0, 2.0 or 3.0").found(found).hint(hint));
        }
        _ => return Err(not_npy(&start, file)),
    };
    let length_bytes: u8 = if version.0 == 1 { 2 } else { 4 };
    let length = read_up_to(reader, length_bytes.into(), file)?
        .iter()
        .rev()
        .fold(0_u32, |length, &byte| (length << 8) | u32::from(byte));
    if length > MAX_HEADER_BYTES {
        let expected = format!("a header of at most {MAX_HEADER_BYTES} bytes");
        return Err(broken(file).expected(expected).found(format!("{length} bytes")));
    }
    let bytes = read_up_to(reader, length.into(), file)?;
    if bytes.len() as u64 != u64::from(length) {
        let found = format!("{} bytes, then the end of the file", bytes.len());
        return Err(broken(file).expected(format!("a header of {length} bytes")).found(found).hint(CUT_OFF));
    }
    let text = if version.0 == 3 {
        String::from_utf8(bytes).map_err(|_| broken(file).expected("UTF-8").found("other bytes"))?
    } else {
        bytes.into_iter().map(char::from).collect()
    };
    let fields = literal::parse(&text).map_err(|wrong| broken(file).found(wrong))?;
    Ok(Header {
        descr: fields.descr,
        fortran_order: fields.fortran_order,
        shape: fields.shape,
        data_offset: 8 + u64::from(length_bytes) + u64::from(length),
        version,
    })
}

const CUT_OFF: &str = "the file was cut off or is still being written: copy or write it again";

fn broken(file: &Path) -> Finding {
    Finding::new("the .npy header can't be read").file(file)
}

/// Refuses another kind of file, and names the common ones by their first bytes.
fn not_npy(start: &[u8], file: &Path) -> Finding {
    let (found, hint) = match start {
        [] => ("an empty file", CUT_OFF),
        [b'P', b'K', ..] => ("a .npz or zip archive", "save the one array in it with numpy.save"),
        [0x80, 1..=5, ..] => ("a pickle", "save the array with numpy.save, without pickling"),
        _ if MAGIC.starts_with(start) => ("the start of one", CUT_OFF),
        _ => ("other content", "name a file that numpy.save wrote"),
    };
    Finding::new("not a .npy file").file(file).expected("the first bytes \\x93NUMPY").found(found).hint(hint)
}

/// Reads `count` bytes, or fewer if the file ends before.
fn read_up_to(reader: &mut impl Read, count: u64, file: &Path) -> Result<Vec<u8>, Finding> {
    let mut bytes = Vec::new();
    reader.take(count).read_to_end(&mut bytes).map_err(|e| Finding::io("the file can't be read", file, &e))?;
    Ok(bytes)
}

/// A shape as Python writes it.
pub(super) fn shape_text(shape: &[u64]) -> String {
    match shape {
        [one] => format!("({one},)"),
        many => format!("({})", many.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl Header {
    /// The parts of the element type. `None` for a record type or a type with a unit such as `<M8[ns]`.
    pub fn element(&self) -> Option<Element> {
        let native = ByteOrder::NATIVE;
        let (order, rest) = match self.descr.split_at_checked(1)? {
            ("<", rest) => (ByteOrder::Little, rest),
            (">", rest) => (ByteOrder::Big, rest),
            ("|" | "=", rest) => (native, rest),
            _ => (native, self.descr.as_str()),
        };
        let kind = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        let size = match &rest[1..] {
            "" if kind == 'O' => 0,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            _ => return None,
        };
        Some(Element { kind, size, order })
    }

    /// The shape as Python writes it, for messages.
    pub fn shape_text(&self) -> String {
        shape_text(&self.shape)
    }

    /// Bytes of the data, for elements of `element_bytes`. `None` if they exceed 64 bits.
    pub fn data_bytes(&self, element_bytes: usize) -> Option<u64> {
        let element_bytes = u64::try_from(element_bytes).ok()?;
        self.shape.iter().try_fold(element_bytes, |product, &length| product.checked_mul(length))
    }

    /// Bytes of the data. Refuses a file whose length, `file_bytes`, is not that of header and data together.
    pub fn check_length(&self, element_bytes: usize, file_bytes: u64, file: &Path) -> Result<u64, Finding> {
        let data = self.data_bytes(element_bytes);
        let total = data.and_then(|data| data.checked_add(self.data_offset));
        let (Some(data), Some(total)) = (data, total) else {
            let found = format!("shape {}, more bytes than 64 bits can count", self.shape_text());
            let expected = format!("a shape that fits the file's {file_bytes} bytes");
            return Err(Finding::new("the header's shape is impossible").file(file).expected(expected).found(found));
        };
        if file_bytes == total {
            return Ok(data);
        }
        let (what, hint) = if file_bytes < total {
            ("the file is shorter than its header says", CUT_OFF)
        } else {
            ("the file is longer than its header says", "write it again with numpy.save, or name the right file")
        };
        let expected = format!("{total} bytes, for shape {} of {}", self.shape_text(), self.descr);
        Err(Finding::new(what).file(file).expected(expected).found(format!("{file_bytes} bytes")).hint(hint))
    }
}
