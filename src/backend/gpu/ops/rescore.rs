//! Decides which of a row's four best scores can belong to its nearest two, and which rows need a closer look.
//!
//! With `x` and `c` centred by `m`, the squared distance is `|x|^2 + S`, `S = |c|^2 - 2 x.c`. The device computes `s`, an
//! approximation of S. Let `u = 2^-23`, since WGSL promises no rounding mode: a device may
//! round to either neighbour. Let `X >= |x|`, `C >= |c|`, `M = |m|`. The errors, in the order in which they arise:
//!
//! - Centring rounds. `x` is off by at most `3 u X + 2^-46 (X + M)`, since it and `m` are stored as hi/lo parts; `c` is off by
//!   `u C + 2^-52 M`. In S this amounts to `(8 X C + 2 C^2) u` and, for the terms in M, less than `2^-43 M (X + C)`.
//! - `|c|^2` is rounded once: `u C^2`.
//! - `x.c`, a sum of d products in *any* order (Higham, *Accuracy and Stability*, 3.1; compilers may reorder it), is off by
//!   `d u / (1 - d u) X C`, and counts twice.
//! - The final subtraction rounds `C^2 + 2 X C` once.
//! - Values below float32's normal range may become 0: `2^-126` for each product, and the same times the other factor for
//!   each value.
//!
//! A factor of 17/16 covers second-order terms and the denominator as long as `d u < 1/32`.

use crate::backend::gpu::engine::exact::squared_norm;

/// Largest relative error of a float32 operation: WGSL promises a neighbour of the exact result, not the nearest one.
const UNIT: f64 = 1.0 / (1_u64 << 23) as f64;

/// Bound of the relative error of a squared distance that `own_distance` computes for rows of d columns. Each term takes
/// part in at most 64 + d / 2048 additions and is rounded twice before. Hi/lo parts at most double the error.
pub(crate) fn direct_error(dim: usize) -> f64 {
    2.0 * UNIT * (66.0 + dim as f64 / 2048.0)
}

/// Error bounds of scores, for one job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreError {
    dim: f64,
    centre: f64,
}

impl ScoreError {
    /// Widest rows, in columns, for which the derivation holds.
    const WIDEST: usize = 1 << 18;

    /// Bounds for rows of `centre.len()` columns, centred by `centre`.
    pub(crate) fn new(centre: &[f64]) -> ScoreError {
        ScoreError { dim: centre.len() as f64, centre: squared_norm(centre).sqrt() }
    }

    /// Whether the bounds hold for rows of `dim` columns.
    pub(crate) fn holds(dim: usize) -> bool {
        dim <= Self::WIDEST
    }

    /// Largest error of a score if `|x| <= point` and `|c| <= centroid`.
    pub(crate) fn bound(&self, point: f64, centroid: f64) -> f64 {
        let rounding = UNIT * ((2.0 * self.dim + 12.0) * point * centroid + 4.0 * centroid * centroid);
        let offset = (-43.0_f64).exp2() * self.centre * (point + centroid);
        let underflow = (-122.0_f64).exp2() * self.dim * (1.0 + point + centroid);
        1.0625 * rounding + offset + underflow
    }
}

/// One row's candidates, at most four.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidates<'s> {
    /// Ascending scores.
    pub(crate) scores: &'s [f32],
    /// Norms of the candidates' centred centroids.
    pub(crate) lengths: &'s [f64],
    /// Squared distances to the first two by direct difference.
    pub(crate) squared: [f64; 2],
    /// No other centroid has a lower score; `None` if there are no others.
    pub(crate) floor: Option<f32>,
    /// Largest norm of a centred centroid.
    pub(crate) longest: f64,
}

/// Which centroids may be among the nearest two, judging by their scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// Only this many first candidates.
    First(usize),
    /// Any centroid.
    All,
}

impl Candidates<'_> {
    /// Decides by worst-case bounds. NaN leaves everything open.
    pub(crate) fn open(&self, error: &ScoreError) -> Open {
        let &[first, second, ..] = self.lengths else { return Open::First(self.lengths.len()) };
        let slack = 1.0 + direct_error(1 << 20);
        let offset = (-40.0_f64).exp2() * error.centre;
        let [to_first, to_second] = self.squared.map(|squared| squared.sqrt() * slack + offset);
        // |x| <= |c| + |x - c|
        let point = (first * slack + to_first).min(second * slack + to_second);
        let upper = |place: usize| f64::from(self.scores[place]) + error.bound(point, self.lengths[place]);
        let (upper_first, upper_second) = (upper(0), upper(1));
        if upper_first.is_nan() || upper_second.is_nan() {
            return Open::All;
        }
        let enough = upper_first.max(upper_second);
        // A centroid with a larger norm than |x| + |x - c| of the second candidate c is farther away than c.
        let reach = self.longest.min(point + to_first.max(to_second));
        let closed = |score: f32, length: f64| f64::from(score) - error.bound(point, length) > enough;
        if !self.floor.is_none_or(|floor| closed(floor, reach)) {
            return Open::All;
        }
        let last = (2..self.scores.len()).rev().find(|&place| !closed(self.scores[place], self.lengths[place]));
        Open::First(last.map_or(2, |place| place + 1))
    }
}

