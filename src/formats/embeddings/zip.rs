//! The directory of a zip archive, as far as `.npz` files need it.
//!
//! Format: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3 (Zip64, which NumPy always writes for the size of a member).

use std::fs::File;
use std::path::Path;

use super::data_file::read_up_to_at;
use crate::base::error::Finding;

/// Largest directory that is read. One of 100,000 arrays takes 10 MB.
const MAX_DIRECTORY: u64 = 64 << 20;

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// As it is.
    Stored,
    /// Compressed by Deflate.
    Deflated,
    /// Something else, or encrypted.
    Other,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) bytes: u64,
    /// Byte of the member's own header.
    header: u64,
}

/// The members of an archive of `bytes` bytes.
pub(super) fn members(file: &File, path: &Path, bytes: u64) -> Result<Vec<Member>, Finding> {
    let (at, size) = directory(file, path, bytes)?;
    if size > MAX_DIRECTORY || at.checked_add(size).is_none_or(|end| end > bytes) {
        return Err(damaged(path, "a directory outside the file"));
    }
    let directory = read_up_to_at(file, path, at, usize::try_from(size).unwrap_or(0))?;
    let mut rest = directory.as_slice();
    let mut members = Vec::new();
    while rest.starts_with(b"PK\x01\x02") {
        let (member, length) = entry(rest).ok_or_else(|| damaged(path, "a directory that ends early"))?;
        members.push(member);
        rest = &rest[length..];
    }
    Ok(members)
}

/// Where a member's bytes start.
pub(super) fn data_offset(file: &File, path: &Path, bytes: u64, member: &Member) -> Result<u64, Finding> {
    let header = read_up_to_at(file, path, member.header, 30)?;
    if header.len() < 30 || !header.starts_with(b"PK\x03\x04") {
        return Err(damaged(path, "no member where the directory says"));
    }
    let start = member.header + 30 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
    match start.checked_add(member.compressed) {
        Some(end) if end <= bytes => Ok(start),
        _ => Err(damaged(path, "a member that reaches beyond the file")),
    }
}

/// Position and size of the directory.
fn directory(file: &File, path: &Path, bytes: u64) -> Result<(u64, u64), Finding> {
    // the end record may be followed by a comment of up to 65,535 bytes
    let from = bytes.saturating_sub(22 + 0xffff + 20);
    let tail = read_up_to_at(file, path, from, usize::try_from(bytes - from).unwrap_or(0))?;
    let end = tail.windows(4).rposition(|window| window == b"PK\x05\x06").filter(|end| tail.len() - end >= 22);
    let Some(end) = end else {
        return Err(damaged(path, "no directory at its end")
            .hint("the file was cut off or is still being written: copy or write it again"));
    };
    let (size, offset) = (u32_at(&tail, end + 12), u32_at(&tail, end + 16));
    let locator = end.checked_sub(20).filter(|&at| tail[at..].starts_with(b"PK\x06\x07"));
    match locator {
        Some(locator) => {
            let record = read_up_to_at(file, path, u64_at(&tail, locator + 8), 56)?;
            if record.len() < 56 || !record.starts_with(b"PK\x06\x06") {
                return Err(damaged(path, "no Zip64 record where it should be"));
            }
            Ok((u64_at(&record, 48), u64_at(&record, 40)))
        }
        None => Ok((offset.into(), size.into())),
    }
}

/// The first entry of a directory, and its length.
fn entry(bytes: &[u8]) -> Option<(Member, usize)> {
    if bytes.len() < 46 {
        return None;
    }
    let length = |at: usize| usize::from(u16_at(bytes, at));
    let (name, extra, comment) = (length(28), length(30), length(32));
    let end = 46 + name + extra + comment;
    let name = String::from_utf8_lossy(bytes.get(46..46 + name)?).into_owned();
    let extra = bytes.get(46 + length(28)..46 + length(28) + extra)?;
    bytes.get(..end)?;
    let mut large = zip64(extra);
    let mut wide = |short: u32| if short == u32::MAX { large.next() } else { Some(short.into()) };
    let size = wide(u32_at(bytes, 24))?;
    let compressed = wide(u32_at(bytes, 20))?;
    let header = wide(u32_at(bytes, 42))?;
    let encrypted = u16_at(bytes, 8) & 1 == 1;
    let method = match u16_at(bytes, 10) {
        0 if !encrypted => Method::Stored,
        8 if !encrypted => Method::Deflated,
        _ => Method::Other,
    };
    Some((Member { name, method, crc: u32_at(bytes, 16), compressed, bytes: size, header }, end))
}

/// The 64-bit sizes among the extra fields.
fn zip64(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut found: &[u8] = &[];
    while extra.len() >= 4 {
        let length = usize::from(u16_at(extra, 2)).min(extra.len() - 4);
        if u16_at(extra, 0) == 1 {
            found = &extra[4..4 + length];
        }
        extra = &extra[4 + length..];
    }
    found.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

pub(super) fn damaged(path: &Path, found: &str) -> Finding {
    let finding =
        Finding::new("the .npz archive is damaged").file(path).expected("what numpy.savez writes").found(found);
    finding.hint("copy the file again, or write it again")
}
