//! Expected mutual information of random partitions.

use rayon::prelude::*;

use crate::base::numeric::as_real;

/// Summation stops at terms below this share of the sum; all later terms are smaller.
const NEGLIGIBLE: f64 = 1e-18;

/// Expected mutual information of two random partitions of n points with the given part sizes (Vinh, Epps and Bailey 2010,
/// equation 24a):
///
/// sum over parts i and j of E[X / n ln(n X / (a_i b_j))], X ~ hypergeometric(n, a_i, b_j)
///
/// Parts of equal size are grouped: a partition of n points has fewer than sqrt(2 n) distinct sizes, whatever its number of
/// parts.
pub(super) fn expected_mutual_information(
    rows: impl Iterator<Item = u64>,
    columns: impl Iterator<Item = u64>,
    points: u64,
) -> f64 {
    let (rows, columns) = (by_size(rows), by_size(columns));
    let of_row = |&(a, rows): &(f64, f64)| {
        let of_columns = columns.iter().map(|&(b, columns)| columns * expected_term(a, b, as_real(points)));
        rows * of_columns.sum::<f64>()
    };
    // summed in order: the result does not depend on the number of threads
    let terms: Vec<f64> = rows.par_iter().map(of_row).collect();
    terms.into_iter().sum::<f64>() / as_real(points)
}

/// Each distinct size, with the number of parts of that size.
fn by_size(sizes: impl Iterator<Item = u64>) -> Vec<(f64, f64)> {
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    sizes.chunk_by(|a, b| a == b).map(|equal| (as_real(equal[0]), as_real(equal.len() as u64))).collect()
}

/// E[X ln(X / m)], where X is the size of the intersection of a part of size a and a part of size b, and m = a b / n its mean.
///
/// Probabilities are computed from their successive ratios, starting at the mode and going both ways, and are normalized at
/// the end. This avoids factorials: for large n, their logarithms are so large that the differences lose most digits. Since
/// E[X - m] = 0, the sum is over X ln(X / m) - (X - m), which is never negative, so nothing cancels.
fn expected_term(a: f64, b: f64, n: f64) -> f64 {
    let mean = a * b / n;
    let excess = |x: f64| if x == 0.0 { mean } else { x * (x / mean).ln() - (x - mean) };
    let (least, most) = ((a + b - n).max(0.0), a.min(b));
    let mode = ((a + 1.0) * (b + 1.0) / (n + 2.0)).floor().clamp(least, most);
    // P(x + 1) / P(x)
    let ratio = |x: f64| (a - x) * (b - x) / ((x + 1.0) * (n - a - b + x + 1.0));
    let (mut sum, mut weights) = (excess(mode), 1.0);
    let mut add = |x: f64, weight: f64| {
        let term = weight * excess(x);
        sum += term;
        weights += weight;
        term > NEGLIGIBLE * sum || weight > NEGLIGIBLE * weights
    };
    let (mut x, mut weight) = (mode, 1.0);
    while x < most {
        weight *= ratio(x);
        x += 1.0;
        if !add(x, weight) {
            break;
        }
    }
    (x, weight) = (mode, 1.0);
    while x > least {
        x -= 1.0;
        weight /= ratio(x);
        if !add(x, weight) {
            break;
        }
    }
    sum / weights
}
