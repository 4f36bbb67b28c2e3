//! What a run has kept of every row.

use crate::base::error::Result;
use crate::formats::distances::{DistanceFile, RowFile};
use crate::run::buffers::{SearchFiles, Written};

/// Files by evaluated level; empty where nothing was kept.
pub(in crate::run) struct Kept<'a> {
    pub(in crate::run) distances: &'a [DistanceFile],
    pub(in crate::run) searched: Vec<SearchFiles>,
    pub(in crate::run) silhouettes: Vec<RowFile<f32>>,
}

impl<'a> Kept<'a> {
    pub(in crate::run) fn open(distances: &'a [DistanceFile], written: &Written) -> Result<Kept<'a>> {
        Ok(Kept { distances, searched: written.open_search()?, silhouettes: written.open_silhouettes()? })
    }
}
