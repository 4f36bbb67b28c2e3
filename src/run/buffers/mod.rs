//! The files of values per row: which ones exist, where they are, and which ones only montages and exports need.
//!
//! A process writes the values of its rows to the folder of its part, where they survive an interruption. At the end the
//! distances that were asked for move to the output folder. If there are several parts, `merge` concatenates them there.

mod copied;
mod kind;
mod mapped;
mod silhouettes;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::signals;
use crate::evaluate::{DistanceSinks, SearchSinks};
use crate::formats::distances::{DistanceFile, RowBuffer, RowFile};
use crate::formats::folder::{OutputFolder, ensure_room};
use crate::formats::scratch_copies;
use crate::plan::Plan;
use crate::plan::settings::Distances;
use crate::run::parts::PartBuffers;
use copied::copy_rows;
use kind::{Kind, Kinds};
use mapped::{Mapped, SearchBuffers};
pub use silhouettes::SilhouetteBuffers;

/// Memory-mapped buffers of all evaluated levels.
pub struct Buffers {
    own: Vec<Mapped<f32>>,
    all: Vec<Mapped<f32>>,
    searched: Vec<SearchBuffers>,
    /// Whether only montages and exports need the own distances.
    temporary: bool,
}

/// Completed files.
pub struct Written {
    own: Vec<(Kind, PathBuf)>,
    all: Vec<(Kind, PathBuf)>,
    /// Only exports need these.
    searched: Vec<[PathBuf; 3]>,
    silhouettes: Vec<PathBuf>,
    temporary: bool,
}

/// What the search found for the rows of one level.
pub struct SearchFiles {
    /// The cluster with the nearest other centroid; below 0 if there is none.
    pub second: RowFile<i32>,
    /// How much farther that centroid is than the own one.
    pub margin: RowFile<f32>,
    /// Simplified silhouettes.
    pub simplified_silhouette: RowFile<f32>,
}

/// Whether only montages and exports need the own distances.
fn only_shown(plan: &Plan) -> bool {
    plan.keeps_rows() && plan.settings.distances == Distances::None
}

impl Buffers {
    /// Opens the files of `rows` in `folder`; `None` if one is missing.
    pub fn reopen(plan: &Plan, folder: &Path, rows: &Range<u64>) -> Result<Option<Buffers>> {
        let count = rows.end - rows.start;
        let open = |kinds: Vec<Kind>| -> Result<Option<Vec<_>>> {
            kinds.into_iter().map(|kind| Mapped::reopen(folder, kind, count)).collect()
        };
        let kinds = Kinds::of(plan);
        let (Some(own), Some(all)) = (open(kinds.own)?, open(kinds.all)?) else { return Ok(None) };
        let Some(searched) = Self::reopen_search(kinds.searched, folder, rows)? else { return Ok(None) };
        Ok(Some(Buffers { own, all, searched, temporary: only_shown(plan) }))
    }

    /// Opens what a repeated search replaces; `None` if it is not kept, or was not kept by the first search.
    pub fn of_search(plan: &Plan, folder: &Path, rows: &Range<u64>) -> Result<Option<Buffers>> {
        let searched = Self::reopen_search(Kinds::of(plan).searched, folder, rows)?;
        let searched = searched.filter(|searched| !searched.is_empty());
        Ok(searched.map(|searched| Buffers { own: Vec::new(), all: Vec::new(), searched, temporary: true }))
    }

    fn reopen_search(kinds: Vec<[Kind; 3]>, folder: &Path, rows: &Range<u64>) -> Result<Option<Vec<SearchBuffers>>> {
        kinds.into_iter().map(|kinds| SearchBuffers::reopen(folder, kinds, rows.end - rows.start)).collect()
    }

    /// Copies the files that exist in the part's folder to another one. They match the checkpoint; files that are already
    /// there may not.
    pub fn fetch(plan: &Plan, part: &Path, folder: &Path) -> Result<()> {
        let kinds = Kinds::of(plan);
        for name in kinds.own.iter().chain(&kinds.all).chain(kinds.searched.as_flattened()).map(|kind| kind.in_part()) {
            let (from, to) = (part.join(&name), folder.join(&name));
            if from.is_file() {
                scratch_copies::copy_back(&from, &to, &signals::go_on)?;
            }
        }
        Ok(())
    }

    /// Creates the files of `rows` in `folder`. Reserves their disk space before anything is computed.
    pub fn create(plan: &Plan, folder: &Path, rows: &Range<u64>) -> Result<Buffers> {
        let kinds = Kinds::of(plan);
        let count = rows.end - rows.start;
        ensure_room(folder, kinds.bytes(count, plan.embeddings.rows())?)?;
        let create = |kinds: Vec<Kind>| -> Result<Vec<_>> {
            kinds.into_iter().map(|kind| Mapped::create(folder.join(kind.in_part()), kind, count)).collect()
        };
        let search = |kinds| SearchBuffers::create(kinds, count, |kind| Ok(folder.join(kind.in_part())));
        let searched = kinds.searched.into_iter().map(search).collect::<Result<_>>()?;
        Ok(Buffers { own: create(kinds.own)?, all: create(kinds.all)?, searched, temporary: only_shown(plan) })
    }

