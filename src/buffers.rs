//! The distance buffers of a run: which there are, where they lie, and which are only there for the montages.

use std::path::PathBuf;

use crate::config::Distances;
use crate::error::{Error, Finding, Result};
use crate::evaluate::DistanceSinks;
use crate::output::distances::{DistanceBuffer, DistanceFile};
use crate::output::files::OutputFolder;
use crate::plan::Plan;

/// Beside the distances, room is asked for so many bytes of tables and pictures.
const REST_BYTES: u64 = 16 << 20;

/// Buffers of all evaluated levels, mapped.
pub struct Buffers {
    own: Vec<(PathBuf, DistanceBuffer)>,
    all: Vec<DistanceBuffer>,
    /// Own distances that only the montages need.
    temporary: bool,
}

/// The own distances as they were written.
pub struct Written {
    own: Vec<PathBuf>,
    temporary: bool,
}

impl Buffers {
    /// Allocates what the plan asks for, on disk before anything is computed.
    pub fn create(plan: &Plan, folder: &OutputFolder) -> Result<Buffers> {
        let rows = plan.embeddings.rows();
        folder.ensure_room(bytes_needed(plan)?)?;
        let temporary = plan.keeps_rows() && plan.settings.distances == Distances::None;
        let mut buffers = Buffers { own: Vec::new(), all: Vec::new(), temporary };
        for &level in &plan.levels {
            let number = plan.hierarchy.levels[level].number;
            if plan.keeps_rows() {
                let path = folder.staging(format!("level{number}/distances.npy"))?;
                buffers.own.push((path.clone(), DistanceBuffer::create(&path, rows, None)?));
            }
            if plan.settings.distances == Distances::All {
                let path = folder.staging(format!("level{number}/distances_all.npy"))?;
                buffers.all.push(DistanceBuffer::create(&path, rows, Some(plan.hierarchy.k(level) as u64))?);
            }
        }
        Ok(buffers)
    }

    /// Where the main loop writes.
    pub fn sinks(&mut self) -> DistanceSinks<'_> {
        DistanceSinks {
            own: self.own.iter_mut().map(|(_, buffer)| buffer.values_mut()).collect(),
            all: self.all.iter_mut().map(DistanceBuffer::values_mut).collect(),
        }
    }

    /// Sends everything to the disk.
    pub fn finish(self) -> Result<Written> {
        let mut paths = Vec::new();
        for (path, buffer) in self.own {
            // what is removed again in a moment need not reach the disk
            if !self.temporary {
                buffer.finish()?;
            }
            paths.push(path);
        }
        self.all.into_iter().try_for_each(DistanceBuffer::finish)?;
        Ok(Written { own: paths, temporary: self.temporary })
    }
}

impl Written {
    /// The own distances of every level; none where they were not kept.
    pub fn open(&self) -> Result<Vec<DistanceFile>> {
        self.own.iter().map(|path| DistanceFile::open(path)).collect()
    }

    /// Takes away what only the montages needed.
    pub fn remove_temporary(&self) {
        if self.temporary {
            // what stays is removed with the staging folder or overwritten by the next run
            self.own.iter().for_each(|path| drop(std::fs::remove_file(path)));
        }
    }
}

fn bytes_needed(plan: &Plan) -> Result<u64> {
    let rows = plan.embeddings.rows();
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
