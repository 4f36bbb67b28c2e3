//! The distance files of a run: which ones exist, where they are, and which ones only montages and exports need.
//!
//! A process writes the distances of its rows to the folder of its part, where they survive an interruption. At the end they
//! move to the output folder. If there are several parts, `merge` concatenates them there.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;
use crate::base::signals;
use crate::evaluate::DistanceSinks;
use crate::formats::distances::{DistanceBuffer, DistanceFile};
use crate::formats::folder::{OutputFolder, ensure_room};
use crate::formats::scratch_copies;
use crate::plan::Plan;
use crate::plan::settings::Distances;
use crate::run::parts::PartBuffers;

/// Disk space to reserve for tables and pictures, in addition to the distances.
const REST_BYTES: u64 = 16 << 20;

/// One file of distances.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// 1-based.
    level: u32,
    /// `None` for distances to the own centroid only.
    columns: Option<u64>,
}

impl Kind {
    /// File name in the folder of a part.
    fn in_part(self) -> String {
        format!("level{}-{}", self.level, self.name())
    }

    /// Path relative to the output folder.
    fn in_output(self) -> PathBuf {
        PathBuf::from(format!("level{}", self.level)).join(self.name())
    }

    fn name(self) -> &'static str {
        if self.columns.is_some() { "distances_all.npy" } else { "distances.npy" }
    }
}

/// Memory-mapped buffers of all evaluated levels.
pub struct Buffers {
    own: Vec<(Kind, PathBuf, DistanceBuffer)>,
    all: Vec<(Kind, PathBuf, DistanceBuffer)>,
    /// Whether only montages and exports need the own distances.
    temporary: bool,
}

/// Completed distance files.
pub struct Written {
    own: Vec<(Kind, PathBuf)>,
    all: Vec<(Kind, PathBuf)>,
    temporary: bool,
}

/// The files that a plan needs: own distances, and distances to all centroids.
fn kinds(plan: &Plan) -> (Vec<Kind>, Vec<Kind>) {
    let of = |&level: &usize, all: bool| Kind {
        level: plan.hierarchy.levels[level].number,
        columns: all.then_some(plan.hierarchy.k(level) as u64),
    };
    let own = plan.levels.iter().filter(|_| plan.keeps_rows()).map(|level| of(level, false));
    let all = plan.levels.iter().filter(|_| plan.settings.distances == Distances::All).map(|level| of(level, true));
    (own.collect(), all.collect())
}

/// Whether only montages and exports need the own distances.
fn only_shown(plan: &Plan) -> bool {
    plan.keeps_rows() && plan.settings.distances == Distances::None
}

impl Buffers {
    /// Opens the distance files of `rows` in `folder`; `None` if one is missing.
    pub fn reopen(plan: &Plan, folder: &Path, rows: &Range<u64>) -> Result<Option<Buffers>> {
        let open = |kinds: Vec<Kind>| -> Result<Option<Vec<_>>> {
            let opened = kinds.into_iter().map(|kind| {
                let path = folder.join(kind.in_part());
                let buffer = DistanceBuffer::reopen(&path, rows.end - rows.start, kind.columns)?;
                Ok(buffer.map(|buffer| (kind, path, buffer)))
            });
            opened.collect()
        };
        let (own, all) = kinds(plan);
        let (Some(own), Some(all)) = (open(own)?, open(all)?) else { return Ok(None) };
        Ok(Some(Buffers { own, all, temporary: only_shown(plan) }))
    }

    /// Copies the distance files that exist in the part's folder to another one. They match the checkpoint; files that are
    /// already there may not.
    pub fn fetch(plan: &Plan, part: &Path, folder: &Path) -> Result<()> {
        let (own, all) = kinds(plan);
        for name in own.into_iter().chain(all).map(Kind::in_part) {
            let (from, to) = (part.join(&name), folder.join(&name));
            if from.is_file() {
                scratch_copies::copy_back(&from, &to, &signals::go_on)?;
            }
        }
        Ok(())
    }

    /// Creates the distance files of `rows` in `folder`. Reserves their disk space before anything is computed.
    pub fn create(plan: &Plan, folder: &Path, rows: &Range<u64>) -> Result<Buffers> {
        let rows = rows.end - rows.start;
        ensure_room(folder, bytes_needed(plan, rows)?)?;
        let create = |kinds: Vec<Kind>| -> Result<Vec<_>> {
            let created = kinds.into_iter().map(|kind| {
                let path = folder.join(kind.in_part());
                // left by an interrupted run with another shape
                let _ = std::fs::remove_file(&path);
                let buffer = DistanceBuffer::create(&path, rows, kind.columns)?;
                Ok((kind, path, buffer))
            });
            created.collect()
        };
        let (own, all) = kinds(plan);
        Ok(Buffers { own: create(own)?, all: create(all)?, temporary: only_shown(plan) })
    }

