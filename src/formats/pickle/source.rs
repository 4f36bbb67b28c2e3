//! The bytes of a pickle. Every length is checked against the rest of the file before anything is allocated.

use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::base::error::Finding;
use crate::base::numeric::to_usize;
use crate::formats::input_file::BUFFER;

/// A result inside the decoder.
pub(crate) type Decoded<T> = Result<T, Finding>;

/// A reader that tracks how many bytes remain. It has its own buffer, because a pickle is read byte by byte.
pub(crate) struct Source<'f, R> {
    reader: R,
    file: &'f Path,
    /// Position of the first byte of `buffer` in the file.
    base: u64,
    /// Size of the file.
    end: u64,
    buffer: Vec<u8>,
    /// Number of consumed bytes of `buffer`.
    consumed: usize,
}

impl<'f, R: Read> Source<'f, R> {
    /// A source for `file`. `reader` is at byte `position` of its `end` bytes.
    pub(crate) fn new(reader: R, file: &'f Path, position: u64, end: u64) -> Self {
        Source { reader, file, base: position, end, buffer: Vec::new(), consumed: 0 }
    }

    /// Path of the file.
    pub(crate) fn file(&self) -> &'f Path {
        self.file
    }

    /// Size of the file in bytes.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes after the current position.
    pub(crate) fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position())
    }

    /// A finding about this file.
    pub(crate) fn finding(&self, what: impl Into<String>) -> Finding {
        Finding::new(what).file(self.file)
    }

    /// A finding about the bytes just before the current position.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> Finding {
        self.finding(format!("{} (near byte {} of the file)", what.into(), self.position()))
    }

    /// The next byte.
    #[inline]
    pub(crate) fn byte(&mut self) -> Decoded<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        if let Some(bytes) = self.buffer[self.consumed..].first_chunk() {
            self.consumed += N;
            return Ok(*bytes);
        }
        self.array_over_edge()
    }

    /// The next `N` bytes, if some of them are not buffered yet.
    #[cold]
    fn array_over_edge<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let mut bytes = [0; N];
        self.check(N as u64)?;
        for byte in &mut bytes {
            *byte = self.buffered()?[0];
            self.consumed += 1;
        }
        Ok(bytes)
    }

    /// The next `len` bytes. If the file is shorter, this fails before anything is allocated.
    pub(crate) fn bytes(&mut self, len: u64) -> Decoded<Vec<u8>> {
        self.check(len)?;
        let len = to_usize(len);
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let buffered = self.buffered()?;
            let step = buffered.len().min(len - bytes.len());
            bytes.extend_from_slice(&buffered[..step]);
            self.consumed += step;
        }
        Ok(bytes)
    }

    /// Skips `len` bytes.
    pub(crate) fn skip(&mut self, len: u64) -> Decoded<()> {
        self.check(len)?;
        let mut left = len;
        while left > 0 {
            let available = self.buffered()?.len();
            let step = to_usize(left).min(available);
            self.consumed += step;
            left -= step as u64;
        }
        Ok(())
    }

    /// The bytes before the next line feed, at most `limit`. Also consumes the line feed.
    pub(crate) fn line(&mut self, limit: u64) -> Decoded<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            self.check(1)?;
            let buffered = self.buffered()?;
            let (part, found) = match buffered.iter().position(|&byte| byte == b'\n') {
                Some(at) => (&buffered[..at], true),
                None => (buffered, false),
            };
            if line.len() as u64 + part.len() as u64 > limit {
                return Err(self.refuse(format!("a text value is longer than {limit} bytes")));
            }
            line.extend_from_slice(part);
            self.consumed += part.len() + usize::from(found);
            if found {
                return Ok(line);
            }
        }
    }

    fn position(&self) -> u64 {
        self.base + self.consumed as u64
    }

    /// Refuses a length beyond the rest of the file.
    #[inline]
    fn check(&self, len: u64) -> Decoded<()> {
        if len > self.remaining() { Err(self.truncated(len)) } else { Ok(()) }
    }

    /// The buffered bytes from the current position on, at least one.
    fn buffered(&mut self) -> Decoded<&[u8]> {
        if self.consumed == self.buffer.len() {
            self.base += self.consumed as u64;
            self.consumed = 0;
            let len = to_usize(self.remaining()).min(BUFFER);
            self.buffer.resize(len, 0);
            let read = loop {
                match self.reader.read(&mut self.buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(self.truncated(1)),
                Ok(_) => {}
                Err(error) => return Err(Finding::io("the file can't be read", self.file, &error)),
            }
        }
        Ok(&self.buffer[self.consumed..])
    }

    #[cold]
    fn truncated(&self, wanted: u64) -> Finding {
        Finding::new("the file ends before its pickle does")
            .file(self.file)
            .expected(format!("{wanted} more bytes at byte {}", self.position()))
            .found(format!("a file of {} bytes", self.end))
            .hint("copy the file again, or write it again")
    }
}
