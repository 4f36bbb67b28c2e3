//! Names in text files: a path per line, or a `.csv` with a header.

use std::io::BufRead;
use std::path::Path;

use super::picked::Picked;
use crate::base::error::Finding;
use crate::formats::lines::{Columns, bad_line, each_line, each_record};

/// Meaning of a line, for messages.
const PATH: &str = "a path";

/// Passes the lines of a text file and returns their number. Ignores empty lines at the end.
///
/// # Errors
/// A file that can't be read, or a line that is empty, too long or not UTF-8.
pub(super) fn read_text(reader: impl BufRead, file: &Path, picked: &mut Picked<'_>) -> Result<u64, Finding> {
    let mut empty_since = None;
    each_line(reader, file, PATH, |at, text| {
        if text.is_empty() {
            empty_since.get_or_insert(at);
        } else if let Some(at) = empty_since {
            return Err(bad_line(file, at, PATH, "an empty line"));
        } else {
            picked.pass(text, None);
        }
        Ok(())
    })?;
    Ok(picked.seen)
}

/// Passes the records of a `.csv` and returns their number. Ignores those without a path at the end.
///
/// # Errors
/// A file that can't be read or lacks the column of paths, or a record with another number of fields than the header.
pub(super) fn read_csv(
    reader: impl BufRead,
    file: &Path,
    columns: (&str, &str),
    picked: &mut Picked<'_>,
) -> Result<u64, Finding> {
    let columns = Columns { of: "paths", option: "--image-column", required: columns.0, optional: Some(columns.1) };
    let mut empty_since = None;
    each_record(reader, file, columns, |at, path, caption| {
        if path.is_empty() && caption.is_none_or(str::is_empty) {
            empty_since.get_or_insert(at);
            return Ok(());
        }
        if let Some(at) = empty_since.or(path.is_empty().then_some(at)) {
            return Err(Finding::new("a record has no path").file(file).index(at));
        }
        picked.pass(path, caption.filter(|caption| !caption.is_empty()));
        Ok(())
    })?;
    Ok(picked.seen)
}
