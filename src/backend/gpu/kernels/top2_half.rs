//! The four centroids with the lowest scores of each row, with cooperative matrices; `shaders/top2_half.wgsl`.

use super::search::{BINDINGS, CANDIDATES, SEARCH, Shape};
use crate::backend::gpu::engine::kernel::{Entry, Kernel};
use crate::backend::gpu::engine::units::OCTET;

/// Extensions that the kernel needs. WGSL requires these directives before anything else.
const ENABLE: &str = "enable f16;\nenable wgpu_cooperative_matrix;\n";

/// Octets of a row in float16 are a multiple of this: the columns of a slab.
pub(crate) const SLAB_OCTETS: u32 = 4;

/// The kernel's description. [`Cooperative`](crate::backend::gpu::engine::options::Cooperative) chooses the variant.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "top2_half",
    sources: &[ENABLE, CANDIDATES, SEARCH, include_str!("../../../../shaders/top2_half.wgsl")],
    entries: &[Entry { name: "nominate", workgroup: 256 }],
    bindings: BINDINGS,
    variants: &[&[("BUFFERS", 1.0)], &[("BUFFERS", 2.0)]],
    constants: &[],
};

/// A workgroup processes 128 rows by 128 centroids at a time.
pub(crate) static COOPERATIVE: Shape = Shape {
    kernel: &KERNEL,
    entry: 0,
    rows: 128,
    centroids: 128,
    // A slab takes one iteration and one for each of its two parts; then there are eight columns of eight fragments.
    iterations: |octets| octets.div_ceil(SLAB_OCTETS).saturating_mul(3).saturating_add(8 * 9 + 2),
    // Four merges of eight shares.
    last_iterations: 4 * 9,
    // The merge stores places as float32.
    most: 1 << 24,
};

/// Bytes of a row in float16.
pub(crate) const fn row_bytes(octets: u32) -> u64 {
    octets.next_multiple_of(SLAB_OCTETS) as u64 * OCTET as u64 * 2
}
