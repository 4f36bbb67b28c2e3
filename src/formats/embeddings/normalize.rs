//! Rows divided by their Euclidean norm as they are read.
//!
//! A power of two first brings the largest value of a row to between 1 and 2, which is exact. So the norm neither overflows
//! nor underflows, and rows that differ by a power of two alone are delivered with the same bits.

use crate::base::matrix::Dtype;
use crate::base::numeric::to_f32;

/// Every value of a delivered row that was all zeros: a NaN that arithmetic does not produce, here as float64 and float32.
const ZEROS: (u64, u32) = (0x7ff8_7a65_726f_0000, 0x7fc7_a650);

/// Element type of normalised rows.
pub(super) fn delivered(stored: Dtype) -> Dtype {
    match stored {
        Dtype::F16 | Dtype::F32 => Dtype::F32,
        Dtype::F64 => Dtype::F64,
    }
}

/// Normalises rows in place. `out` has room for the delivered rows, and the stored rows fill its end. A row with a NaN or an
/// infinity becomes NaN, and so does a row of zeros (see [`was_zero`]).
pub(super) fn rows(stored: Dtype, dim: usize, out: &mut [u8]) {
    let (from, to) = (dim * stored.size(), dim * delivered(stored).size());
    let count = out.len() / to;
    let first = out.len() - count * from;
    let mut row = vec![0.0; dim];
    for number in 0..count {
        stored.widen(&out[first + number * from..][..from], &mut row);
        let outcome = normalize(&mut row);
        // never reaches the stored rows that are still to be read
        write(delivered(stored), outcome, &row, &mut out[number * to..][..to]);
    }
}

/// Whether a delivered row had no norm to be divided by, because all its values were 0.
pub fn was_zero(delivered: Dtype, row: &[u8]) -> bool {
    match delivered {
        Dtype::F16 => false,
        Dtype::F32 => row.first_chunk() == Some(&ZEROS.1.to_le_bytes()),
        Dtype::F64 => row.first_chunk() == Some(&ZEROS.0.to_le_bytes()),
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Normalized,
    Zeros,
    NotFinite,
}

/// Divides a row by its norm.
fn normalize(row: &mut [f64]) -> Outcome {
    // the maximum skips NaN, and the norm does not
    let largest = row.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    if largest == 0.0 && row.iter().all(|&value| value == 0.0) {
        return Outcome::Zeros;
    }
    if !largest.is_normal() && !largest.is_subnormal() {
        return Outcome::NotFinite;
    }
    let [first, second] = factors(largest);
    row.iter_mut().for_each(|value| *value = *value * first * second);
    let norm = squares(row).sqrt();
    if norm.is_nan() {
        return Outcome::NotFinite;
    }
    row.iter_mut().for_each(|value| *value /= norm);
    Outcome::Normalized
}

/// Powers of two that bring `largest` to between 1 and 2 when it is multiplied by one after the other: a float64 can't hold the
/// one for the smallest numbers.
fn factors(largest: f64) -> [f64; 2] {
    let first = if largest.is_subnormal() { power_of_two(1000) } else { 1.0 };
    [first, power_of_two(-exponent(largest * first))]
}

/// Exponent of a normal number.
fn exponent(value: f64) -> i32 {
    // eleven bits
    i32::try_from((value.to_bits() >> 52) & 0x7ff).unwrap_or(0) - 1023
}

/// 2 to a power from -1023 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    match u64::try_from(exponent + 1023) {
        Ok(biased) if biased > 0 => f64::from_bits(biased << 52),
        // subnormal
        _ => f64::from_bits(1 << 51),
    }
}

/// Sum of squares. Eight independent sums let the compiler use SIMD.
fn squares(row: &[f64]) -> f64 {
    let (whole, rest) = row.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for values in whole {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * value);
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| value * value).sum::<f64>()
}

