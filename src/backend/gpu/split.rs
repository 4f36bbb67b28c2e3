//! Float64 as two float32, and sizes of values by their bits.

use crate::base::numeric::to_f32;
use half::f16;

/// `value` rounded to float32, and what is left of it: together 48 bits.
pub(super) fn split(value: f64) -> (f32, f32) {
    let high = to_f32(value);
    (high, to_f32(value - f64::from(high)))
}

/// Rounds a result to float32.
pub(super) fn round(value: f64) -> f32 {
    to_f32(value)
}

/// The power of two that brings a largest magnitude to about 2^40: squares of differences of as many columns as memory
/// holds stay within float32, and so do those of values 2^-80 times as large.
pub(super) fn unit_scale(largest: f64) -> f64 {
    if largest > 0.0 && largest.is_finite() {
        (40.0 - largest.log2().ceil()).clamp(-1000.0, 1000.0).exp2()
    } else {
        1.0
    }
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
    fn scales_are_powers_of_two_that_bring_everything_into_range() {
        for value in [1.0, 0.75, 3e30, 1e-40, 1e280, 1e-280, f64::from(f32::MAX)] {
            let scale = unit_scale(value);
            assert_eq!(scale.log2().fract(), 0.0);
            assert!((2.0_f64.powi(38)..=2.0_f64.powi(40)).contains(&(value * scale)), "{value}: {}", value * scale);
        }
        assert_eq!([unit_scale(0.0), unit_scale(f64::NAN), unit_scale(f64::INFINITY)], [1.0; 3]);
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
