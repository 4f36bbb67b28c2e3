//! Histograms of the metrics of clusters.

use crate::metrics::Column;

/// Most bins; W&B accepts up to 512.
const BINS: u32 = 32;

/// Number of clusters per bin.
#[derive(Debug, PartialEq)]
pub(super) struct Histogram {
    /// Ascending, one more than bins.
    pub(super) edges: Vec<f64>,
    /// Clusters per bin. A value on an inner edge belongs to the bin above; the last bin includes its upper edge.
    pub(super) counts: Vec<u64>,
}

impl Histogram {
    /// Counts all defined values of a column; `None` if there are none.
    pub(super) fn of(column: &Column) -> Option<Histogram> {
        let values: Vec<f64> = (0..column.len()).map(|c| column.real(c)).filter(|value| value.is_finite()).collect();
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let width = (high - low) / f64::from(BINS);
        // one bin if all values are equal, or if bins between them can't be represented
        if low + width <= low || high - width >= high || !width.is_finite() {
            let around = f64::max(0.5, 1e-6 * high.abs());
            let edges = vec![(low - around).max(f64::MIN), (high + around).min(f64::MAX)];
            return Some(Histogram { edges, counts: vec![values.len() as u64] });
        }
        let mut edges: Vec<f64> = (0..BINS).map(|bin| low + f64::from(bin) * width).collect();
        edges.push(high);
        let mut counts = vec![0; edges.len() - 1];
        for value in values {
            // the last bin includes its upper edge
            let bin = edges.partition_point(|edge| *edge <= value).saturating_sub(1).min(counts.len() - 1);
            counts[bin] += 1;
        }
        Some(Histogram { edges, counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defined_value_is_counted_once() {
        let values: Vec<f64> = (0..100).map(f64::from).chain([f64::NAN]).collect();
        let histogram = Histogram::of(&Column::Real(values.clone())).expect("values");
        assert_eq!((histogram.edges.len(), histogram.counts.len()), (33, 32));
        assert_eq!((histogram.edges[0], histogram.edges[32]), (0.0, 99.0));
        for (bin, count) in histogram.counts.iter().enumerate() {
            let within = |value: &&f64| {
                **value >= histogram.edges[bin]
                    && (**value < histogram.edges[bin + 1] || (bin == 31 && **value == 99.0))
            };
            assert_eq!(*count, values.iter().filter(within).count() as u64, "{bin}");
        }
        assert_eq!(histogram.counts.iter().sum::<u64>(), 100);
    }

    #[test]
    fn equal_values_share_a_bin_of_positive_width() {
        for values in [vec![3.0; 5], vec![1.0, 1.0f64.next_up()], vec![0.0], vec![1e300], vec![-f64::MAX, f64::MAX]] {
            let histogram = Histogram::of(&Column::Real(values.clone())).expect("values");
            assert_eq!(histogram.counts, [values.len() as u64]);
            let [low, high] = histogram.edges[..] else { panic!("one bin") };
            assert!(low < high && values.iter().all(|value| (low..=high).contains(value)), "{low} {high}");
        }
        assert_eq!(Histogram::of(&Column::Real(vec![f64::NAN])), None);
        assert_eq!(Histogram::of(&Column::Count(Vec::new())), None);
    }
}
