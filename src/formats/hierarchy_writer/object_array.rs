//! Clusters as a NumPy object array of int64 arrays: a `.npy` header followed by a pickle.
//!
//! The pickle is what NumPy 1.x writes (protocol 3, module `numpy.core.multiarray`), because every NumPy from 1.17 on reads
//! it: 2.x knows the old name of the module, but most of 1.x doesn't know the new one (`numpy._core`).
//!
//! The array is always 1-D. Upstream's `np.array(list, dtype=object)` becomes a matrix of Python integers if all clusters
//! happen to have the same size, and then its readers get no arrays to index with.
//!
//! Values that every cluster uses (the function, the class, the dtype, `b"b"`) are stored in the memo once and fetched from
//! there. Nothing else is memoised, so a reader needs to keep nothing else.

use std::io::{self, Write};
use std::path::Path;

use super::array::{index_bytes, write_file};
use crate::base::error::Result;
use crate::formats::npy::header_bytes;
use crate::formats::pickle::Clusters;

/// Number of items appended to the list at a time, as in Python's pickler.
const BATCH: usize = 1000;

/// Slots of the memo.
const RECONSTRUCT: u8 = 0;
const NDARRAY: u8 = 1;
const LETTER: u8 = 2;
const DTYPE: u8 = 3;
const INT64: u8 = 4;

/// Opcodes, by the names of Python's `pickletools`.
mod op {
    pub(super) const MARK: u8 = b'(';
    pub(super) const STOP: u8 = b'.';
    pub(super) const BININT: u8 = b'J';
    pub(super) const BININT1: u8 = b'K';
    pub(super) const BININT2: u8 = b'M';
    pub(super) const LONG1: u8 = 0x8a;
    pub(super) const BINBYTES: u8 = b'B';
    pub(super) const SHORT_BINBYTES: u8 = b'C';
    pub(super) const BINBYTES8: u8 = 0x8e;
    pub(super) const REDUCE: u8 = b'R';
    pub(super) const BUILD: u8 = b'b';
    pub(super) const GLOBAL: u8 = b'c';
    pub(super) const APPENDS: u8 = b'e';
    pub(super) const BINGET: u8 = b'h';
    pub(super) const BINPUT: u8 = b'q';
    pub(super) const TUPLE: u8 = b't';
    pub(super) const EMPTY_LIST: u8 = b']';
    pub(super) const PROTO: u8 = 0x80;
    pub(super) const TUPLE1: u8 = 0x85;
    pub(super) const TUPLE3: u8 = 0x87;
    pub(super) const NEWTRUE: u8 = 0x88;
    pub(super) const NEWFALSE: u8 = 0x89;
}

/// Writes clusters as a `.npy` that `numpy.load(path, allow_pickle=True)` opens as an object array `[k]` of int64 arrays.
/// Needs no memory beyond that of `clusters`.
///
/// # Errors
/// Those of the disk, and a member of 2^63 or more.
pub fn write_clusters(path: &Path, clusters: &Clusters) -> Result<()> {
    write_file(path, |file| {
        file.write_all(&header_bytes("|O", &[clusters.len() as u64]))?;
        pickle(file, clusters)
    })
}

fn pickle(out: &mut impl Write, clusters: &Clusters) -> io::Result<()> {
    out.write_all(&[op::PROTO, 3])?;
    // creates an empty array; its state follows
    global(out, "numpy.core.multiarray", "_reconstruct", RECONSTRUCT)?;
    global(out, "numpy", "ndarray", NDARRAY)?;
    out.write_all(&[op::BININT1, 0, op::TUPLE1])?;
    out.write_all(&[op::SHORT_BINBYTES, 1, b'b', op::BINPUT, LETTER])?;
    out.write_all(&[op::TUPLE3, op::REDUCE])?;
    // version, shape, dtype, whether the order is Fortran's, items
    out.write_all(&[op::MARK, op::BININT1, 1])?;
    shape(out, clusters.len())?;
    global(out, "numpy", "dtype", DTYPE)?;
    // flags 63: it holds references that must be counted
    dtype(out, "O8", "|", 63)?;
    out.write_all(&[op::NEWFALSE, op::EMPTY_LIST])?;
    let mut written = 0;
    for members in clusters.iter() {
        if written % BATCH == 0 {
            out.write_all(if written == 0 { &[op::MARK] } else { &[op::APPENDS, op::MARK] })?;
        }
        array(out, members, written == 0)?;
        written += 1;
    }
    if written > 0 {
        out.write_all(&[op::APPENDS])?;
    }
    out.write_all(&[op::TUPLE, op::BUILD, op::STOP])
}

