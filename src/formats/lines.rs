//! Text files with one entry per line, and `.csv` files with one per record. Holds one line at a time.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use super::blank_lines::{BlankLines, NUL};
use super::npy::shell_word;
use crate::base::error::Finding;

/// Longest line, and longest record of a `.csv`, in bytes. It keeps a file without line ends out of memory.
const MAX_LINE: u64 = 1 << 20;

/// Passes every line to `each`, without its line end and with its number from 0. Returns the number of lines. `what`
/// describes a line in messages, such as "a path".
///
/// # Errors
/// A file that can't be read, a line that is too long or not UTF-8, and errors of `each`.
pub(super) fn each_line(
    mut reader: impl BufRead,
    file: &Path,
    what: &str,
    mut each: impl FnMut(u64, &str) -> Result<(), Finding>,
) -> Result<u64, Finding> {
    let mut line = Vec::new();
    let mut at = 0;
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(file, &error))? == 0 {
            return Ok(at);
        }
        if line.len() as u64 > MAX_LINE {
            return Err(bad_line(file, at, what, &format!("more than {MAX_LINE} bytes without a line end")));
        }
        if line.contains(&0) {
            return Err(bad_line(file, at, what, NUL).hint(to_utf8(file)));
        }
        let text = std::str::from_utf8(&line).map_err(|_| bad_line(file, at, what, "bytes that are not UTF-8"))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        // Notepad and Excel start UTF-8 files with a byte order mark.
        let text = if at == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        each(at, text)?;
        at += 1;
    }
}

/// The finding about a line that is not `what` it should be.
pub(super) fn bad_line(file: &Path, at: u64, what: &str, found: &str) -> Finding {
    Finding::new(format!("a line is not {what}"))
        .file(file)
        .index(at)
        .expected(format!("{what} per line, in UTF-8"))
        .found(found)
}

/// The columns of a `.csv` to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    /// What the required column holds, for messages.
    pub(super) of: &'a str,
    /// The option that names the required column.
    pub(super) option: &'a str,
    /// A column that must exist.
    pub(super) required: &'a str,
    /// A column that may exist.
    pub(super) optional: Option<&'a str>,
}

/// Passes the wanted fields of every record to `each`, with its number from 0. Returns the number of records.
///
/// # Errors
/// As [`each_row`]; a file that lacks the required column.
pub(super) fn each_record(
    reader: impl BufRead,
    file: &Path,
    columns: Columns<'_>,
    mut each: impl FnMut(u64, &str, Option<&str>) -> Result<(), Finding>,
) -> Result<u64, Finding> {
    let choose = |header: &[&str]| {
        let column = |name: &str| header.iter().position(|header| header.trim() == name);
        let Some(required) = column(columns.required) else {
            let name = columns.required;
            return Err(Finding::new(format!("the file has no column of {}", columns.of))
                .file(file)
                .expected(format!("a column named `{name}` in the first line"))
                .found(header.iter().take(20).copied().collect::<Vec<_>>().join(", "))
                .hint(format!("rename the column to `{name}`, or name it with {}", columns.option)));
        };
        Ok(std::iter::once(required).chain(columns.optional.and_then(column)).collect())
    };
    each_row(reader, file, choose, |at, fields| each(at, fields[0], fields.get(1).copied()))
}

/// Passes the fields of every record that `choose` picks from those of the first line to `each`, with the record's number
/// from 0. Returns the number of records. An empty line is a record with one empty field, so it is refused between records of
/// several fields. After the last of these it is ignored.
///
/// # Errors
/// A file that can't be read, a record with another number of fields than the first line, and errors of `choose` and `each`.
pub(super) fn each_row(
    reader: impl BufRead,
    file: &Path,
    choose: impl FnOnce(&[&str]) -> Result<Vec<usize>, Finding>,
    mut each: impl FnMut(u64, &[&str]) -> Result<(), Finding>,
) -> Result<u64, Finding> {
    let budget = Rc::new(Cell::new(MAX_LINE));
    let reader = Budgeted { reader: BlankLines::new(reader), left: Rc::clone(&budget) };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = reader.headers().map_err(|error| bad_csv(file, 0, &error))?.clone();
    let chosen = choose(&header.iter().collect::<Vec<_>>())?;
    let mut record = csv::StringRecord::new();
    let (mut at, mut blank) = (0, false);
    loop {
        budget.set(MAX_LINE);
        if !reader.read_record(&mut record).map_err(|error| bad_csv(file, at, &error))? {
            return Ok(at);
        }
        if header.len() > 1 && record.len() == 1 && record[0].is_empty() {
            blank = true;
            continue;
        }
        if blank {
            return Err(bad_record(file, at, "an empty line"));
        }
        if record.len() != header.len() {
            let found = format!("{} fields, but {} in the first line", record.len(), header.len());
            return Err(bad_record(file, at, &found));
        }
        let fields: Vec<&str> = chosen.iter().map(|&column| record.get(column).unwrap_or_default()).collect();
        each(at, &fields)?;
        at += 1;
    }
}

fn bad_csv(file: &Path, at: u64, error: &csv::Error) -> Finding {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => unreadable(file, error),
        csv::ErrorKind::Io(error) if error.to_string() == NUL => bad_record(file, at, NUL).hint(to_utf8(file)),
        _ => bad_record(file, at, &error.to_string()),
    }
}

/// The command that converts a UTF-16 file.
fn to_utf8(file: &Path) -> String {
    let mut start = Vec::new();
    // if the file can't be read again, it is most likely little-endian, as on Windows
    let _ = File::open(file).and_then(|file| file.take(4096).read_to_end(&mut start));
    let encoding = match &start[..] {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
        // an ASCII character has a NUL before it in big-endian order, after it in little-endian order
        _ if start.iter().position(|&byte| byte == 0).is_some_and(|at| at % 2 == 0) => "UTF-16BE",
        _ => "UTF-16LE",
    };
    let extension = file.extension().unwrap_or_default().to_string_lossy();
    let to = file.with_extension(format!("utf8.{extension}"));
    format!("convert it: iconv -f {encoding} -t UTF-8 {} > {}", shell_word(file), shell_word(&to))
}

fn bad_record(file: &Path, at: u64, found: &str) -> Finding {
    Finding::new("a record of the file can't be read")
        .file(file)
        .index(at)
        .expected("comma-separated values in UTF-8, as many as in the first line")
        .found(found)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Finding {
    Finding::io("the file can't be read", file, error)
}

/// A reader that fails once a record takes more bytes than `left`. An unclosed quote would otherwise make the record reach to
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
