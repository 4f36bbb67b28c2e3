//! Estimated cost of metrics beyond the first pass, before a run begins.

use std::time::Duration;

use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;
use crate::base::text::rate;
use crate::metrics::{Metric, Need};
use crate::plan::settings::{Settings, Silhouette};

/// Budget in seconds for the work beyond the first pass; more needs `--yes`.
const BUDGET: f64 = 600.0;

/// Fixed cost of a pair of points, expressed in columns.
const PER_PAIR_OF_POINTS: f64 = 64.0;
/// Fixed cost of a pair of point and centroid, expressed in columns.
const PER_CENTROID: f64 = 16.0;

/// The amount of work of a run.
#[derive(Debug, Clone)]
pub struct Work {
    /// Points assigned to a cluster, n.
    pub points: u64,
    /// Dimension d.
    pub dim: usize,
    /// Number of chains of levels that nest; silhouettes are computed once for each.
    pub chains: u64,
    /// Number of non-empty clusters of each evaluated level, K.
    pub clusters: Vec<u64>,
    /// Operations per second of the device; a multiply-add counts as two.
    pub rate: f64,
    /// Whether the rate was measured on this device.
    pub measured: bool,
    /// Whether the device computes each pair of points only once.
    pub symmetric: bool,
}

impl Work {
    /// What the estimates rest on, in words.
    fn basis(&self) -> String {
        let rate = rate(self.rate);
        match self.measured {
            true => format!("by the measured rate of this device, {rate}"),
            false => format!("by the nominal rate of such a device, {rate}"),
        }
    }

    /// Estimated seconds to compute a need.
    pub fn seconds(&self, need: Need, silhouette: Silhouette) -> f64 {
        let (n, d) = (as_real(self.points), as_real(self.dim as u64));
        let over_levels = |cost: fn(f64) -> f64| self.clusters.iter().map(|&k| cost(as_real(k))).sum::<f64>();
        let chains = as_real(self.chains);
        let operations = match need {
            Need::Labels => 0.0,
            Need::Means => 5.0 * n * d * as_real(self.clusters.len() as u64),
            // direct differences run at about a third of the rate of the expanded form |x|^2 - 2xc + |c|^2
            Need::Neighbours | Need::MeanNeighbours => 6.0 * d * over_levels(|k| k * k),
            Need::Search => 2.0 * n * (d + PER_CENTROID) * over_levels(|k| k),
            // with one more column
            Need::Cosine => 2.0 * n * (d + 1.0 + PER_CENTROID) * over_levels(|k| k),
            Need::Silhouette => match silhouette {
                Silhouette::Off => 0.0,
                Silhouette::Exact if self.symmetric => chains * n * n * (d + PER_PAIR_OF_POINTS),
                Silhouette::Exact => chains * 2.0 * n * n * (d + PER_PAIR_OF_POINTS),
                Silhouette::Sample(taken) => chains * 2.0 * n * (d + PER_PAIR_OF_POINTS) * as_real(taken.get()).min(n),
            },
        };
        operations / self.rate
    }
}

/// The needs of `metrics` without duplicates, cheapest first.
pub fn needs(metrics: &[&dyn Metric]) -> Vec<Need> {
    let mut needs: Vec<Need> = metrics.iter().flat_map(|metric| metric.needs()).copied().collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}

/// Keeps the estimated work within ten minutes: without `--metrics`, drops expensive metrics and lists them in `warnings`.
///
/// # Errors
/// `Usage` if the remaining work takes longer and `--yes` is not given, or if there are too many points for silhouettes.
pub fn fit_to_budget(
    metrics: &mut Vec<&'static dyn Metric>,
    settings: &mut Settings,
    work: &Work,
    warnings: &mut Vec<String>,
) -> Result<()> {
    if settings.leave_out && !settings.yes {
        leave_out(metrics, settings, work, warnings);
    }
    let parts = parts(metrics, work, settings.silhouette);
    if needs(metrics).contains(&Need::Silhouette) && u32::try_from(work.points).is_err() {
        return Err(Error::usage(
            Finding::new("too many points for silhouettes")
                .expected(format!("at most {} rows assigned to a cluster", u32::MAX))
                .found(work.points.to_string())
                .hint("turn them off with --silhouette off"),
        ));
    }
    let total = seconds(&parts);
    if total > BUDGET && !settings.yes {
        return Err(Error::usage(
            Finding::new("these metrics take long beyond the first pass over the embeddings")
                .expected(format!("at most {}, estimated {}", rounded(BUDGET), work.basis()))
                .found(format!("about {}: {}", rounded(total), list(&parts)))
                .hint("add --yes to run anyway, or reduce the work with --metrics fast or --silhouette sample:10000"),
        ));
    }
    if total >= 1.0 {
        let basis = work.basis();
        tracing::info!("estimated time beyond the first pass over the embeddings, {basis}: {}", list(&parts));
    }
    Ok(())
}

