//! Powers of two that scale extreme values so that float64 can hold their squares.

/// Exponent of two from which on sums of squares may overflow.
const LARGE: f64 = 500.0;

/// Exponent of two below which squares of values, and of their differences, may underflow.
const SMALL: f64 = -400.0;

/// Large values are scaled to about 2 to this power, small ones to its reciprocal. That leaves room for values that are
/// smaller or larger, and float32 holds squares of this size too.
const NEAR: f64 = 40.0;

/// A power of two, in the unit of the embeddings. Rows and centroids are divided by it, which is exact unless values
/// underflow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale(f64);

impl Default for Scale {
    fn default() -> Self {
        Scale::ONE
    }
}

impl Scale {
    /// Leaves values as they are.
    pub const ONE: Scale = Scale(1.0);

    /// The scale for values of magnitudes up to `largest`: 1 unless that is extreme.
    pub fn of_largest(largest: f64) -> Scale {
        let exponent = largest.log2().floor();
        match exponent.is_finite() {
            true if exponent >= LARGE => Scale((exponent - NEAR).exp2()),
            // 2^-1000: the reciprocal of a smaller scale overflows
            true if exponent < SMALL => Scale((exponent + NEAR).max(-1000.0).exp2()),
            _ => Scale::ONE,
        }
    }

    /// The value divided by the scale. A finite value stays finite: it is clamped.
    pub fn divide(self, value: f64) -> f64 {
        if value.is_finite() { (value * self.0.recip()).clamp(f64::MIN, f64::MAX) } else { value }
    }

    /// A distance between divided rows, in the unit of the embeddings.
    pub fn distance(self, divided: f64) -> f64 {
        divided * self.0
    }

    /// A squared distance between divided rows, in the unit of the embeddings.
    pub fn squared_distance(self, divided: f64) -> f64 {
        // in two steps, since the square of the scale itself may overflow or underflow
        divided * self.0 * self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_values_are_scaled_until_their_squares_fit() {
        for usual in [0.0, 1e-120, 1e-30, 1.0, 1e60, 1e150, f64::INFINITY, f64::NAN] {
            assert_eq!(Scale::of_largest(usual), Scale::ONE, "{usual:e}");
        }
        for (largest, exponent) in [(1e151, 40.0), (1e160, 40.0), (f64::MAX, 40.0), (1e-121, -40.0), (5e-324, -74.0)] {
            let scale = Scale::of_largest(largest);
            let divided = scale.divide(largest);
            assert_eq!(divided.log2().floor(), exponent, "{largest:e}");
            assert_eq!(scale.distance(divided), largest, "division is exact");
        }
    }

    #[test]
    fn division_keeps_values_finite_or_not() {
        let scale = Scale::of_largest(1e-300);
        assert!(scale.divide(f64::NAN).is_nan() && scale.divide(f64::INFINITY).is_infinite());
        assert_eq!(scale.divide(-1e300), f64::MIN);
    }

    #[test]
    fn squared_distances_are_restored_where_float64_holds_them() {
        for largest in [1e151, 1e-130] {
            let scale = Scale::of_largest(largest);
            let (divided, squared) = (scale.divide(largest), largest * largest);
            assert!((scale.squared_distance(divided * divided) / squared - 1.0).abs() < 1e-15, "{largest:e}");
        }
        let square =
            |largest: f64| Scale::of_largest(largest).squared_distance(Scale::of_largest(largest).divide(largest));
        assert_eq!((square(1e300), square(1e-300)), (f64::INFINITY, 0.0));
    }
}
