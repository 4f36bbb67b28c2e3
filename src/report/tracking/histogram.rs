//! Equal bins over the figures of clusters.

use crate::metrics::Column;

/// Bins at most; W&B takes up to 512.
const BINS: u32 = 32;

/// How many clusters have a figure between two edges.
#[derive(Debug, PartialEq)]
pub(super) struct Histogram {
    /// Ascending, one more than there are bins.
    pub(super) edges: Vec<f64>,
    /// Clusters per bin; a figure on an inner edge belongs to the bin above it.
    pub(super) counts: Vec<u64>,
}

impl Histogram {
    /// Of all clusters whose figure is defined; `None` where there is none.
    pub(super) fn of(column: &Column) -> Option<Histogram> {
        let figures: Vec<f64> = (0..column.len()).map(|c| column.real(c)).filter(|figure| figure.is_finite()).collect();
        let low = figures.iter().copied().reduce(f64::min)?;
        let high = figures.iter().copied().reduce(f64::max)?;
        let width = (high - low) / f64::from(BINS);
        // clusters that are all alike, or too near each other or too far apart for bins between them
        if low + width <= low || high - width >= high || !width.is_finite() {
            let around = f64::max(0.5, 1e-6 * high.abs());
            let edges = vec![(low - around).max(f64::MIN), (high + around).min(f64::MAX)];
            return Some(Histogram { edges, counts: vec![figures.len() as u64] });
        }
        let mut edges: Vec<f64> = (0..BINS).map(|bin| low + f64::from(bin) * width).collect();
        edges.push(high);
        let mut counts = vec![0; edges.len() - 1];
        for figure in figures {
            // the last bin holds its upper edge as well
            let bin = edges.partition_point(|edge| *edge <= figure).saturating_sub(1).min(counts.len() - 1);
            counts[bin] += 1;
        }
        Some(Histogram { edges, counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defined_figure_is_counted_once() {
        let figures: Vec<f64> = (0..100).map(f64::from).chain([f64::NAN]).collect();
        let histogram = Histogram::of(&Column::Real(figures.clone())).expect("figures");
        assert_eq!((histogram.edges.len(), histogram.counts.len()), (33, 32));
        assert_eq!((histogram.edges[0], histogram.edges[32]), (0.0, 99.0));
        for (bin, count) in histogram.counts.iter().enumerate() {
            let within = |figure: &&f64| {
                **figure >= histogram.edges[bin]
                    && (**figure < histogram.edges[bin + 1] || (bin == 31 && **figure == 99.0))
            };
            assert_eq!(*count, figures.iter().filter(within).count() as u64, "{bin}");
        }
        assert_eq!(histogram.counts.iter().sum::<u64>(), 100);
    }

    #[test]
    fn figures_that_are_alike_share_a_bin_that_has_a_width() {
        for figures in [vec![3.0; 5], vec![1.0, 1.0f64.next_up()], vec![0.0], vec![1e300], vec![-f64::MAX, f64::MAX]] {
            let histogram = Histogram::of(&Column::Real(figures.clone())).expect("figures");
            assert_eq!(histogram.counts, [figures.len() as u64]);
            let [low, high] = histogram.edges[..] else { panic!("one bin") };
            assert!(low < high && figures.iter().all(|figure| (low..=high).contains(figure)), "{low} {high}");
        }
        assert_eq!(Histogram::of(&Column::Real(vec![f64::NAN])), None);
        assert_eq!(Histogram::of(&Column::Count(Vec::new())), None);
    }
}
