//! Sums in double-double arithmetic: a float64 and the rest that it cannot hold, together about 106 bits (Dekker 1971;
//! Joldes, Muller and Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic", TOMS
//! 2017).
//!
//! Sums of points are kept this way. Nothing need be subtracted from the points first, whatever their offset and scale, and
//! the mean of equal points is exactly that point.

use pulp::{Arch, Simd, WithSimd};

use super::numeric::as_real;

/// `a + b`: the rounded sum and its rounding error.
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The same for `|a| >= |b|`.
#[inline(always)]
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// `x + y`
#[inline(always)]
fn plus(x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
    let (sum, error) = two_sum(x.0, y.0);
    let (rest, error_of_rest) = two_sum(x.1, y.1);
    let (sum, error) = fast_two_sum(sum, error + rest);
    fast_two_sum(sum, error + error_of_rest)
}

/// The sum of squares of `row`, less 1: exact to about 1e-16 where the sum is near 1.
pub fn squares_beyond_one(row: &[f64]) -> f64 {
    let (whole, last) = row.as_chunks::<8>();
    let (mut sums, mut rests) = ([0.0; 8], [0.0; 8]);
    for values in whole {
        for ((sum, rest), value) in sums.iter_mut().zip(&mut rests).zip(values) {
            let (next, error) = two_sum(*sum, value * value);
            (*sum, *rest) = (next, *rest + error);
        }
    }
    let (mut sum, mut rest) = (-1.0, 0.0);
    for part in sums.into_iter().chain(last.iter().map(|value| value * value)).chain(rests) {
        let (next, error) = two_sum(sum, part);
        (sum, rest) = (next, rest + error);
    }
    sum + rest
}

/// Adds values to sums, column by column.
pub fn add(sums: (&mut [f64], &mut [f64]), values: (&[f64], &[f64])) {
    Arch::new().dispatch(Accumulate { sums, values, sign: 1.0 });
}

/// Subtracts values from sums, column by column.
pub fn subtract(sums: (&mut [f64], &mut [f64]), values: (&[f64], &[f64])) {
    Arch::new().dispatch(Accumulate { sums, values, sign: -1.0 });
}

/// Adds `sign * values` to sums. Compiled for the SIMD instructions of the processor: one thread does it for all tiles.
struct Accumulate<'a> {
    sums: (&'a mut [f64], &'a mut [f64]),
    values: (&'a [f64], &'a [f64]),
    sign: f64,
}

impl WithSimd for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Accumulate { sums, values, sign } = self;
        let values = values.0.iter().zip(values.1);
        for ((sum, rest), (&value, &value_rest)) in sums.0.iter_mut().zip(sums.1).zip(values) {
            (*sum, *rest) = plus((*sum, *rest), (sign * value, sign * value_rest));
        }
    }
}

/// Adds rows, given as their number, one of them, and the sum of the differences of all from that one.
#[inline(always)]
pub fn add_rows(sums: (&mut [f64], &mut [f64]), count: u32, first: &[f64], differences: &[f64]) {
    let rows = first.iter().zip(differences);
    for ((sum, rest), (&first, &difference)) in sums.0.iter_mut().zip(sums.1).zip(rows) {
        (*sum, *rest) = plus((*sum, *rest), plus(times(first, count), (difference, 0.0)));
    }
}

/// [`add_rows`] for callers that are not compiled for the SIMD instructions of the processor themselves.
pub fn add_rows_with_simd(sums: (&mut [f64], &mut [f64]), count: u32, first: &[f64], differences: &[f64]) {
    Arch::new().dispatch(Rows { sums, count, first, differences });
}

struct Rows<'a> {
    sums: (&'a mut [f64], &'a mut [f64]),
    count: u32,
    first: &'a [f64],
    differences: &'a [f64],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        add_rows(self.sums, self.count, self.first, self.differences);
    }
}

/// `count * value`; exact for counts below 2^26 unless it overflows.
#[inline(always)]
fn times(value: f64, count: u32) -> (f64, f64) {
    // parts of 26 and 27 bits, whose products have at most 53
    let high = f64::from_bits(value.to_bits() & !0x7ff_ffff);
    let count = f64::from(count);
    fast_two_sum(high * count, (value - high) * count)
}

/// Quotient of a sum and a count, rounded once.
#[inline]
pub fn mean(sum: f64, rest: f64, count: u64) -> f64 {
    let count = as_real(count);
    let near = sum / count;
    // the remainder of a division is exact
    near + ((-near).mul_add(count, sum) + rest) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_equal_values_is_the_value() {
        for value in [0.1, 1.0 / 3.0, 1e9 + 0.1, -7.3e-200, 1.7e300, f64::MIN_POSITIVE, 5e-324] {
            let (mut sum, mut rest) = ([0.0], [0.0]);
            let mut total = 0;
            for count in [1_u32, 7, 4093, 65_536, 3, 1_000_003] {
                add_rows((&mut sum, &mut rest), count, &[value], &[0.0]);
                total += u64::from(count);
                assert_eq!(mean(sum[0], rest[0], total), value, "{value:e}, {total} times");
            }
        }
    }

    #[test]
    fn what_is_added_and_subtracted_leaves_no_trace() {
        let (mut sum, mut rest) = ([0.1], [0.0]);
        add((&mut sum, &mut rest), (&[1e20], &[0.3]));
        add_rows((&mut sum, &mut rest), 3, &[1e10], &[0.7]);
        subtract((&mut sum, &mut rest), (&[1e20], &[0.3]));
        subtract((&mut sum, &mut rest), (&[3e10], &[0.7]));
        assert!((sum[0] - 0.1).abs() < 1e-11 && sum[0] + rest[0] == sum[0], "{sum:?}");
    }

    #[test]
    fn the_product_is_exact() {
        for value in [0.1, -1.0 / 3.0, 1e17 / 3.0] {
            for count in [1, 3, 65_535, (1 << 26) - 1] {
                let (product, error) = times(value, count);
                assert_eq!((product, error), (value * f64::from(count), value.mul_add(f64::from(count), -product)));
            }
        }
    }
}
