//! Conversions between number types.

/// Row numbers, file sizes and offsets are `u64` on disk and in the API, and `usize` as indices into memory.
const _: () = assert!(usize::BITS == 64, "clustrata addresses more than 2^32 rows and needs a 64-bit target");

/// Converts a count to float64. Exact below 2^53, and no data set has more points.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
#[inline]
pub const fn as_real(count: u64) -> f64 {
    count as f64
}

/// Converts a row number, size or offset to an index into memory.
#[expect(clippy::cast_possible_truncation, reason = "the target has 64 bits, as asserted above")]
#[inline]
pub const fn to_usize(value: u64) -> usize {
    value as usize
}

/// Rounds to the nearest float32.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
#[inline]
pub const fn to_f32(value: f64) -> f32 {
    value as f32
}