/// Drops the most expensive metrics that were not requested explicitly until the rest fits the budget.
fn leave_out(metrics: &mut Vec<&'static dyn Metric>, settings: &mut Settings, work: &Work, warnings: &mut Vec<String>) {
    let silhouette = settings.silhouette;
    let asked = |metric: &dyn Metric| {
        let gated = settings.gates.iter().any(|gate| gate.metric() == Some(metric.name()));
        gated
            || settings.rank_by.as_deref() == Some(metric.name())
            || (settings.silhouette_asked && metric.needs().contains(&Need::Silhouette))
    };
    let mut skipped: Vec<&'static dyn Metric> = Vec::new();
    let before = seconds(&parts(metrics, work, silhouette));
    while seconds(&parts(metrics, work, silhouette)) > BUDGET {
        let droppable: Vec<_> = metrics.iter().copied().filter(|metric| !asked(*metric)).collect();
        let most_expensive = parts(&droppable, work, silhouette).into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((need, _)) = most_expensive else { break };
        let (dropped, kept) = metrics.iter().partition(|&&m| m.needs().contains(&need) && !asked(m));
        *metrics = kept;
        skipped.extend::<Vec<_>>(dropped);
    }
    if !skipped.is_empty() {
        let names: Vec<&str> = skipped.iter().map(|metric| metric.name()).collect();
        let saved = before - seconds(&parts(metrics, work, silhouette));
        warnings.push(format!(
            "skipped metrics that would take about {} on this device: {}; add --yes to compute them, or --silhouette \
             sample:N for a sampled silhouette",
            rounded(saved),
            names.join(", ")
        ));
    }
    if !needs(metrics).contains(&Need::Silhouette) {
        settings.silhouette = Silhouette::Off;
    }
    settings.metrics = metrics.iter().map(|metric| metric.name().to_owned()).collect();
}

/// Estimated seconds of each need of `metrics` on the device.
fn parts(metrics: &[&dyn Metric], work: &Work, silhouette: Silhouette) -> Vec<(Need, f64)> {
    let on_device = needs(metrics).into_iter().filter(|need| *need != Need::Labels);
    on_device.map(|need| (need, work.seconds(need, silhouette))).collect()
}

fn seconds(parts: &[(Need, f64)]) -> f64 {
    parts.iter().map(|(_, seconds)| seconds).sum()
}

fn list(parts: &[(Need, f64)]) -> String {
    let name = |need: Need| match need {
        Need::Labels => "labels",
        Need::Means => "means",
        Need::Neighbours => "pairs of centroids",
        Need::MeanNeighbours => "pairs of means",
        Need::Search => "nearest centroids",
        Need::Cosine => "nearest means",
        Need::Silhouette => "silhouette",
    };
    let parts: Vec<String> =
        parts.iter().map(|&(need, seconds)| format!("{} {}", name(need), rounded(seconds))).collect();
    parts.join(", ")
}

