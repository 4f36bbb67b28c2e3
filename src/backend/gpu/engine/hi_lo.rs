//! A float64 as hi/lo parts of float32, and scales that bring values into float32's range.

use crate::base::numeric::to_f32;

use super::units::OCTET;

/// Splits `value` into hi/lo parts: `value` rounded to float32, and the remainder as float32. Together they keep 48 bits.
pub(crate) fn hi_lo(value: f64) -> (f32, f32) {
    let hi = to_f32(value);
    (hi, to_f32(value - f64::from(hi)))
}

/// A squared difference below this share of the squared magnitude is less accurate than float32, because hi/lo parts keep
/// only 48 bits of a float64.
pub(crate) const HI_LO_SHARE: f64 = 1.0 / (1_u64 << 42) as f64;

/// Writes a row octet by octet: the hi parts of eight columns, then their lo parts. `out` has `8 * 8` bytes per octet.
pub(crate) fn pack_hi_lo_row(values: &[f64], out: &mut [u8]) {
    let (octets, _) = out.as_chunks_mut::<{ OCTET * 8 }>();
    for (octet, columns) in octets.iter_mut().zip(values.chunks(OCTET)) {
        for (column, &value) in columns.iter().enumerate() {
            let (hi, lo) = hi_lo(value);
            octet[column * 4..][..4].copy_from_slice(&hi.to_ne_bytes());
            octet[(OCTET + column) * 4..][..4].copy_from_slice(&lo.to_ne_bytes());
        }
    }
}

/// The power of two that scales the largest magnitude to about 2^40. Squared differences then stay within float32 for any
/// number of columns that fits memory, and so do those of values 2^-80 times as large. 1 if `largest` is 0 or not finite.
pub(crate) fn unit_scale(largest: f64) -> f64 {
    if largest > 0.0 && largest.is_finite() {
        (40.0 - largest.log2().ceil()).clamp(-1000.0, 1000.0).exp2()
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_keep_forty_eight_bits() {
        for value in [0.1, 100.0 + 1e-9, -12345.678901234567, 1.0 / 3.0] {
            let (hi, lo) = hi_lo(value);
            let error = (f64::from(hi) + f64::from(lo) - value).abs() / value.abs();
            assert!(error <= 2.0_f64.powi(-48), "{value}: {error}");
            assert!((f64::from(hi) - value).abs() / value.abs() > 2.0_f64.powi(-48), "{value} needs no second part");
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
}
