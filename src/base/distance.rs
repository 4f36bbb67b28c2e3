//! The squared Euclidean distance in float64.

/// Squared distance of two rows of the same length. Eight independent sums let the compiler use SIMD: inlined, so that callers which
/// are compiled for the processor's instructions get it, too.
#[inline(always)]
pub fn squared<A: Copy + Into<f64>, B: Copy + Into<f64>>(a: &[A], b: &[B]) -> f64 {
    let squared = |a: A, b: B| (a.into() - b.into()).powi(2);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += squared(a, b);
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(&a, &b)| squared(a, b)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::squared;

    #[test]
    fn every_column_counts_once() {
        for length in [0, 1, 7, 8, 9, 64, 67] {
            let a: Vec<f32> = (0..length).map(|i| i as f32).collect();
            let b: Vec<f64> = (0..length).map(|i| f64::from(i) * 3.0 + 1.0).collect();
            // 2 i + 1, squared
            let expected: i32 = (0..length).map(|i: i32| (2 * i + 1).pow(2)).sum();
            assert_eq!(squared(&a, &b), f64::from(expected), "{length} columns");
        }
    }
}