/// A duration in its largest two units, for example `1h 20m`.
fn rounded(seconds: f64) -> String {
    if seconds < 1.0 {
        return "under 1s".to_owned();
    }
    // clamped: `Duration` can't hold more
    let seconds = Duration::try_from_secs_f64(seconds).map_or(u64::MAX / 4, |d| d.as_secs());
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{METRICS, select};
    use crate::plan::settings::Options;

    fn settings(metrics: &[&str], silhouette: Option<&str>) -> Settings {
        let options = Options {
            clustering: Some("hier".into()),
            metrics: metrics.iter().map(|&name| name.to_owned()).collect(),
            silhouette: silhouette.and_then(|text| text.parse().ok()),
            ..Options::default()
        };
        options.resolve().expect("valid settings")
    }

    fn fitted(settings: &mut Settings, points: u64) -> Result<(Vec<&'static str>, Vec<String>)> {
        let work = Work {
            points,
            dim: 100,
            chains: 1,
            clusters: vec![1000, 10],
            rate: 1e11,
            measured: false,
            symmetric: true,
        };
        let mut metrics = select(&settings.metrics).expect("known names");
        metrics.retain(|metric| settings.metrics.iter().any(|name| name == metric.name()));
        let mut warnings = Vec::new();
        fit_to_budget(&mut metrics, settings, &work, &mut warnings)?;
        Ok((metrics.iter().map(|metric| metric.name()).collect(), warnings))
    }

    #[test]
    fn estimates_follow_the_formulas() {
        let work = Work {
            points: 1000,
            dim: 10,
            chains: 1,
            clusters: vec![50, 5],
            rate: 1.0,
            measured: true,
            symmetric: true,
        };
        let exact = Silhouette::Exact;
        assert!(work.basis().contains("measured"), "{}", work.basis());
        assert_eq!(work.seconds(Need::Search, exact), 2.0 * 1000.0 * 26.0 * 55.0);
        assert_eq!(work.seconds(Need::Cosine, exact), 2.0 * 1000.0 * 27.0 * 55.0);
        assert_eq!(work.seconds(Need::Silhouette, exact), 1e6 * 74.0);
        assert_eq!(work.seconds(Need::Silhouette, Silhouette::Off), 0.0);
        let sample = "sample:100".parse().expect("valid");
        assert_eq!(work.seconds(Need::Silhouette, sample), 2e5 * 74.0);
    }

    #[test]
    fn expensive_metrics_are_skipped_or_refused() {
        let small = fitted(&mut settings(&[], None), 10_000).expect("quick");
        let without_labels = METRICS.len() - crate::metrics::of_labels().count();
        assert_eq!((small.0.len(), small.1.len()), (without_labels, 0));
        // 10 million points: 1.6e16 operations for the silhouette, 2e12 for the search
        let mut chosen = settings(&[], None);
        let (kept, warnings) = fitted(&mut chosen, 10_000_000).expect("skipped");
        assert!(!kept.contains(&"silhouette") && kept.contains(&"simplified_silhouette"), "{kept:?}");
        assert!(warnings[0].contains("silhouette") && warnings[0].contains("1day"), "{warnings:?}");
        assert_eq!((chosen.silhouette, chosen.metrics.len()), (Silhouette::Off, kept.len()));

        // 900,000 points: each metric alone is quick, all together are not
        let together = Work {
            points: 900_000,
            dim: 100,
            chains: 1,
            clusters: vec![200_000],
            rate: 1e11,
            measured: false,
            symmetric: true,
        };
        let mut chosen = settings(&[], None);
        let mut metrics = select(&chosen.metrics).expect("known names");
        fit_to_budget(&mut metrics, &mut chosen, &together, &mut Vec::new()).expect("skipped, not refused");
        assert!(metrics.iter().any(|m| m.name() == "explained_variance") && metrics.len() < METRICS.len());
        let asked = fitted(&mut settings(&[], Some("exact")), 10_000_000).expect_err("requested, so not skipped");
        assert!(asked.to_string().contains("silhouette"), "{asked}");

        let refused = fitted(&mut settings(&["all"], None), 10_000_000).expect_err("too long");
        assert!(refused.to_string().contains("--yes"), "{refused}");
        assert!(refused.to_string().contains("by the nominal rate of such a device, 100.00 GFLOP/s"), "{refused}");
        assert!(fitted(&mut settings(&["all"], Some("sample:1000")), 10_000_000).is_ok());
        let mut yes = Settings { yes: true, ..settings(&["all"], None) };
        assert!(fitted(&mut yes, 10_000_000).is_ok_and(|(kept, _)| kept.contains(&"silhouette")));
    }

    #[test]
    fn durations_are_shown_in_two_units() {
        let shown = [0.2, 61.0, 90_061.0, f64::INFINITY].map(rounded);
        assert_eq!(shown[..3], ["under 1s", "1m 1s", "1day 1h"]);
        assert!(shown[3].contains("years"), "{shown:?}");
    }
}
