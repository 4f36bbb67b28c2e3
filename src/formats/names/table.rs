//! Names in a Parquet file: a column of paths, and one of captions.

use std::fs::File;
use std::path::Path;

use super::picked::Picked;
use crate::base::error::Finding;
use crate::formats::parquet::{Kinds, Texts};

/// Passes the names of a file and returns their number. Row groups without a name that is kept are skipped.
pub(super) fn read(
    file: File,
    path: &Path,
    columns: (&[&str], &[&str]),
    picked: &mut Picked<'_>,
) -> Result<u64, Finding> {
    let texts = Texts::open(file, path, columns, Kinds::TextsAndIntegers)?;
    let wanted = picked.wanted;
    let checks = wanted.is_empty();
    let all = checks || picked.take.is_some();
    let wants = |rows: std::ops::Range<u64>| all || wanted.iter().any(|row| rows.contains(row));
    texts.each(&wants, &mut |row, name, caption| {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Err(Finding::new("a record has no path").file(path).index(row));
        };
        picked.seen = row;
        picked.pass(name, caption.filter(|caption| !caption.is_empty()));
        Ok(())
    })?;
    Ok(texts.rows())
}