/// Writes one cluster. The `first` one also writes the dtype.
fn array(out: &mut impl Write, members: &[u64], first: bool) -> io::Result<()> {
    out.write_all(&[op::BINGET, RECONSTRUCT, op::BINGET, NDARRAY, op::BININT1, 0, op::TUPLE1])?;
    out.write_all(&[op::BINGET, LETTER, op::TUPLE3, op::REDUCE])?;
    out.write_all(&[op::MARK, op::BININT1, 1])?;
    shape(out, members.len())?;
    if first {
        out.write_all(&[op::BINGET, DTYPE])?;
        dtype(out, "i8", "<", 0)?;
        out.write_all(&[op::BINPUT, INT64])?;
    } else {
        out.write_all(&[op::BINGET, INT64])?;
    }
    out.write_all(&[op::NEWFALSE])?;
    let bytes = members.len() as u64 * 8;
    if let Ok(bytes) = u8::try_from(bytes) {
        out.write_all(&[op::SHORT_BINBYTES, bytes])?;
    } else if let Ok(bytes) = u32::try_from(bytes) {
        out.write_all(&[op::BINBYTES])?;
        out.write_all(&bytes.to_le_bytes())?;
    } else {
        // An opcode of protocol 4, which unpicklers accept in any protocol. No other can hold 4 GiB.
        out.write_all(&[op::BINBYTES8])?;
        out.write_all(&bytes.to_le_bytes())?;
    }
    members.iter().try_for_each(|&member| out.write_all(&index_bytes(member)?))?;
    out.write_all(&[op::TUPLE, op::BUILD])
}

/// Writes a global and stores it in the memo.
fn global(out: &mut impl Write, module: &str, name: &str, slot: u8) -> io::Result<()> {
    out.write_all(&[op::GLOBAL])?;
    out.write_all(format!("{module}\n{name}\n").as_bytes())?;
    out.write_all(&[op::BINPUT, slot])
}

/// Writes a dtype, made from the class on top of the stack. Its state is version, byte order, no fields, default size and
/// alignment, flags.
fn dtype(out: &mut impl Write, name: &str, order: &str, flags: u8) -> io::Result<()> {
    let none = [b'N'; 3];
    text(out, name)?;
    out.write_all(&[op::NEWFALSE, op::NEWTRUE, op::TUPLE3, op::REDUCE, op::MARK, op::BININT1, 3])?;
    text(out, order)?;
    out.write_all(&none)?;
    out.write_all(&[op::BININT, 0xff, 0xff, 0xff, 0xff, op::BININT, 0xff, 0xff, 0xff, 0xff])?;
    out.write_all(&[op::BININT1, flags, op::TUPLE, op::BUILD])
}

/// Writes a short string (BINUNICODE).
fn text(out: &mut impl Write, text: &str) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    out.write_all(b"X")?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(text.as_bytes())
}

/// Writes the shape of a 1-D array.
fn shape(out: &mut impl Write, length: usize) -> io::Result<()> {
    if let Ok(length) = u8::try_from(length) {
        out.write_all(&[op::BININT1, length])?;
    } else if let Ok(length) = u16::try_from(length) {
        out.write_all(&[op::BININT2])?;
        out.write_all(&length.to_le_bytes())?;
    } else if let Ok(length) = i32::try_from(length) {
        out.write_all(&[op::BININT])?;
        out.write_all(&length.to_le_bytes())?;
    } else {
        out.write_all(&[op::LONG1, 8])?;
        out.write_all(&index_bytes(length as u64)?)?;
    }
    out.write_all(&[op::TUPLE1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pickle::read_clusters;

    fn clusters(sizes: impl IntoIterator<Item = usize>) -> Clusters {
        let mut offsets = vec![0];
        for size in sizes {
            offsets.push(offsets.last().unwrap() + size as u64);
        }
        let count = *offsets.last().unwrap();
        Clusters::from_parts(offsets, (0..count).map(|member| member.wrapping_mul(0x9e37_79b9) % 1_000_003).collect())
    }

    #[test]
    fn our_reader_reads_the_clusters_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sorted_clusters.npy");
        let sizes: [&[usize]; 7] = [&[], &[0], &[0, 0, 0], &[1, 1, 1], &[5, 0, 31, 32, 300], &[70_000, 3], &[1; 2_001]];
        for sizes in sizes {
            let written = clusters(sizes.iter().copied());
            write_clusters(&path, &written).unwrap();
            assert_eq!(read_clusters(&path).unwrap(), written, "{} clusters", written.len());
        }
        let largest = Clusters::from_parts(vec![0, 1], vec![i64::MAX.unsigned_abs()]);
        write_clusters(&path, &largest).unwrap();
        assert_eq!(read_clusters(&path).unwrap(), largest);
    }

    #[test]
    fn a_member_beyond_int64_is_refused_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sorted_clusters.npy");
        write_clusters(&path, &Clusters::from_parts(vec![0, 1], vec![1 << 63])).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