    /// The slices that the main loop writes to.
    pub fn sinks(&mut self) -> DistanceSinks<'_> {
        let searched = self.searched.iter_mut().map(|level| SearchSinks {
            second: level.second.buffer.values_mut(),
            margin: level.margin.buffer.values_mut(),
            simplified_silhouette: level.simplified_silhouette.buffer.values_mut(),
        });
        DistanceSinks {
            searched: searched.collect(),
            own: self.own.iter_mut().map(|mapped| mapped.buffer.values_mut()).collect(),
            all: self.all.iter_mut().map(|mapped| mapped.buffer.values_mut()).collect(),
            silhouettes: Vec::new(),
        }
    }

    /// Paths of the files.
    pub fn paths(&self) -> Vec<PathBuf> {
        let distances = self.own.iter().chain(&self.all).map(|mapped| &mapped.path);
        distances.chain(self.searched.iter().flat_map(SearchBuffers::paths)).cloned().collect()
    }

    /// Flushes the files to disk.
    pub fn finish(self) -> Result<Written> {
        let flush = |buffers: Vec<Mapped<f32>>, to_disk: bool| -> Result<Vec<_>> {
            let flushed = buffers.into_iter().map(|Mapped { kind, path, buffer }| {
                // temporary files need not reach the disk
                if to_disk { buffer.finish().map(|()| (kind, path)) } else { Ok((kind, path)) }
            });
            flushed.collect()
        };
        Ok(Written {
            searched: self.searched.iter().map(|level| level.paths().map(PathBuf::clone)).collect(),
            own: flush(self.own, !self.temporary)?,
            all: flush(self.all, true)?,
            silhouettes: Vec::new(),
            temporary: self.temporary,
        })
    }
}

impl Written {
    /// Concatenates the values of all parts in the output folder. Values that only montages and exports need are left out if a
    /// part lacks them.
    pub fn of_parts(plan: &Plan, parts: &[PartBuffers], folder: &OutputFolder) -> Result<Written> {
        let rows = plan.embeddings.rows();
        let mut kinds = Kinds::of(plan);
        let there = |kind: &Kind| parts.iter().all(|part| part.checksum(*kind).is_some());
        if only_shown(plan) && !kinds.own.iter().all(there) {
            kinds.own.clear();
        }
        if !kinds.searched.as_flattened().iter().all(there) {
            kinds.searched.clear();
        }
        ensure_room(folder.path(), kinds.bytes(rows, rows)?)?;
        let join = |kinds: Vec<Kind>| -> Result<Vec<_>> {
            let joined = kinds.into_iter().map(|kind| {
                let path = folder.staging(kind.in_output())?;
                let mut whole = RowBuffer::<f32>::create(&path, rows, kind.columns())?;
                parts.iter().try_for_each(|part| copy_rows(part, kind, &mut whole))?;
                whole.finish()?;
                Ok((kind, path))
            });
            joined.collect()
        };
        let search = |kinds: [Kind; 3]| {
            let mut whole = SearchBuffers::create(kinds, rows, |kind| folder.staging(kind.in_output()))?;
            for part in parts {
                copy_rows(part, whole.second.kind, &mut whole.second.buffer)?;
                for values in [&mut whole.margin, &mut whole.simplified_silhouette] {
                    copy_rows(part, values.kind, &mut values.buffer)?;
                }
            }
            Ok(whole.paths().map(PathBuf::clone))
        };
        Ok(Written {
            own: join(kinds.own)?,
            all: join(kinds.all)?,
            searched: kinds.searched.into_iter().map(search).collect::<Result<_>>()?,
            silhouettes: Vec::new(),
            temporary: only_shown(plan),
        })
    }

    /// The same with the silhouettes.
    #[must_use]
    pub fn with_silhouettes(self, silhouettes: SilhouetteBuffers) -> Written {
        Written { silhouettes: silhouettes.0.into_iter().map(|mapped| mapped.path).collect(), ..self }
    }

    /// Links the files to keep into the output folder. They also stay in the part's folder until that is removed, so that a
    /// run that is killed before it is complete can resume from them.
    pub fn placed_in(self, folder: &OutputFolder) -> Result<Written> {
        let temporary = self.temporary;
        let place = |files: Vec<(Kind, PathBuf)>, stays: bool| -> Result<Vec<_>> {
            let placed = files.into_iter().map(|(kind, from)| {
                if !stays {
                    return Ok((kind, from));
                }
                let to = folder.staging(kind.in_output())?;
                // some file systems have no hard links
                let placed = std::fs::hard_link(&from, &to).or_else(|_| std::fs::rename(&from, &to));
                placed.map_err(|e| Error::io("can't move the distances into place", &to, &e))?;
                Ok((kind, to))
            });
            placed.collect()
        };
        Ok(Written { own: place(self.own, !temporary)?, all: place(self.all, true)?, ..self })
    }

    /// The own distances of every level; empty if they were not kept.
    pub fn open(&self) -> Result<Vec<DistanceFile>> {
        self.own.iter().map(|(_, path)| DistanceFile::open(path)).collect()
    }

    /// What the search found on every level; empty if it was not kept.
    pub fn open_search(&self) -> Result<Vec<SearchFiles>> {
        let open = |[second, margin, silhouette]: &[PathBuf; 3]| {
            Ok(SearchFiles {
                second: RowFile::open(second)?,
                margin: RowFile::open(margin)?,
                simplified_silhouette: RowFile::open(silhouette)?,
            })
        };
        self.searched.iter().map(open).collect()
    }

    /// The exact silhouettes of every level; empty if they were not kept.
    pub fn open_silhouettes(&self) -> Result<Vec<RowFile<f32>>> {
        self.silhouettes.iter().map(|path| RowFile::open(path)).collect()
    }

    /// Removes what only montages and exports needed.
    pub fn remove_temporary(&self) {
        let own = self.own.iter().map(|(_, path)| path).filter(|_| self.temporary);
        // if this fails, the file goes with the staging folder, or the next run overwrites it
        own.chain(self.searched.as_flattened())
            .chain(&self.silhouettes)
            .for_each(|path| drop(std::fs::remove_file(path)));
    }
}
