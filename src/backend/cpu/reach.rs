//! How high a centroid may score that is as near as another: the bound that makes the search exact.
//!
//! Notation: u = 2^-24, the unit roundoff of float32; gamma_m = m u / (1 - m u); x and c the centred float32 rows that the
//! kernel sees, r = ||x||, L a bound of ||c||. What separates the score s of a centroid from the exact
//! h = (||x* - c*||^2 - r^2) / 2 of the rows x* and c* as stored:
//!
//! - the product ([`ProductError`]). In float32, of `CHAIN` fused multiply-adds per chain and `d / CHAIN` chains: gamma_m r L
//!   with m their number (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1, and Cauchy-Schwarz).
//!   In 16 bits: see `quantised.rs`;
//! - rounding ||c||^2 / 2 to float32: u L^2 / 2; rounding the difference that is the score: u (L^2 / 2 + r L);
//! - rounding both rows to float32 after the centre was subtracted moves x - c by at most u (r + L), and so half its square by
//!   u (r + L)^2;
//! - values below float32's normal range, even where they are flushed to zero: d 2^-125.
//!
//! A centroid whose measured squared distance is at most D^2 has an exact one of at most D^2 (1 + gamma), gamma covering the
//! additions of a direct difference, and its norm is at most r + D: that, and not the norm of the farthest centroid, is L.

/// Columns that are added up in one chain before it is added to the others.
pub(super) const CHAIN: usize = 256;

/// Unit roundoff of float32.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Roundings that a measured distance may have gone through, one after another (see `distance.rs`: a chain of 32, its rest,
/// the sum over 16 lanes, the difference and its square), rounded up.
const MEASURED: f64 = 64.0;

/// Squares below this stay finite in float32 whatever is added up.
const LARGEST_SQUARE: f64 = 1e37;

/// How far a product of a row of norm r with a centroid of norm L may be off: `relative r L + absolute (r + L)`.
#[derive(Clone, Copy)]
pub(super) struct ProductError {
    pub(super) relative: f64,
    pub(super) absolute: f64,
}

impl ProductError {
    /// Of `multiply` in float32.
    pub(super) fn of_floats(dim: usize) -> Self {
        ProductError { relative: gamma((CHAIN.min(dim) + dim.div_ceil(CHAIN)) as f64), absolute: 0.0 }
    }
}

/// Relative error of a sum after so many roundings one after another.
pub(super) fn gamma(roundings: f64) -> f64 {
    roundings * UNIT / (1.0 - roundings * UNIT)
}

/// The bound for one row.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    dim: f64,
    product: ProductError,
    /// r^2
    squared_norm: f64,
    /// Largest norm of a centroid.
    largest: f64,
}

impl Reach {
    /// For a row of `squared_norm` among centroids whose norms are at most `largest`, all centred.
    pub(super) fn new(dim: usize, product: ProductError, squared_norm: f64, largest: f64) -> Self {
        Reach { dim: dim as f64, product, squared_norm, largest }
    }

    /// Largest norm of a centroid within a measured `squared` distance.
    fn norm_within(&self, squared: f64) -> f64 {
        self.largest.min((self.squared_norm.sqrt() + squared.sqrt()) * 1.000_01)
    }

    /// Whether float32 holds every number that the bound speaks of.
    pub(super) fn holds(&self, squared: f64) -> bool {
        (self.squared_norm.sqrt() + self.norm_within(squared)).powi(2) < LARGEST_SQUARE && squared < LARGEST_SQUARE
    }

    /// Upper bound of the score of a centroid within a measured `squared` distance; infinite where there is none.
    pub(super) fn of(&self, squared: f64) -> f64 {
        if !self.holds(squared) {
            return f64::INFINITY;
        }
        let (r, l) = (self.squared_norm.sqrt(), self.norm_within(squared));
        let product = self.product.relative * r * l + self.product.absolute * (r + l);
        let error = product + UNIT * (l * l + r * l) + UNIT * (r + l).powi(2);
        // a hundredth more for the products of errors and for the rounding of this very expression
        let error = 1.01 * error + self.dim * f64::from(f32::MIN_POSITIVE) * 2.0;
        (squared * (1.0 + gamma(MEASURED)) - self.squared_norm) / 2.0 + error
    }
}
