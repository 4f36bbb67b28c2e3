//! Means that lose nothing to a common offset: a row of the cluster, and the mean of what the others differ from it by.

/// A mean as `at + rest`.
#[derive(Debug, Clone)]
pub(crate) struct Mean {
    at: Vec<f64>,
    rest: Vec<f64>,
}

impl Mean {
    /// Of at least one point.
    pub(crate) fn of(points: &[&[f64]]) -> Mean {
        let at = points[0].to_vec();
        let n = points.len() as f64;
        let rest = (0..at.len()).map(|column| exact_sum(points.iter().map(|x| x[column] - at[column])) / n).collect();
        Mean { at, rest }
    }

    /// Whether all points are equal.
    pub(crate) fn is_of_equals(points: &[&[f64]]) -> bool {
        points.iter().all(|point| *point == points[0])
    }

    pub(crate) fn squared_to(&self, point: &[f64]) -> f64 {
        let columns = point.iter().zip(&self.at).zip(&self.rest);
        columns.map(|((x, at), rest)| ((x - at) - rest).powi(2)).sum()
    }

    pub(crate) fn squared_between(&self, other: &Mean) -> f64 {
        let columns = 0..self.at.len();
        columns.map(|j| ((self.at[j] - other.at[j]) + (self.rest[j] - other.rest[j])).powi(2)).sum()
    }

    /// How far off, at most, the distance of two means can be by rounding.
    pub(crate) fn doubt(&self, other: &Mean) -> f64 {
        let largest = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let apart: Vec<f64> = self.at.iter().zip(&other.at).map(|(a, b)| a - b).collect();
        1e-15 * (apart.len() as f64).sqrt() * (largest(&apart) + largest(&self.rest) + largest(&other.rest))
    }
}

/// Neumaier's compensated sum.
pub(crate) fn exact_sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}