/// Whether the nearest two can be told from squared distances by `own_distance`, each with a relative error of at most
/// `error`.
pub(crate) fn in_order(ascending: &[f64], error: f64) -> bool {
    ascending.windows(2).take(2).all(|pair| pair[0] * (1.0 + 2.5 * error) < pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::engine::exact::NearestTwo;

    fn open(scores: &[f32], floor: Option<f32>) -> Open {
        let lengths = vec![1.0; scores.len()];
        let candidates = Candidates { scores, lengths: &lengths, squared: [0.5, 0.6], floor, longest: 1.0 };
        candidates.open(&ScoreError::new(&[0.0; 64]))
    }

    #[test]
    fn only_what_a_score_can_tell_is_closed() {
        assert_eq!(open(&[-0.5, -0.4, -0.3, -0.2], Some(-0.1)), Open::First(2));
        assert_eq!(open(&[-0.5, -0.4, -0.399_999_98, -0.2], Some(-0.1)), Open::First(3));
        assert_eq!(open(&[-0.5, -0.4, -0.4, -0.4], Some(-0.1)), Open::First(4));
        assert_eq!(open(&[-0.5, -0.4, -0.3, -0.2], Some(-0.399_999_98)), Open::All);
        assert_eq!(open(&[-0.5, -0.4, -0.3], None), Open::First(2));
        assert_eq!(open(&[-0.5], None), Open::First(1));
        assert_eq!(open(&[-0.5, -0.4, -0.3, -0.2], Some(f32::NAN)), Open::All);
        assert_eq!(open(&[-0.5, f32::NAN, -0.3, -0.2], Some(-0.1)), Open::All);
    }

    /// A score computed in the worst order: one chain of float32 additions.
    fn in_one_chain(x: &[f32], c: &[f32]) -> f32 {
        let norm: f64 = c.iter().map(|&c| f64::from(c) * f64::from(c)).sum();
        let dot = x.iter().zip(c).fold(0.0_f32, |dot, (x, c)| dot + x * c);
        crate::base::numeric::to_f32(norm) - 2.0 * dot
    }

    #[test]
    fn the_bound_holds_for_one_chain_and_not_by_chance() {
        for dim in [1, 33, 768, 20_000] {
            let error = ScoreError::new(&vec![0.0; dim]);
            // Equal terms round in one direction, so errors add up.
            let (x, c) = (vec![0.1_f32; dim], vec![0.3_f32; dim]);
            let of = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            let off = (f64::from(in_one_chain(&x, &c)) - (of(&c, &c) - 2.0 * of(&x, &c))).abs();
            let bound = error.bound(of(&x, &x).sqrt(), of(&c, &c).sqrt());
            assert!(off <= bound, "{dim}: {off} above {bound}");
            assert!(off > bound / 100.0, "{dim}: {off} is far below {bound}");
        }
    }

    #[test]
    fn a_long_centroid_does_not_open_what_it_cannot_reach() {
        let scores = [-0.5, -0.4, -0.3, -0.2];
        let lengths = [1.0; 4];
        let squared = [0.5, 0.6];
        let of = |longest| Candidates { scores: &scores, lengths: &lengths, squared, floor: Some(-0.1), longest };
        let error = ScoreError::new(&[0.0; 64]);
        assert_eq!(of(1e9).open(&error), Open::First(2));
        assert!(error.bound(1.0, 1e9) > 1.0);
    }

    #[test]
    fn ties_go_to_the_own_cluster_and_then_to_the_lower_one() {
        for (own, found) in [(9, [(1.0, 3), (1.0, 5)]), (7, [(1.0, 7), (1.0, 3)]), (5, [(1.0, 5), (1.0, 3)])] {
            let mut nearest = NearestTwo::none(own);
            for (squared, cluster) in [(2.0, 9), (1.0, 7), (1.0, 3), (f64::NAN, 0), (1.0, 5)] {
                nearest.take(squared, cluster);
            }
            assert_eq!(nearest.found, found);
        }
        assert!(in_order(&[1.0, 1.1, 1.2], 1e-6) && in_order(&[1.0], 1e-6));
        assert!(!in_order(&[1.0, 1.000_001, 2.0], 1e-6) && !in_order(&[1.0, f64::NAN], 1e-6));
        assert!(!in_order(&[1.0, 1.1, 1.100_001], 1e-6) && in_order(&[1.0, 1.1, 1.2, 1.2], 1e-6));
    }
}
