//! Labels in a Parquet file: a column per level.

use std::fs::File;
use std::path::Path;

use super::assignment::Assignment;
use super::text;
use crate::base::error::Finding;
use crate::formats::parquet::{Kinds, Texts, column_names};

/// Reads the labels. `wanted` are the columns, fine to coarse; empty for those that are named as levels.
pub(super) fn read(path: &Path, wanted: &[String]) -> Result<Vec<Assignment>, Finding> {
    let open = || File::open(path).map_err(|e| Finding::io("the file can't be opened", path, &e));
    let names = column_names(open()?, path)?;
    let header: Vec<&str> = names.iter().map(String::as_str).collect();
    let places = text::choose(&header, wanted, path)?;
    let mut coders = text::coders(places.len(), path)?;
    for (coder, &place) in coders.iter_mut().zip(&places) {
        let column = Texts::open(open()?, path, (&[header[place]], &[]), Kinds::TextsAndNumbers)?;
        column.each(&|_| true, &mut |_, label, _| text::push(coder, label.unwrap_or_default().trim()))?;
    }
    let named = coders.into_iter().zip(places);
    named.map(|(coder, place)| Assignment::of_labels(coder.finish_texts(), path, Some(names[place].clone()))).collect()
}
