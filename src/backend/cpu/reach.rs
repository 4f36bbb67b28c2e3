//! The bound that makes the search exact: the highest score of any centroid within a given distance.
//!
//! Notation: u = 2^-24 is the unit roundoff of float32; gamma_m = m u / (1 - m u); x and c are the centred float32 rows that
//! the kernel reads; r = ||x||; L is a bound of ||c||. The score s of a centroid approximates h = (||x* - c*||^2 - r^2) / 2,
//! where x* and c* are the rows as stored. Its error has these parts:
//!
//! - the product ([`ProductError`]). In float32, a value passes at most m roundings: `CHAIN` fused multiply-adds in its
//!   chain, and `d / CHAIN` additions of chains. The error is at most gamma_m r L (Higham, Accuracy and Stability of
//!   Numerical Algorithms, 2nd ed., section 3.1, and Cauchy-Schwarz). For 16 bits, see `quantised.rs`;
//! - rounding ||c||^2 / 2 to float32: u L^2 / 2; rounding the difference that gives the score: u (L^2 / 2 + r L);
//! - rounding both rows to float32 after the centre is subtracted: it moves x - c by at most u (r + L), and so half its
//!   square by u (r + L)^2;
//! - values below float32's normal range, even if they are flushed to zero: d 2^-125.
//!
//! If the measured squared distance of a centroid is at most D^2, the exact one is at most D^2 (1 + gamma), where gamma
//! covers the additions of a direct difference. The centroid's norm is at most r + D, so this serves as L, rather than the
//! norm of the farthest centroid.

/// Columns of one chain of additions, which is then added to the other chains.
pub(super) const CHAIN: usize = 256;

/// Unit roundoff of float32.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Most successive roundings of a measured distance (see `distance.rs`: a chain of 32, its remainder, the sum over 16 lanes,
/// the difference and its square), rounded up.
const MEASURED: f64 = 64.0;

/// Sums of squares below this stay finite in float32.
const LARGEST_SQUARE: f64 = 1e37;

/// Error bound of the product of a row of norm r and a centroid of norm L: `relative r L + absolute (r + L)`.
#[derive(Clone, Copy)]
pub(super) struct ProductError {
    pub(super) relative: f64,
    pub(super) absolute: f64,
}

impl ProductError {
    /// The bound for `multiply` in float32.
    pub(super) fn of_floats(dim: usize) -> Self {
        ProductError { relative: gamma((CHAIN.min(dim) + dim.div_ceil(CHAIN)) as f64), absolute: 0.0 }
    }
}

/// Bound of the relative error after this many successive roundings.
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
    /// The bound for a row of this `squared_norm` and centroids of norms up to `largest`, all centred.
    pub(super) fn new(dim: usize, product: ProductError, squared_norm: f64, largest: f64) -> Self {
        Reach { dim: dim as f64, product, squared_norm, largest }
    }

    /// Largest norm of a centroid within a measured `squared` distance.
    fn norm_within(&self, squared: f64) -> f64 {
        self.largest.min((self.squared_norm.sqrt() + squared.sqrt()) * 1.000_01)
    }

    /// Whether the bound applies: float32 can hold all numbers involved.
    pub(super) fn holds(&self, squared: f64) -> bool {
        (self.squared_norm.sqrt() + self.norm_within(squared)).powi(2) < LARGEST_SQUARE && squared < LARGEST_SQUARE
    }

    /// Upper bound of the score of any centroid within a measured `squared` distance; infinite if the bound doesn't apply.
    pub(super) fn of(&self, squared: f64) -> f64 {
        if !self.holds(squared) {
            return f64::INFINITY;
        }
        let (r, l) = (self.squared_norm.sqrt(), self.norm_within(squared));
        let product = self.product.relative * r * l + self.product.absolute * (r + l);
        let error = product + UNIT * (l * l + r * l) + UNIT * (r + l).powi(2);
        // 1 % more covers the products of errors, and the rounding of this expression itself
        let error = 1.01 * error + self.dim * f64::from(f32::MIN_POSITIVE) * 2.0;
        (squared * (1.0 + gamma(MEASURED)) - self.squared_norm) / 2.0 + error
    }
}
