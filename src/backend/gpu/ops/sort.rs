//! The rows of a tile sorted by label, and the runs that kernels add up.

use bytemuck::{Pod, Zeroable};

use crate::backend::UNLABELLED;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::kernels::partial_inertia::GROUP;
use crate::base::error::Result;
use crate::base::numeric::to_u32;

/// A row of the tile, the position of its centroid on the device, and its run; the layout is that of `Entry` in the shaders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) row: u32,
    pub(crate) slot: u32,
    pub(crate) run: u32,
}

/// Consecutive sorted rows of one label within one workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LabelRun {
    pub(crate) label: u32,
    pub(crate) start: usize,
    pub(crate) count: u32,
}

/// The sorted rows of one level. Memory is reused from tile to tile.
#[derive(Debug, Default)]
pub(crate) struct SortedRows {
    /// Rows for the device, by label, then by row.
    pub(crate) entries: Vec<Entry>,
    pub(crate) runs: Vec<LabelRun>,
    /// Rows for the host, with their labels: float32 can't hold their squares.
    pub(crate) host: Vec<(u32, u32)>,
    keys: Vec<u64>,
}

/// Where a row is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evaluator {
    Device,
    Host,
    Nobody,
}

/// Most labelled rows, and fewest rows in all, of a tile that is sparse.
const SPARSE_ROWS: usize = 64;
const SPARSE_TILE: usize = 1 << 12;

/// Whether so few rows of a large tile are labelled that the host evaluates them before the device would answer. So it is in the
/// last iterations of a k-means.
pub(crate) fn is_sparse(labels: &[u32]) -> bool {
    let labelled = labels.iter().filter(|label| **label != UNLABELLED);
    labels.len() >= SPARSE_TILE && labelled.take(SPARSE_ROWS + 1).count() <= SPARSE_ROWS
}

impl SortedRows {
    /// Sorts the labelled rows, except those that nobody evaluates. `slot` returns the position of a label's centroid on the
    /// device, or `None` to leave the label's rows to the host. It is called once per label, in ascending order.
    pub(crate) fn fill(
        &mut self,
        labels: &[u32],
        clusters: usize,
        evaluator: impl Fn(usize) -> Evaluator,
        mut slot: impl FnMut(u32) -> Result<Option<u32>>,
    ) -> Result<()> {
        self.entries.clear();
        self.runs.clear();
        self.host.clear();
        self.keys.clear();
        for ((row, &label), number) in labels.iter().enumerate().zip(0_u32..) {
            if label == UNLABELLED {
                continue;
            }
            if label as usize >= clusters {
                return Err(defect("a label exceeds the clusters of its level"));
            }
            match evaluator(row) {
                Evaluator::Device => self.keys.push(u64::from(label) << 32 | u64::from(number)),
                Evaluator::Host => self.host.push((number, label)),
                Evaluator::Nobody => (),
            }
        }
        self.keys.sort_unstable();
        let mut current = None;
        for &key in &self.keys {
            let (label, row) = halves(key);
            let place = match current {
                Some((of, place)) if of == label => place,
                _ => slot(label)?,
            };
            current = Some((label, place));
            match place {
                Some(slot) => push(&mut self.entries, &mut self.runs, row, label, slot),
                None => self.host.push((row, label)),
            }
        }
        Ok(())
    }
}

/// Appends an entry. A new run starts when the label changes and at every workgroup.
fn push(entries: &mut Vec<Entry>, runs: &mut Vec<LabelRun>, row: u32, label: u32, slot: u32) {
    let start = entries.len();
    match runs.last_mut() {
        Some(run) if run.label == label && !start.is_multiple_of(GROUP as usize) => run.count += 1,
        _ => runs.push(LabelRun { label, start, count: 1 }),
    }
    // A tile has fewer than 2^32 rows, and no more runs than rows.
    let run = to_u32(runs.len() - 1);
    entries.push(Entry { row, slot, run });
}

/// The label and the row of a sort key.
fn halves(key: u64) -> (u32, u32) {
    let low = to_u32(key & u64::from(u32::MAX));
    let high = to_u32(key >> 32);
    (high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_label_and_runs_end_with_workgroups() -> Result<()> {
        let labels: Vec<u32> = (0..600).map(|row| if row % 10 == 9 { UNLABELLED } else { row % 2 }).collect();
        let mut sorted = SortedRows::default();
        sorted.fill(&labels, 2, |_| Evaluator::Device, |label| Ok(Some(label + 7)))?;
        assert_eq!(sorted.entries.len(), 540);
        assert!(sorted.entries.windows(2).all(|pair| (pair[0].slot, pair[0].row) < (pair[1].slot, pair[1].row)));
        let runs: Vec<_> = sorted.runs.iter().map(|run| (run.label, run.start, run.count)).collect();
        assert_eq!(runs, [(0, 0, 256), (0, 256, 44), (1, 300, 212), (1, 512, 28)]);
        assert!(sorted.entries.iter().enumerate().all(|(place, entry)| {
            let run = sorted.runs[entry.run as usize];
            (run.start..run.start + run.count as usize).contains(&place) && run.label + 7 == entry.slot
        }));
        Ok(())
    }

    #[test]
    fn rows_and_labels_can_be_left_out() -> Result<()> {
        let evaluator = |row| [Evaluator::Device, Evaluator::Host, Evaluator::Nobody, Evaluator::Device][row];
        let mut sorted = SortedRows::default();
        sorted.fill(&[0, 0, 1, 1], 2, evaluator, |label| Ok((label == 0).then_some(0)))?;
        assert_eq!(sorted.entries, [Entry { row: 0, slot: 0, run: 0 }]);
        assert_eq!(sorted.host, [(1, 0), (3, 1)]);
        assert!(sorted.fill(&[2], 2, |_| Evaluator::Device, |label| Ok(Some(label))).is_err());
        Ok(())
    }
}
