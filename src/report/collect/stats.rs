//! Mean and standard deviation of a few numbers.

use crate::base::numeric::as_real;

/// Mean and sample standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// How many numbers there are.
    pub count: u64,
    /// Their mean; `None` for no numbers.
    pub mean: Option<f64>,
    /// Their standard deviation with denominator `count - 1` (NumPy's `ddof=1`); `None` for fewer than two numbers.
    pub deviation: Option<f64>,
}

impl Moments {
    /// Computes both in two passes. Deviations are taken from the mean, so a common offset cancels before anything is
    /// squared; the rounding error of their sum is corrected.
    pub fn of(values: &[f64]) -> Moments {
        let count = values.len() as u64;
        let Some(&first) = values.first() else { return Moments { count, mean: None, deviation: None } };
        let n = as_real(count);
        // relative to the first value, so sums stay small beside a common offset
        let rough = first + values.iter().map(|value| value - first).sum::<f64>() / n;
        let left = values.iter().map(|value| value - rough).sum::<f64>();
        let mean = rough + left / n;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let left = values.iter().map(|value| value - mean).sum::<f64>();
        let deviation = (count > 1).then(|| ((squares - left * left / n).max(0.0) / (n - 1.0)).sqrt());
        Moments { count, mean: Some(mean), deviation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with `np.mean(x)` and `np.std(x, ddof=1)` of NumPy 2.4.6. The two with the largest offsets, where NumPy
    /// loses digits, were computed with rationals.
    const NUMPY: &[(&[f64], f64, f64)] = &[
        (&[1.0, 2.0, 3.0, 4.0], 2.5, 1.2909944487358056),
        (&[0.25, 0.5, 0.3, 0.41, 0.47], 0.386, 0.1078424777163433),
        (&[0.1, 0.2, 0.3], 0.20000000000000004, 0.09999999999999999),
        (&[1000000004.0, 1000000007.0, 1000000013.0, 1000000016.0], 1000000010.0, 5.477225575051661),
        (
            &[1000000000000.125, 1000000000000.25, 1000000000000.5, 1000000000001.75, 999999999997.0],
            999999999999.925,
            1.7580173491749165,
        ),
        (
            &[
                -3999999999999999.0,
                -3999999999999998.0,
                -3999999999999996.0,
                -3999999999999991.0,
                -3999999999999998.0,
                -4000000000000000.0,
                -3999999999999995.0,
            ],
            -3999999999999997.0,
            3.039423504234847,
        ),
        (&[1e-9, 2e-9, 5e-9], 2.666666666666667e-09, 2.081665999466133e-09),
        (&[1158123.4375, 1158124.9, 1157999.0625], 1158082.4666666666, 72.2338285679181),
        (
            &[
                1000.1257302210934,
                999.8678951367087,
                1000.6404226504433,
                1000.1049001171531,
                999.4643306268389,
                1000.3615950549095,
            ],
            1000.0941456345245,
            0.4047016795761067,
        ),
    ];

    fn close(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() <= 1e-12 * expected.abs())
    }

    #[test]
    fn moments_agree_with_numpy() {
        for (values, mean, deviation) in NUMPY {
            let moments = Moments::of(values);
            assert!(close(moments.mean, *mean) && close(moments.deviation, *deviation), "{values:?}: {moments:?}");
        }
    }

    #[test]
    fn the_comparison_can_fail() {
        // the textbook's single pass suffers cancellation at large offsets
        let naive = |x: &[f64]| {
            let n = x.len() as f64;
            let (sum, squares) = x.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
            Some(((squares - sum * sum / n) / (n - 1.0)).sqrt())
        };
        assert!(NUMPY.iter().any(|(values, _, deviation)| !close(naive(values), *deviation)));
    }

    #[test]
    fn few_numbers_have_no_deviation() {
        assert_eq!(Moments::of(&[]), Moments { count: 0, mean: None, deviation: None });
        assert_eq!(Moments::of(&[3.0]), Moments { count: 1, mean: Some(3.0), deviation: None });
        assert_eq!(Moments::of(&[3.0, 3.0]), Moments { count: 2, mean: Some(3.0), deviation: Some(0.0) });
    }
}
