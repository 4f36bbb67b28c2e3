//! The four centroids with the lowest scores of each row, in register tiles; `shaders/top2_tile.wgsl`.

use super::search::{BINDINGS, CANDIDATES, SEARCH, Shape};
use crate::backend::gpu::engine::kernel::{EIGHT, Entry, Kernel};

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "top2_tile",
    sources: &[CANDIDATES, EIGHT, SEARCH, include_str!("../../../../shaders/top2_tile.wgsl")],
    entries: &[Entry { name: "rows_128", workgroup: 256 }, Entry { name: "rows_64", workgroup: 128 }],
    bindings: BINDINGS,
    variants: &[&[]],
    constants: &[],
};

/// A workgroup of 256 processes 128 rows by 128 centroids at a time, an invocation 8 by 8.
pub(crate) static ROWS_128: Shape = Shape {
    kernel: &KERNEL,
    entry: 0,
    rows: 128,
    centroids: 128,
    // A slab of two octets takes one iteration, and one for each of its four quads.
    iterations: |octets| octets.div_ceil(2).saturating_mul(5).saturating_add(2),
    // Two merges of sixteen shares.
    last_iterations: 2 * 17,
    // A share has eight of 128 centroids and counts them in 16 bits.
    most: (1 << 16) / 8 * 128,
};

/// The same with workgroups of 128, for GPUs whose register file has no room for larger ones.
pub(crate) static ROWS_64: Shape = Shape { entry: 1, rows: 64, ..ROWS_128 };