    /// The slices that the main loop writes to.
    pub fn sinks(&mut self) -> DistanceSinks<'_> {
        DistanceSinks {
            own: self.own.iter_mut().map(|(_, _, buffer)| buffer.values_mut()).collect(),
            all: self.all.iter_mut().map(|(_, _, buffer)| buffer.values_mut()).collect(),
        }
    }

    /// Paths of the files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.own.iter().chain(&self.all).map(|(_, path, _)| path.clone()).collect()
    }

    /// Flushes the files to disk.
    pub fn finish(self) -> Result<Written> {
        let flush = |buffers: Vec<(Kind, PathBuf, DistanceBuffer)>, to_disk: bool| -> Result<Vec<_>> {
            let flushed = buffers.into_iter().map(|(kind, path, buffer)| {
                // temporary files need not reach the disk
                if to_disk { buffer.finish().map(|()| (kind, path)) } else { Ok((kind, path)) }
            });
            flushed.collect()
        };
        let temporary = self.temporary;
        Ok(Written { own: flush(self.own, !temporary)?, all: flush(self.all, true)?, temporary })
    }
}

impl Written {
    /// Concatenates the distances of all parts in the output folder. Own distances that only montages and exports need are
    /// left out if a part lacks them.
    pub fn of_parts(plan: &Plan, parts: &[PartBuffers], folder: &OutputFolder) -> Result<Written> {
        let (mut own, all) = kinds(plan);
        let there = |kind: &Kind| parts.iter().all(|part| part.checksums.contains_key(&kind.in_part()));
        if only_shown(plan) && !own.iter().all(there) {
            own.clear();
        }
        ensure_room(folder.path(), bytes_needed(plan, plan.embeddings.rows())?)?;
        let join = |kinds: Vec<Kind>| -> Result<Vec<_>> {
            let joined = kinds.into_iter().map(|kind| {
                let path = folder.staging(kind.in_output())?;
                let mut whole = DistanceBuffer::create(&path, plan.embeddings.rows(), kind.columns)?;
                for part in parts {
                    copy_rows(part, kind, &mut whole)?;
                }
                whole.finish()?;
                Ok((kind, path))
            });
            joined.collect()
        };
        Ok(Written { own: join(own)?, all: join(all)?, temporary: only_shown(plan) })
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
        Ok(Written { own: place(self.own, !temporary)?, all: place(self.all, true)?, temporary })
    }

    /// The own distances of every level; empty if they were not kept.
    pub fn open(&self) -> Result<Vec<DistanceFile>> {
        self.own.iter().map(|(_, path)| DistanceFile::open(path)).collect()
    }

    /// Removes the own distances if only montages and exports needed them.
    pub fn remove_temporary(&self) {
        if self.temporary {
            // if this fails, the file goes with the staging folder, or the next run overwrites it
            self.own.iter().for_each(|(_, path)| drop(std::fs::remove_file(path)));
        }
    }
}

/// Copies a part's distances to their rows of the whole file, and verifies their checksum.
fn copy_rows(part: &PartBuffers, kind: Kind, whole: &mut DistanceBuffer) -> Result<()> {
    const CHUNK: usize = 16 << 20;
    let path = part.folder.join(kind.in_part());
    let again = "rerun this part: metrics --force with the same --shard or --rows";
    let unreadable =
        |e: &io::Error| Error::input(Finding::io("can't read the distances of a part", &path, e).hint(again));
    let columns = kind.columns.unwrap_or(1);
    let mut file = File::open(&path).map_err(|e| unreadable(&e))?;
    // both ends are inside the mapped buffer
    let at = |row: u64| to_usize(row * columns);
    let values: &mut [u8] = bytemuck::cast_slice_mut(&mut whole.values_mut()[at(part.rows.start)..at(part.rows.end)]);
    let size = file.metadata().map_err(|e| unreadable(&e))?.len();
    let mut hasher = blake3::Hasher::new();
    let header = size.saturating_sub(values.len() as u64);
    io::copy(&mut file.by_ref().take(header), &mut hasher).map_err(|e| unreadable(&e))?;
    for chunk in values.chunks_mut(CHUNK) {
        if signals::requested() {
            return Err(Error::interrupted());
        }
        file.read_exact(chunk).map_err(|e| unreadable(&e))?;
        hasher.update(chunk);
    }
    if part.checksums.get(&kind.in_part()).is_some_and(|checksum| *checksum == *hasher.finalize().to_hex()) {
        return Ok(());
    }
    Err(Error::input(
        Finding::new("the distances of a part have changed since it wrote them")
            .file(&path)
            .expected(format!(
                "distances of rows {}..{}, with the checksum in distances.part",
                part.rows.start, part.rows.end
            ))
            .found(format!("a file of {size} bytes with different content"))
            .hint(again),
    ))
}

fn bytes_needed(plan: &Plan, rows: u64) -> Result<u64> {
    let columns = plan.levels.iter().try_fold(0u64, |sum, &level| {
        let own = u64::from(plan.keeps_rows());
        let all = if plan.settings.distances == Distances::All { plan.hierarchy.k(level) as u64 } else { 0 };
        sum.checked_add(own + all)
    });
    let bytes = columns.and_then(|c| c.checked_mul(rows)?.checked_mul(4)?.checked_add(REST_BYTES));
    bytes.ok_or_else(|| {
        Error::usage(Finding::new("the distances would take more than 2^64 bytes").hint("leave out --distances all"))
    })
}
