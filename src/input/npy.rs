//! `.npy` headers and small matrices.

use std::io::Read;
use std::path::Path;

use crate::error::Finding;

/// What the header of a `.npy` file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// numpy's type string, such as `<f4`.
    pub descr: String,
    /// Whether the first index moves fastest.
    pub fortran_order: bool,
    /// Length of every axis.
    pub shape: Vec<u64>,
    /// Byte at which the data starts.
    pub data_offset: u64,
    /// Version of the format.
    pub version: (u8, u8),
}

/// Reads the header; leaves the reader at the data.
///
/// # Errors
/// When the file is no `.npy` file or its header can't be understood.
pub fn parse_header(reader: &mut impl Read, file: &Path) -> Result<Header, Finding> {
    let broken = |what: &str| Finding::new(format!("the .npy header can't be read: {what}")).file(file);
    let mut read = |len: usize| -> Result<Vec<u8>, Finding> {
        let mut bytes = vec![0; len];
        reader.read_exact(&mut bytes).map_err(|_| broken("the file is too short"))?;
        Ok(bytes)
    };
    let magic = read(8)?;
    if !magic.starts_with(b"\x93NUMPY") {
        return Err(broken("it doesn't start as one"));
    }
    let (len, prefix) = match magic[6] {
        1 => (read(2)?.iter().rev().fold(0_u64, |n, &b| n << 8 | u64::from(b)), 10),
        2 | 3 => (read(4)?.iter().rev().fold(0_u64, |n, &b| n << 8 | u64::from(b)), 12),
        _ => return Err(broken("its version is not known")),
    };
    let len = usize::try_from(len.min(1 << 20)).map_err(|_| broken("it is too long"))?;
    let text = String::from_utf8(read(len)?).map_err(|_| broken("it is not text"))?;
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start());
    let descr = after("'descr':").and_then(|rest| rest.split('\'').nth(1)).ok_or_else(|| broken("no descr"))?;
    let fortran_order = after("'fortran_order':").ok_or_else(|| broken("no fortran_order"))?.starts_with("True");
    let inside = after("'shape':").and_then(|rest| rest.strip_prefix('(')?.split(')').next());
    let shape = inside
        .ok_or_else(|| broken("no shape"))?
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_err(|_| broken("no shape")))
        .collect::<Result<_, _>>()?;
    let data_offset = prefix + len as u64;
    Ok(Header { descr: descr.to_owned(), fortran_order, shape, data_offset, version: (magic[6], magic[7]) })
}
