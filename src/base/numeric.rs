//! Conversions between number types, each written once.

/// Row numbers, sizes of files and offsets are `u64`; in memory they are `usize`.
const _: () = assert!(usize::BITS == 64, "clustrata addresses more than 2^32 rows and needs a 64-bit target");

/// A count as a float64: exact below 2^53, and no data set has more points.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
#[inline]
pub const fn as_real(count: u64) -> f64 {
    count as f64
}

/// A row number, size or offset as an index into memory.
#[expect(clippy::cast_possible_truncation, reason = "the target has 64 bits, as asserted above")]
#[inline]
pub const fn to_usize(value: u64) -> usize {
    value as usize
}

/// Rounds to the nearest float32.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what it is for")]
#[inline]
pub const fn to_f32(value: f64) -> f32 {
    value as f32
}
