//! The four centroids with the lowest scores of each row, per invocation or in small tiles; `shaders/top2.wgsl`.

use super::search::{BINDINGS, CANDIDATES, SEARCH, Shape};
use crate::backend::gpu::engine::kernel::{EIGHT, Entry, Kernel};
use crate::backend::gpu::engine::units::SEARCH_STEP;

/// Invocations per workgroup of the entry points.
const INVOCATION_GROUP: u32 = 32;
const TILE_GROUP: u32 = 256;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "top2",
    sources: &[CANDIDATES, EIGHT, SEARCH, include_str!("../../../../shaders/top2.wgsl")],
    entries: &[
        Entry { name: "per_invocation", workgroup: INVOCATION_GROUP },
        Entry { name: "workgroup_tile", workgroup: TILE_GROUP },
    ],
    bindings: BINDINGS,
    variants: &[&[]],
    constants: &[],
};

/// An invocation processes eight rows.
pub(crate) static PER_INVOCATION: Shape = Shape {
    kernel: &KERNEL,
    entry: 0,
    rows: 8 * INVOCATION_GROUP,
    centroids: SEARCH_STEP,
    iterations: |octets| octets.saturating_mul(2).saturating_add(2),
    last_iterations: 0,
    most: u32::MAX,
};

/// A workgroup processes 64 rows by 128 centroids at a time, an invocation 4 by 8.
pub(crate) static WORKGROUP_TILE: Shape = Shape {
    kernel: &KERNEL,
    entry: 1,
    rows: 64,
    centroids: 128,
    // Two sides per octet.
    iterations: |octets| octets.saturating_mul(4).saturating_add(2),
    // Four merges of sixteen shares.
    last_iterations: 4 * 17,
    most: u32::MAX,
};
