//! Expected mutual information of random partitions.

use rayon::prelude::*;

use crate::base::numeric::as_real;

/// Terms that are smaller than this share of the sum, and get smaller from there on, are left out.
const NEGLIGIBLE: f64 = 1e-18;

/// The expected mutual information of two partitions whose parts have these sizes, over all ways to put n points into
/// both (Vinh, Epps and Bailey 2010, equation 24a):
///
/// sum over parts i and j of E[X / n ln(n X / (a_i b_j))], X ~ hypergeometric(n, a_i, b_j)
///
/// Parts of equal size are taken together: n points have fewer than sqrt(2 n) different sizes on either side, whatever
/// the number of parts.
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
    // kept apart and summed in order: the same bits whatever the number of threads
    let terms: Vec<f64> = rows.par_iter().map(of_row).collect();
    terms.into_iter().sum::<f64>() / as_real(points)
}

/// Each size with the number of parts that have it.
fn by_size(sizes: impl Iterator<Item = u64>) -> Vec<(f64, f64)> {
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    sizes.chunk_by(|a, b| a == b).map(|equal| (as_real(equal[0]), as_real(equal.len() as u64))).collect()
}

/// E[X ln(X / m)] for X of mean m = a b / n, the number of points that a part of a points and one of b have in common.
///
/// Probabilities follow from one another by their ratios, from the most likely X to both sides, and are divided by their
/// sum at the end. So no factorials come in, whose logarithms would be so large for many points that their differences lose
/// most digits. As E[X - m] is 0, X ln(X / m) - (X - m) is summed, which is never negative: nothing cancels.
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
