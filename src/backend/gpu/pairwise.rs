//! Blocks of the distance matrix; `shaders/pairwise.wgsl`.

use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, DISTANCE, DISTANCE_VARIANTS, Entry, Kernel, Pipeline};
use super::plan::{MAX_OCTETS, wide};
use super::submit::{Recorder, defect};
use crate::base::error::Result;

const GROUP: u32 = 64;
/// Rows and columns that a workgroup does.
const TILE_ROWS: u32 = 32;
pub(super) const TILE_COLUMNS: u32 = 32;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "pairwise",
    sources: &[DISTANCE, include_str!("../../../shaders/pairwise.wgsl")],
    entries: &[Entry { name: "pairwise", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: DISTANCE_VARIANTS,
    constants: &[("TILE_ROWS", TILE_ROWS as f64), ("TILE_COLUMNS", TILE_COLUMNS as f64)],
};

/// As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    rows: u32,
    count: u32,
    first_centroid: u32,
    stride: u32,
    begin: u32,
    end: u32,
    accumulate: u32,
    finish: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    /// 0, which the shader's compiler must not know.
    zero: u32,
}

/// The block that one submission does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) rows: u32,
    /// Columns of the block.
    pub(super) count: u32,
    /// Place of its first centroid among those on the device.
    pub(super) first_centroid: u32,
    pub(super) octets: u32,
    pub(super) stamp: u32,
}

/// Records one block.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    block: Block,
) -> Result<()> {
    let groups = block.rows.div_ceil(TILE_ROWS).checked_mul(block.count.div_ceil(TILE_COLUMNS));
    let groups = groups.ok_or_else(|| defect("a block of distances has more than 2^32 workgroups"))?;
    let mut begin = 0;
    while begin < block.octets {
        let end = block.octets.min(begin + MAX_OCTETS);
        recorder.dispatch(pipeline, bindings, groups, |grid| Params {
            rows: block.rows,
            count: block.count,
            first_centroid: block.first_centroid,
            stride: block.octets,
            begin,
            end,
            accumulate: u32::from(begin > 0),
            finish: u32::from(end == block.octets),
            stamp: block.stamp,
            groups_x: grid.groups_x,
            first_group: grid.first_group,
            zero: 0,
        })?;
        begin = end;
    }
    Ok(())
}

/// How much work one submission gets, in pairs of octets. Operating systems stop a GPU that doesn't answer for seconds,
/// and a submission has a fixed cost: so the amount follows the time that the last one took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pairs: u64,
    /// When the submission under way began, and the pairs of octets that it has.
    started: Option<(Instant, u64)>,
}

impl Pace {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_millis(200);
    const LEAST: u64 = 1 << 20;

    pub(super) fn new() -> Pace {
        Pace { pairs: 1 << 24, started: None }
    }

    /// Columns of the next block: whole workgroups, at least one.
    pub(super) fn columns(&self, rows: u32, octets: u32) -> u64 {
        let columns = self.pairs / (u64::from(rows) * u64::from(octets)).max(1);
        let tile = u64::from(TILE_COLUMNS);
        (columns / tile).max(1) * tile
    }

    /// A submission of `rows` by `columns` pairs of rows of `octets` octets is about to begin.
    pub(super) fn start(&mut self, rows: u32, columns: usize, octets: u32) {
        let pairs = u64::from(rows).saturating_mul(wide(columns)).saturating_mul(u64::from(octets));
        self.started = Some((Instant::now(), pairs));
    }

    /// Takes the time since `start`.
    pub(super) fn stop(&mut self) {
        if let Some((started, pairs)) = self.started.take() {
            self.adapt(started.elapsed(), pairs);
        }
    }

    fn adapt(&mut self, took: Duration, pairs: u64) {
        // a submission that was short because there was no more to do says nothing of a longer one
        if took < Self::SHORTEST && pairs >= self.pairs / 2 {
            self.pairs = self.pairs.saturating_mul(2);
        } else if took > Self::LONGEST {
            self.pairs = (self.pairs / 2).max(Self::LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_follow_the_time_they_take() {
        let mut pace = Pace::new();
        let before = pace.columns(1000, 96);
        pace.adapt(Duration::from_millis(10), 1000);
        assert_eq!(pace.columns(1000, 96), before, "little work is no reason to grow");
        pace.adapt(Duration::from_millis(10), u64::MAX);
        assert!(pace.columns(1000, 96) > before);
        pace.adapt(Duration::from_millis(100), u64::MAX);
        let settled = pace.columns(1000, 96);
        pace.adapt(Duration::from_millis(100), u64::MAX);
        assert_eq!(pace.columns(1000, 96), settled);
        for _ in 0..100 {
            pace.adapt(Duration::from_secs(1), 0);
        }
        assert_eq!(pace.columns(u32::MAX, 96), u64::from(TILE_COLUMNS));
    }
}
