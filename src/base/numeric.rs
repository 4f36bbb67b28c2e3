//! Conversions between numbers that Rust's `as` would do without a word.

/// A count as a real; exact below 2^53, and no data set has more points.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
pub fn as_real(count: u64) -> f64 {
    count as f64
}
