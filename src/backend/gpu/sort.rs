//! The rows of a tile sorted by label, and the runs into which the kernels add them up.

use bytemuck::{Pod, Zeroable};

use super::partial_inertia::GROUP;
use super::submit::defect;
use crate::backend::UNLABELLED;
use crate::base::error::Result;

/// A row of the tile, the place of its centroid on the device, and its run. As in the shaders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Entry {
    pub(super) row: u32,
    pub(super) slot: u32,
    pub(super) run: u32,
}

/// Consecutive sorted rows of one label within one workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) label: u32,
    pub(super) start: usize,
    pub(super) count: u32,
}

/// The sorted rows of one level; memory is kept from tile to tile.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Rows that the device does, by label, then by row.
    pub(super) entries: Vec<Entry>,
    pub(super) runs: Vec<Run>,
    /// Rows with their labels that are left to the host, since float32 can't hold their squares.
    pub(super) host: Vec<(u32, u32)>,
    keys: Vec<u64>,
}

/// Who evaluates a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Device,
    Host,
    Nobody,
}

impl Sorted {
    /// Sorts the labelled rows that are somebody's. `slot` tells where the centroid of a label is on the device (asked
    /// once per label, ascending), or `None` to leave its rows to the host.
    pub(super) fn fill(
        &mut self,
        labels: &[u32],
        clusters: usize,
        who: impl Fn(usize) -> Who,
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
                return Err(defect("a label is not a cluster of its level"));
            }
            match who(row) {
                Who::Device => self.keys.push(u64::from(label) << 32 | u64::from(number)),
                Who::Host => self.host.push((number, label)),
                Who::Nobody => (),
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

/// Appends an entry, starting a run where the label changes or a workgroup begins.
fn push(entries: &mut Vec<Entry>, runs: &mut Vec<Run>, row: u32, label: u32, slot: u32) {
    let start = entries.len();
    match runs.last_mut() {
        Some(run) if run.label == label && !start.is_multiple_of(GROUP as usize) => run.count += 1,
        _ => runs.push(Run { label, start, count: 1 }),
    }
    // A tile has fewer than 2^32 rows, and no more runs than rows.
    let run = u32::try_from(runs.len() - 1).unwrap_or(u32::MAX);
    entries.push(Entry { row, slot, run });
}

fn halves(key: u64) -> (u32, u32) {
    let low = u32::try_from(key & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let high = u32::try_from(key >> 32).unwrap_or(u32::MAX);
    (high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_label_and_runs_end_with_workgroups() -> Result<()> {
        let labels: Vec<u32> = (0..600).map(|row| if row % 10 == 9 { UNLABELLED } else { row % 2 }).collect();
        let mut sorted = Sorted::default();
        sorted.fill(&labels, 2, |_| Who::Device, |label| Ok(Some(label + 7)))?;
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
        let who = |row| [Who::Device, Who::Host, Who::Nobody, Who::Device][row];
        let mut sorted = Sorted::default();
        sorted.fill(&[0, 0, 1, 1], 2, who, |label| Ok((label == 0).then_some(0)))?;
        assert_eq!(sorted.entries, [Entry { row: 0, slot: 0, run: 0 }]);
        assert_eq!(sorted.host, [(1, 0), (3, 1)]);
        assert!(sorted.fill(&[2], 2, |_| Who::Device, |label| Ok(Some(label))).is_err());
        Ok(())
    }
}
