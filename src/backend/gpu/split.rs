//! Float64 as two float32, and sizes of values by their bits.

use half::f16;

/// `value` rounded to float32, and what is left of it: together 48 bits.
pub(super) fn split(value: f64) -> (f32, f32) {
    let high = nearest(value);
    (high, nearest(value - f64::from(high)))
}

/// Rounds to the nearest float32.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
fn nearest(value: f64) -> f32 {
    value as f32
}

/// Rounds a result to float32.
pub(super) fn round(value: f64) -> f32 {
    nearest(value)
}

/// The largest magnitude among float16 bits; infinite or NaN where one of them is.
pub(super) fn largest_f16(bits: &[u16]) -> f64 {
    f64::from(f16::from_bits(bits.iter().fold(0, |most, &bits| most.max(bits & 0x7fff))))
}

/// The largest magnitude among float32 bits; infinite or NaN where one of them is.
pub(super) fn largest_f32(bits: &[u32]) -> f64 {
    f64::from(f32::from_bits(bits.iter().fold(0, |most, &bits| most.max(bits & 0x7fff_ffff))))
}

/// The largest magnitude among float64 bits; infinite or NaN where one of them is.
pub(super) fn largest_f64(bits: &[u64]) -> f64 {
    f64::from_bits(bits.iter().fold(0, |most, &bits| most.max(bits & 0x7fff_ffff_ffff_ffff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_keep_forty_eight_bits() {
        for value in [0.1, 100.0 + 1e-9, -12345.678901234567, 1.0 / 3.0] {
            let (high, rest) = split(value);
            let error = (f64::from(high) + f64::from(rest) - value).abs() / value.abs();
            assert!(error <= 2.0_f64.powi(-48), "{value}: {error}");
            assert!((f64::from(high) - value).abs() / value.abs() > 2.0_f64.powi(-48), "{value} needs no second part");
        }
    }

    #[test]
    fn the_largest_magnitude_shows_what_is_not_finite() {
        assert_eq!(largest_f32(&[1.0_f32, -3.5, 2.0].map(f32::to_bits)), 3.5);
        assert_eq!(largest_f16(&[1.0, -3.5, 2.0].map(|v| f16::from_f32(v).to_bits())), 3.5);
        assert_eq!(largest_f64(&[1.0_f64, -3.5, 2.0].map(f64::to_bits)), 3.5);
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!largest_f32(&[1.0, bad, 2.0].map(f32::to_bits)).is_finite());
            assert!(!largest_f16(&[1.0, bad, 2.0].map(|v| f16::from_f32(v).to_bits())).is_finite());
            assert!(!largest_f64(&[1.0, f64::from(bad), 2.0].map(f64::to_bits)).is_finite());
        }
    }
}
