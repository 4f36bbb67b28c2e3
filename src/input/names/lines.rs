//! Names in text: a path per line, or a `.csv` with a header.

use std::cell::Cell;
use std::io::{BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use super::{Picked, unreadable};
use crate::error::Finding;

/// Longest line, and longest record of a `.csv`, in bytes. A file without line ends must not be read into memory.
const MAX_LINE: u64 = 1 << 20;

/// Passes the lines of a text file; returns their number.
///
/// # Errors
/// When the file can't be read, or a line is empty, too long or not UTF-8. Empty lines at the end are no names.
pub(super) fn read_text(mut reader: impl BufRead, file: &Path, picked: &mut Picked<'_>) -> Result<u64, Finding> {
    let mut line = Vec::new();
    let mut empty_since = None;
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(file, &error))? == 0 {
            return Ok(picked.seen);
        }
        let at = picked.seen;
        if line.len() as u64 > MAX_LINE {
            return Err(bad_line(file, at, format!("more than {MAX_LINE} bytes without a line end")));
        }
        let text = std::str::from_utf8(&line).map_err(|_| bad_line(file, at, "bytes that are not UTF-8".to_owned()))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        // Notepad and Excel begin UTF-8 with a byte order mark.
        let text = if at == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if text.is_empty() {
            empty_since.get_or_insert(at);
        } else if let Some(at) = empty_since {
            return Err(bad_line(file, at, "an empty line".to_owned()));
        } else {
            picked.pass(text, None);
        }
    }
}

fn bad_line(file: &Path, at: u64, found: String) -> Finding {
    Finding::new("a line is not an image's path")
        .file(file)
        .index(at)
        .expected("a path per line, in UTF-8")
        .found(found)
}

/// Passes the records of a `.csv`; returns their number.
///
/// # Errors
/// When the file can't be read, has no `path` column, or a record does not have as many fields as the header.
pub(super) fn read_csv(reader: impl BufRead, file: &Path, picked: &mut Picked<'_>) -> Result<u64, Finding> {
    let budget = Rc::new(Cell::new(MAX_LINE));
    let reader = Budgeted { reader, left: Rc::clone(&budget) };
    let mut reader = csv::Reader::from_reader(reader);
    let headers = reader.headers().map_err(|error| bad_csv(file, 0, &error))?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim() == name);
    let Some(path) = column("path") else {
        return Err(Finding::new("the file has no column of paths")
            .file(file)
            .expected("a column named `path` in the first line")
            .found(headers.iter().take(20).collect::<Vec<_>>().join(", "))
            .hint("rename the column to `path`"));
    };
    let caption = column("caption");
    let mut record = csv::StringRecord::new();
    loop {
        budget.set(MAX_LINE);
        if !reader.read_record(&mut record).map_err(|error| bad_csv(file, picked.seen, &error))? {
            return Ok(picked.seen);
        }
        let Some(path) = record.get(path).filter(|path| !path.is_empty()) else {
            return Err(Finding::new("a record has no path").file(file).index(picked.seen));
        };
        let caption = caption.and_then(|caption| record.get(caption)).filter(|caption| !caption.is_empty());
        picked.pass(path, caption);
    }
}

fn bad_csv(file: &Path, at: u64, error: &csv::Error) -> Finding {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => unreadable(file, error),
        _ => Finding::new("a record of the file can't be read")
            .file(file)
            .index(at)
            .expected("comma-separated values in UTF-8, as many as in the first line")
            .found(error.to_string()),
    }
}

/// A reader that fails once a record takes more bytes than are left to it: an open quote would make the record reach to
/// the end of the file.
struct Budgeted<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left.get() == 0 {
            let what = format!("a record of more than {MAX_LINE} bytes (a quote that isn't closed?)");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
        }
        let read = self.reader.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}
