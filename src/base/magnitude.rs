//! The largest magnitude of a row's values, which also tells whether all of them are numbers.

use half::f16;
use pulp::{Arch, Simd, WithSimd};

use crate::base::matrix::Dtype;

/// The largest magnitude among little-endian elements; infinite or NaN if any value is. Compiled for the SIMD instructions of
/// the processor: every row that is read passes through here.
pub fn largest(dtype: Dtype, bytes: &[u8]) -> f64 {
    Arch::new().dispatch(Largest { dtype, bytes })
}

/// Whether all elements are finite.
pub fn is_finite(dtype: Dtype, bytes: &[u8]) -> bool {
    largest(dtype, bytes).is_finite()
}

struct Largest<'a> {
    dtype: Dtype,
    bytes: &'a [u8],
}

impl WithSimd for Largest<'_> {
    type Output = f64;

    /// Magnitudes order like their bits, and those of NaN and infinity are beyond all numbers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f64 {
        let Largest { dtype, bytes } = self;
        match dtype {
            Dtype::F16 => {
                let magnitude = |&bytes: &[u8; 2]| u16::from_le_bytes(bytes) & 0x7fff;
                f16::from_bits(bytes.as_chunks().0.iter().map(magnitude).fold(0, u16::max)).into()
            }
            Dtype::F32 => {
                let magnitude = |&bytes: &[u8; 4]| u32::from_le_bytes(bytes) & 0x7fff_ffff;
                f32::from_bits(bytes.as_chunks().0.iter().map(magnitude).fold(0, u32::max)).into()
            }
            Dtype::F64 => {
                let magnitude = |&bytes: &[u8; 8]| u64::from_le_bytes(bytes) & 0x7fff_ffff_ffff_ffff;
                f64::from_bits(bytes.as_chunks().0.iter().map(magnitude).fold(0, u64::max))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::numeric::to_f32;

    #[test]
    fn the_largest_magnitude_is_found_anywhere_and_nothing_hides_a_nan() {
        for length in [1, 2, 7, 64, 65, 769] {
            for place in [0, length / 2, length - 1] {
                let with = |value: f64| {
                    let mut values = vec![0.5; length];
                    values[place] = value;
                    values
                };
                for value in [-3.5, 0.75, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN] {
                    let found = [
                        largest(
                            Dtype::F16,
                            &with(value).iter().flat_map(|&v| f16::from_f64(v).to_le_bytes()).collect::<Vec<u8>>(),
                        ),
                        largest(
                            Dtype::F32,
                            &with(value).iter().flat_map(|&v| to_f32(v).to_le_bytes()).collect::<Vec<u8>>(),
                        ),
                        largest(Dtype::F64, &with(value).iter().flat_map(|&v| v.to_le_bytes()).collect::<Vec<u8>>()),
                    ];
                    let right = |found: f64| found == value.abs() || (found.is_nan() && value.is_nan());
                    assert!(found.into_iter().all(right), "{value} at {place} of {length}: {found:?}");
                }
            }
        }
        assert_eq!(largest(Dtype::F32, &[]), 0.0);
        assert!(is_finite(Dtype::F64, &1e300_f64.to_le_bytes()) && !is_finite(Dtype::F16, &[0, 0x7c]));
    }
}
