//! `.npz` files: zip archives of `.npy` arrays.
//!
//! A stored array is read in place. A deflated one has no positions to read from, so it is unpacked once, when the first row
//! is read, to a temporary file without a name. Its size is known before: that of the array's own header.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::data_file::{DataFile, ReadAt, read_exact_at};
use super::layout::{Layout, Place, check, element};
use super::npy::opened;
use super::pick::{Found, pick};
use super::row_file::{Candidate, Opened};
use super::spill::{self, Spill};
use super::zip::{self, Member, Method, damaged};
use crate::base::error::{Error, Finding};
use crate::base::signals;
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
    let mut bytes = BufReader::new(Window { file: &candidate.file, at: start, left: member.compressed });
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
    spill::check_room(&folder, member.bytes, path)?;
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
        folder,
        spill: OnceLock::new(),
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
    folder: PathBuf,
    spill: OnceLock<Result<Spill, Finding>>,
}

impl ReadAt for Deflated {
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        // other threads wait for the one that unpacks
        match self.spill.get_or_init(|| self.unpack()) {
            Ok(spill) => spill.read_exact_at(offset, out),
            Err(finding) => {
                signals::go_on()?;
                Err(Error::input(finding.clone()))
            }
        }
    }
}

impl Deflated {
    fn unpack(&self) -> Result<Spill, Finding> {
        let first = |error: Error| error.findings().kept().first().cloned().unwrap_or_default();
        spill::check_room(&self.folder, self.bytes, &self.path)?;
        let unreadable = |e: std::io::Error| Finding::io("the file can't be read", &self.path, &e);
        let file = File::open(&self.path).map_err(unreadable)?;
        let window = BufReader::with_capacity(CHUNK, Window { file: &file, at: self.start, left: self.compressed });
        let mut decoder = DeflateDecoder::new(window);
        let mut spill = Spill::create(&self.folder).map_err(first)?;
        let (mut crc, mut left) = (Crc::new(), self.bytes);
        let mut buffer = vec![0; CHUNK];
        // one byte more shows that the array is longer than its header says
        while let Ok(count) = decoder
            .read(&mut buffer)
            .and_then(|count| if count as u64 > left { Err(std::io::ErrorKind::InvalidData.into()) } else { Ok(count) })
        {
            if count == 0 {
                break;
            }
            left -= count as u64;
            crc.update(&buffer[..count]);
            spill.append(&buffer[..count]).map_err(first)?;
        }
        if left > 0 || crc.sum() != self.crc {
            return Err(damaged(&self.path, "a compressed array whose content is not what the directory says"));
        }
        Ok(spill)
    }
}

/// A part of a file, read from its start to its end.
struct Window<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        read_exact_at(self.file, Path::new(""), self.at, &mut out[..count]).map_err(std::io::Error::other)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
