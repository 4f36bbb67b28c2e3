//! Bytes of a pickle, with every length checked against what is left of the file before anything is allocated.

use std::io::BufRead;
use std::path::Path;

use crate::error::Finding;

/// A result inside the decoder.
pub(crate) type Decoded<T> = Result<T, Finding>;

/// A reader that knows how many bytes are left.
pub(crate) struct Source<'f, R> {
    reader: R,
    file: &'f Path,
    position: u64,
    end: u64,
}

impl<'f, R: BufRead> Source<'f, R> {
    /// Reads `file` through `reader`, which stands at byte `position` of a file of `end` bytes.
    pub(crate) fn new(reader: R, file: &'f Path, position: u64, end: u64) -> Self {
        Source { reader, file, position, end }
    }

    /// The file that is read.
    pub(crate) fn file(&self) -> &'f Path {
        self.file
    }

    /// Size of the file in bytes.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes after the current position.
    pub(crate) fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// A finding about this file.
    pub(crate) fn finding(&self, what: impl Into<String>) -> Finding {
        Finding::new(what).file(self.file)
    }

    /// A finding about what lies just before the current position.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> Finding {
        let what = format!("{} (near byte {} of the file)", what.into(), self.position);
        Finding::new(what).file(self.file)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Decoded<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let mut bytes = [0; N];
        self.claim(N as u64)?;
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// The next `len` bytes. Refused before anything is allocated when the file is shorter.
    pub(crate) fn bytes(&mut self, len: u64) -> Decoded<Vec<u8>> {
        self.claim(len)?;
        let len = usize::try_from(len).map_err(|_| self.refuse("a value is larger than the address space"))?;
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes).map_err(|error| self.broken(&error))?;
        Ok(bytes)
    }

    /// Passes over `len` bytes.
    pub(crate) fn skip(&mut self, len: u64) -> Decoded<()> {
        self.claim(len)?;
        let mut left = len;
        while left > 0 {
            let available = match self.reader.fill_buf() {
                Ok([]) => return Err(self.truncated(left)),
                Ok(buffer) => buffer.len(),
                Err(error) => return Err(self.broken(&error)),
            };
            let step = usize::try_from(left).map_or(available, |left| left.min(available));
            self.reader.consume(step);
            left -= step as u64;
        }
        Ok(())
    }

    /// The bytes before the next line feed, which is consumed; at most `limit` of them.
    pub(crate) fn line(&mut self, limit: u64) -> Decoded<Vec<u8>> {
        let limit = limit.min(self.remaining());
        let mut line = Vec::new();
        let mut bounded = std::io::Read::take(&mut self.reader, limit);
        let read = bounded.read_until(b'\n', &mut line).map_err(|error| self.broken(&error))?;
        self.position += read as u64;
        if line.pop() != Some(b'\n') {
            return Err(match self.remaining() {
                0 => self.truncated(1),
                _ => self.refuse(format!("a text value is longer than {limit} bytes")),
            });
        }
        Ok(line)
    }

    #[inline]
    fn claim(&mut self, len: u64) -> Decoded<()> {
        if len > self.remaining() {
            return Err(self.truncated(len));
        }
        self.position += len;
        Ok(())
    }

    #[cold]
    fn truncated(&self, wanted: u64) -> Finding {
        Finding::new("the file ends before its pickle does")
            .file(self.file)
            .expected(format!("{wanted} more bytes at byte {}", self.position))
            .found(format!("a file of {} bytes", self.end))
            .hint("copy the file again, or write it again")
    }

    #[cold]
    fn broken(&self, error: &std::io::Error) -> Finding {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return self.truncated(1);
        }
        Finding::io("the file can't be read", self.file, error)
    }
}
