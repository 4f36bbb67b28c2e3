//! Units, limits and integer widths that the kernels and the host code around them share.

use super::fault::defect;
use crate::base::error::Result;

/// Columns of an octet, the unit in which kernels read rows.
pub(crate) const OCTET: usize = 8;

/// Workgroup memory that a kernel may use, in bytes; every WebGPU adapter has at least this much.
pub const WORKGROUP_BYTES: u32 = 16 << 10;

/// Invocations of the largest workgroup.
pub const MAX_WORKGROUP: u32 = 256;

/// Loop iterations that one invocation may run, summed over all its loops.
///
/// Mesa 22.3's lavapipe silently stops an invocation after 65,535 iterations, so longer work is split into several
/// dispatches. The margin covers iterations that the estimates leave out, such as those of a final merge.
pub(crate) const MAX_LOOP_ITERATIONS: u32 = 58_000;

/// Octets that one dispatch reads of a row. The inner loop takes one iteration per octet and the outer one per eight.
pub(crate) const MAX_OCTETS: u32 = 32_768;
const _: () = assert!(MAX_OCTETS + MAX_OCTETS / 8 <= MAX_LOOP_ITERATIONS);

/// Searches read centroids in steps of this many, so blocks of centroids are padded to a multiple of it.
pub(crate) const SEARCH_STEP: u32 = 16;

/// Bytes in front of a stamped result: the stamp, padded to a vec4.
pub(crate) const STAMP_BYTES: u64 = 16;

/// Bytes and counts are 64-bit on the host; `usize` is never wider on the platforms that Rust supports.
pub(crate) const fn wide(value: usize) -> u64 {
    value as u64
}

/// Converts a count of rows or clusters to the 32 bits that kernels take.
pub(crate) fn narrow(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| defect("more than 2^32 rows or clusters"))
}
