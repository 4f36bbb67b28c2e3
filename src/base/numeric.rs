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

/// Converts a number that is always below 2^32: rows of a tile, clusters, processes, steps. If a defect makes it larger, it
/// becomes the largest u32, which is no valid index and so can't be mistaken for another row.
#[inline]
pub fn to_u32(value: impl TryInto<u32>) -> u32 {
    let narrowed = value.try_into();
    debug_assert!(narrowed.is_ok(), "a number that must be below 2^32 is not");
    narrowed.unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_2_to_the_32_are_kept() {
        assert_eq!([to_u32(0_usize), to_u32(7_u128), to_u32(u64::from(u32::MAX))], [0, 7, u32::MAX]);
    }
}
