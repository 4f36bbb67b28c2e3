//! Labels in a Parquet file: a column of texts or whole numbers.

use std::fs::File;
use std::path::Path;

use super::code::Coder;
use super::list::Labels;
use crate::base::error::Finding;
use crate::formats::parquet::{Kinds, Texts};

/// Reads the labels in a column.
pub(super) fn read(file: File, path: &Path, column: &str) -> Result<Labels, Finding> {
    let texts = Texts::open(file, path, (&[column], &[]), Kinds::TextsAndIntegers)?;
    let mut coder = Coder::new(path);
    texts.each(&|_| true, &mut |_, label, _| coder.text(label.unwrap_or_default()))?;
    Ok(coder.finish_texts())
}