fn write(dtype: Dtype, outcome: Outcome, row: &[f64], out: &mut [u8]) {
    let unusable = match outcome {
        Outcome::Normalized => None,
        Outcome::Zeros => Some(ZEROS),
        Outcome::NotFinite => Some((f64::NAN.to_bits(), f32::NAN.to_bits())),
    };
    match (dtype, unusable) {
        (Dtype::F64, Some((nan, _))) => out.as_chunks_mut().0.fill(nan.to_le_bytes()),
        (_, Some((_, nan))) => out.as_chunks_mut().0.fill(nan.to_le_bytes()),
        (Dtype::F64, None) => {
            out.as_chunks_mut().0.iter_mut().zip(row).for_each(|(out, value)| *out = value.to_le_bytes());
        }
        (_, None) => {
            out.as_chunks_mut().0.iter_mut().zip(row).for_each(|(out, &value)| *out = to_f32(value).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    /// Rows as [`rows`] delivers them, in float64.
    fn delivered_as(dtype: Dtype, dim: usize, values: &[f64]) -> (Vec<u8>, Vec<f64>) {
        let stored: Vec<u8> = match dtype {
            Dtype::F16 => values.iter().flat_map(|&v| f16::from_f64(v).to_le_bytes()).collect(),
            Dtype::F32 => values.iter().flat_map(|&v| to_f32(v).to_le_bytes()).collect(),
            Dtype::F64 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        let mut out = vec![0; values.len() * delivered(dtype).size()];
        let end = out.len() - stored.len();
        out[end..].copy_from_slice(&stored);
        rows(dtype, dim, &mut out);
        let mut wide = vec![0.0; values.len()];
        delivered(dtype).widen(&out, &mut wide);
        (out, wide)
    }

    const VALUES: [f64; 12] = [3.0, -4.0, 0.0, 0.25, 0.5, -0.125, 1.0, 1.0, 1.0, -0.0, 0.0, 7.0];

    #[test]
    fn rows_are_divided_by_their_norm() {
        for dtype in [Dtype::F16, Dtype::F32, Dtype::F64] {
            let (_, unit) = delivered_as(dtype, 3, &VALUES);
            for (row, stored) in unit.chunks(3).zip(VALUES.chunks(3)) {
                let norm = stored.iter().map(|v| v * v).sum::<f64>().sqrt();
                let off = row.iter().zip(stored).map(|(got, v)| (got - v / norm).abs()).fold(0.0, f64::max);
                assert!(off < if dtype == Dtype::F64 { 2e-16 } else { 6e-8 }, "{dtype:?}: {row:?} of {stored:?}");
            }
        }
    }

    #[test]
    fn a_power_of_two_changes_no_bit() {
        let ranges = [(Dtype::F16, -8, 8), (Dtype::F32, -100, 100), (Dtype::F64, -1000, 1000)];
        for (dtype, low, high) in ranges {
            let (bits, _) = delivered_as(dtype, 3, &VALUES);
            for exponent in (low..=high).step_by(if dtype == Dtype::F64 { 125 } else { 4 }) {
                let scaled = VALUES.map(|value| value * power_of_two(exponent));
                assert_eq!(delivered_as(dtype, 3, &scaled).0, bits, "{dtype:?} times 2^{exponent}");
            }
            let off = VALUES.map(|value| value * 1.5 + 0.125);
            assert_ne!(delivered_as(dtype, 3, &off).0, bits, "other rows differ");
        }
    }

    #[test]
    fn the_smallest_and_the_largest_numbers_have_a_norm() {
        for value in [f64::from_bits(1), f64::MIN_POSITIVE, 1e-310, 1e300, f64::MAX] {
            let (_, unit) = delivered_as(Dtype::F64, 2, &[value, -value]);
            assert!((unit[0] - 0.5_f64.sqrt()).abs() < 2e-16 && unit[1] == -unit[0], "{value:e}: {unit:?}");
        }
        for (bits, power) in [(1, -1074), (1 << 51, -1023), (1 << 52, -1022)] {
            let [first, second] = factors(f64::from_bits(bits));
            assert_eq!(f64::from_bits(bits) * first * second, 1.0, "2^{power}");
        }
    }

    #[test]
    fn rows_without_a_norm_are_nan_and_zeros_are_told_apart() {
        let rows = [0.0, -0.0, f64::NAN, 0.0, f64::INFINITY, 1.0, f64::NAN, 1.0, 1.0, 0.0];
        for dtype in [Dtype::F16, Dtype::F32, Dtype::F64] {
            let (bytes, unit) = delivered_as(dtype, 2, &rows);
            assert!(unit[..8].iter().all(|value| value.is_nan()), "{unit:?}");
            let row_bytes = 2 * delivered(dtype).size();
            let zeros: Vec<bool> = bytes.chunks(row_bytes).map(|row| was_zero(delivered(dtype), row)).collect();
            assert_eq!(
                (zeros.as_slice(), &unit[8..]),
                ([true, false, false, false, false].as_slice(), [1.0, 0.0].as_slice())
            );
        }
    }
}
