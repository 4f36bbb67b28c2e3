//! `.npz` files: zip archives of `.npy` arrays.
//!
//! A stored array is read in place. A deflated one has no positions to read from, so it is unpacked once, when the first row
//! is read, to a temporary file without a name. Its size is known before: that of the array's own header.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::data_file::{DataFile, ReadAt, read_exact_at};
use super::layout::{Layout, Place, check, element};
use super::npy::opened;
use super::pick::{Found, pick};
use super::row_file::{Candidate, Opened};
use super::spill::{self, Lazy, Spill};
use super::zip::{self, Member, Method, damaged};
use crate::base::error::{Error, Finding};
use crate::formats::npy::{Header, parse_header};

/// Deflate can't shrink by more than this factor.
const MOST_SHRINKING: u64 = 1032;

/// Bytes inflated at a time.
const CHUNK: usize = 1 << 20;

/// Arrays whose headers are read to find the only matrix.
const MOST_ARRAYS: usize = 10_000;

/// Whether the file starts as a zip archive does.
pub(super) fn recognises(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// Opens the array that the options name, or the only matrix.
pub(super) fn open(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let path = candidate.path;
    let mut members = zip::members(&candidate.file, path, candidate.bytes)?;
    members.retain(|member| member.name.ends_with(".npy"));
    let names: Vec<String> = members.iter().map(|member| array_name(member).to_owned()).collect();
    if let Some(name) = candidate.options.array.as_deref() {
        members.retain(|member| array_name(member) == name || member.name == name);
    } else {
        members.truncate(MOST_ARRAYS);
    }
    let mut headers = Vec::new();
    for member in members {
        let header = header_of(&candidate, &member)?;
        let is_matrix = header.shape.len() == 2 && element(&header, candidate.options).is_some();
        let shown = format!("{} of {}", header.shape_text(), header.descr);
        headers.push(Found { name: array_name(&member).to_owned(), shown, is_matrix, of: (member, header) });
    }
    let (name, (member, header)) = pick(path, headers, &names, candidate.options)?;
    let layout = check(&header, Place { path, member: Some(&name) }, candidate.options)?;
    let opened = match member.method {
        Method::Stored => stored(candidate, &member, &header, layout)?,
        _ => deflated(candidate, &member, &header, layout)?,
    };
    Ok(Opened { array: Some(name), ..opened })
}

fn array_name(member: &Member) -> &str {
    member.name.strip_suffix(".npy").unwrap_or(&member.name)
}

/// The header of an array.
fn header_of(candidate: &Candidate<'_>, member: &Member) -> Result<Header, Finding> {
    let path = candidate.path;
    let start = zip::data_offset(&candidate.file, path, candidate.bytes, member)?;
    let mut bytes = BufReader::new(Window { file: &candidate.file, path, at: start, left: member.compressed });
    match member.method {
        Method::Stored => parse_header(&mut bytes, path),
        Method::Deflated => parse_header(&mut DeflateDecoder::new(bytes), path),
        Method::Other => {
            let finding = Finding::new("an array of the .npz file can't be read").file(path);
            let finding = finding
                .expected("arrays that are stored or deflated")
                .found(format!("`{}`, which is encrypted or compressed otherwise", array_name(member)));
            Err(finding.hint("write it again with numpy.savez"))
        }
    }
}

fn stored(candidate: Candidate<'_>, member: &Member, header: &Header, layout: Layout) -> Result<Opened, Finding> {
    if member.compressed != member.bytes {
        return Err(damaged(candidate.path, "a stored array of two sizes"));
    }
    header.check_length(layout.element.size(), member.bytes, candidate.path)?;
    let start = zip::data_offset(&candidate.file, candidate.path, candidate.bytes, member)?;
    let offset = start + header.data_offset;
    Ok(opened(layout, offset, Box::new(DataFile::new(candidate))))
}

fn deflated(candidate: Candidate<'_>, member: &Member, header: &Header, layout: Layout) -> Result<Opened, Finding> {
    let path = candidate.path;
    header.check_length(layout.element.size(), member.bytes, path)?;
    if member.bytes / MOST_SHRINKING > member.compressed {
        let found = format!("{} bytes that claim to hold {}", member.compressed, member.bytes);
        return Err(damaged(path, &found));
    }
    let folder = spill::folder(candidate.options.scratch.as_deref());
    let start = zip::data_offset(&candidate.file, path, candidate.bytes, member)?;
    let note = format!(
        "{} is compressed: its {} bytes are unpacked to a temporary file in {} first; numpy.savez, without compression, is read in place",
        path.display(),
        member.bytes,
        folder.display()
    );
    let inflated = Deflated {
        path: path.to_owned(),
        start,
        compressed: member.compressed,
        bytes: member.bytes,
        crc: member.crc,
        spill: Lazy::new(folder, member.bytes, path)?,
    };
    Ok(Opened { note: Some(note), ..opened(layout, header.data_offset, Box::new(inflated)) })
}

/// A deflated array, unpacked at the first read.
#[derive(Debug)]
struct Deflated {
    path: PathBuf,
    start: u64,
    compressed: u64,
    bytes: u64,
    crc: u32,
    spill: Lazy,
}

impl ReadAt for Deflated {
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.spill.read_exact_at(offset, out, |spill| self.unpack(spill))
    }

    fn is_unpacked(&self) -> bool {
        true
    }
}

impl Deflated {
    fn unpack(&self, spill: &mut Spill) -> Result<(), Error> {
        let wrong =
            || Error::input(damaged(&self.path, "a compressed array whose content is not what the directory says"));
        let failed = |e: io::Error| match e.kind() {
            // what the decoder says of damaged content
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => wrong(),
            _ => Error::io("the file can't be read", &self.path, &e),
        };
        let file = File::open(&self.path).map_err(failed)?;
        let window = Window { file: &file, path: &self.path, at: self.start, left: self.compressed };
        let mut decoder = DeflateDecoder::new(BufReader::with_capacity(CHUNK, window));
        let (mut crc, mut left) = (Crc::new(), self.bytes);
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = decoder.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            // an array that is longer than its header says is not written further
            left = left.checked_sub(count as u64).ok_or_else(wrong)?;
            crc.update(&buffer[..count]);
            spill.append(&buffer[..count])?;
        }
        if left == 0 && crc.sum() == self.crc { Ok(()) } else { Err(wrong()) }
    }
}

/// A part of a file, read from its start to its end.
struct Window<'a> {
    file: &'a File,
    path: &'a Path,
    at: u64,
    left: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        read_exact_at(self.file, self.path, self.at, &mut out[..count]).map_err(io::Error::other)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
