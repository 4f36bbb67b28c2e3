//! What figures cost beyond the first pass, told before a run begins.

use std::time::Duration;

use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;
use crate::metrics::{Metric, Need};
use crate::plan::settings::{Settings, Silhouette};

/// What takes longer must be asked for twice.
const LONG: f64 = 600.0;

/// What is done with a pair of points or of a point and a centroid besides its columns, as so many columns more.
const PER_PAIR_OF_POINTS: f64 = 64.0;
const PER_CENTROID: f64 = 16.0;

/// The size of the work.
#[derive(Debug, Clone)]
pub struct Work {
    /// Labelled points, n.
    pub points: u64,
    /// Columns, d.
    pub dim: usize,
    /// Non-empty clusters of every evaluated level, K.
    pub clusters: Vec<u64>,
    /// Operations per second of the device (a multiply-add counts two).
    pub rate: f64,
    /// Whether the device sees each pair of points once.
    pub symmetric: bool,
}

impl Work {
    /// Seconds that a need takes, roughly.
    pub fn seconds(&self, need: Need, silhouette: Silhouette) -> f64 {
        let (n, d) = (as_real(self.points), as_real(self.dim as u64));
        let over_levels = |cost: fn(f64) -> f64| self.clusters.iter().map(|&k| cost(as_real(k))).sum::<f64>();
        let operations = match need {
            Need::Labels => 0.0,
            Need::Means => 5.0 * n * d * as_real(self.clusters.len() as u64),
            // direct differences run at about a third of the rate of the expanded form
            Need::Neighbours | Need::MeanNeighbours => 6.0 * d * over_levels(|k| k * k),
            Need::Search => 2.0 * n * (d + PER_CENTROID) * over_levels(|k| k),
            Need::Silhouette => match silhouette {
                Silhouette::Off => 0.0,
                Silhouette::Exact if self.symmetric => n * n * (d + PER_PAIR_OF_POINTS),
                Silhouette::Exact => 2.0 * n * n * (d + PER_PAIR_OF_POINTS),
                Silhouette::Sample(taken) => 2.0 * n * (d + PER_PAIR_OF_POINTS) * as_real(taken.get()).min(n),
            },
        };
        operations / self.rate
    }
}

/// What the figures need, each once, the cheaper first.
pub fn needs(metrics: &[&dyn Metric]) -> Vec<Need> {
    let mut needs: Vec<Need> = metrics.iter().flat_map(|metric| metric.needs()).copied().collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}

/// Leaves out what takes too long where the choice was left to the program (and says so in `warnings`); else refuses to
/// begin it without `--yes`.
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
            Finding::new("more points than silhouettes can be taken of")
                .expected(format!("at most {} labelled rows", u32::MAX))
                .found(work.points.to_string())
                .hint("leave them out with --silhouette off"),
        ));
    }
    let total = seconds(&parts);
    if total > LONG && !settings.yes {
        return Err(Error::usage(
            Finding::new("these figures take long beyond the pass over the embeddings")
                .expected(format!("at most {} on this device, by estimate", spoken(LONG)))
                .found(format!("about {}: {}", spoken(total), listed(&parts)))
                .hint("add --yes to begin all the same; or --metrics fast, or --silhouette sample:10000"),
        ));
    }
    if total >= 1.0 {
        tracing::info!("estimated beyond the pass over the embeddings: {}", listed(&parts));
    }
    Ok(())
}

/// Drops the dearest figures that nobody asked for until the rest is done in time.
fn leave_out(metrics: &mut Vec<&'static dyn Metric>, settings: &mut Settings, work: &Work, warnings: &mut Vec<String>) {
    let silhouette = settings.silhouette;
    let asked = |metric: &dyn Metric| {
        let gated = settings.gates.iter().any(|gate| gate.metric == metric.name());
        gated
            || metric.name() == settings.rank_by
            || (settings.silhouette_asked && metric.needs().contains(&Need::Silhouette))
    };
    let mut left: Vec<&'static dyn Metric> = Vec::new();
    let before = seconds(&parts(metrics, work, silhouette));
    while seconds(&parts(metrics, work, silhouette)) > LONG {
        let droppable: Vec<_> = metrics.iter().copied().filter(|metric| !asked(*metric)).collect();
        let dearest = parts(&droppable, work, silhouette).into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((need, _)) = dearest else { break };
        let (dropped, kept) = metrics.iter().partition(|&&m| m.needs().contains(&need) && !asked(m));
        *metrics = kept;
        left.extend::<Vec<_>>(dropped);
    }
    if !left.is_empty() {
        let names: Vec<&str> = left.iter().map(|metric| metric.name()).collect();
        let saved = before - seconds(&parts(metrics, work, silhouette));
        warnings.push(format!(
            "left out, since they would take about {} here: {}; --yes has them computed, and --silhouette sample:N a \
             sampled silhouette",
            spoken(saved),
            names.join(", ")
        ));
    }
    if !needs(metrics).contains(&Need::Silhouette) {
        settings.silhouette = Silhouette::Off;
    }
    settings.metrics = metrics.iter().map(|metric| metric.name().to_owned()).collect();
}

/// Seconds of everything that the figures need on the device.
fn parts(metrics: &[&dyn Metric], work: &Work, silhouette: Silhouette) -> Vec<(Need, f64)> {
    let on_device = needs(metrics).into_iter().filter(|need| *need != Need::Labels);
    on_device.map(|need| (need, work.seconds(need, silhouette))).collect()
}

fn seconds(parts: &[(Need, f64)]) -> f64 {
    parts.iter().map(|(_, seconds)| seconds).sum()
}

fn listed(parts: &[(Need, f64)]) -> String {
    let name = |need: Need| match need {
        Need::Labels => "labels",
        Need::Means => "means",
        Need::Neighbours => "pairs of centroids",
        Need::MeanNeighbours => "pairs of means",
        Need::Search => "nearest centroids",
        Need::Silhouette => "silhouette",
    };
    let parts: Vec<String> =
        parts.iter().map(|&(need, seconds)| format!("{} {}", name(need), spoken(seconds))).collect();
    parts.join(", ")
}

/// A time as people say it, to two parts at most.
fn spoken(seconds: f64) -> String {
    if seconds < 1.0 {
        return "under 1s".to_owned();
    }
    // beyond what a duration holds it does not matter any more
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

    fn settled(settings: &mut Settings, points: u64) -> Result<(Vec<&'static str>, Vec<String>)> {
        let work = Work { points, dim: 100, clusters: vec![1000, 10], rate: 1e11, symmetric: true };
        let mut metrics = select(&settings.metrics).expect("known names");
        metrics.retain(|metric| settings.metrics.iter().any(|name| name == metric.name()));
        let mut warnings = Vec::new();
        fit_to_budget(&mut metrics, settings, &work, &mut warnings)?;
        Ok((metrics.iter().map(|metric| metric.name()).collect(), warnings))
    }

    #[test]
    fn estimates_follow_the_formulas() {
        let work = Work { points: 1000, dim: 10, clusters: vec![50, 5], rate: 1.0, symmetric: true };
        let exact = Silhouette::Exact;
        assert_eq!(work.seconds(Need::Search, exact), 2.0 * 1000.0 * 26.0 * 55.0);
        assert_eq!(work.seconds(Need::Silhouette, exact), 1e6 * 74.0);
        assert_eq!(work.seconds(Need::Silhouette, Silhouette::Off), 0.0);
        let sample = "sample:100".parse().expect("valid");
        assert_eq!(work.seconds(Need::Silhouette, sample), 2e5 * 74.0);
    }

    #[test]
    fn what_takes_long_is_left_out_or_refused() {
        let small = settled(&mut settings(&[], None), 10_000).expect("quick");
        let without_labels = METRICS.len() - crate::metrics::of_labels().count();
        assert_eq!((small.0.len(), small.1.len()), (without_labels, 0));
        // 10 million points: 1.6e16 operations for the silhouette, 2e12 for the search
        let mut chosen = settings(&[], None);
        let (kept, warnings) = settled(&mut chosen, 10_000_000).expect("left out");
        assert!(!kept.contains(&"silhouette") && kept.contains(&"simplified_silhouette"), "{kept:?}");
        assert!(warnings[0].contains("silhouette") && warnings[0].contains("1day"), "{warnings:?}");
        assert_eq!((chosen.silhouette, chosen.metrics.len()), (Silhouette::Off, kept.len()));

        // 900,000 points: each figure alone is quick, all together are not
        let together = Work { points: 900_000, dim: 100, clusters: vec![200_000], rate: 1e11, symmetric: true };
        let mut chosen = settings(&[], None);
        let mut metrics = select(&chosen.metrics).expect("known names");
        fit_to_budget(&mut metrics, &mut chosen, &together, &mut Vec::new()).expect("left out, not refused");
        assert!(metrics.iter().any(|m| m.name() == "explained_variance") && metrics.len() < METRICS.len());
        let asked = settled(&mut settings(&[], Some("exact")), 10_000_000).expect_err("asked for, so not left out");
        assert!(asked.to_string().contains("silhouette"), "{asked}");

        let refused = settled(&mut settings(&["all"], None), 10_000_000).expect_err("too long");
        assert!(refused.to_string().contains("--yes"), "{refused}");
        assert!(settled(&mut settings(&["all"], Some("sample:1000")), 10_000_000).is_ok());
        let mut yes = Settings { yes: true, ..settings(&["all"], None) };
        assert!(settled(&mut yes, 10_000_000).is_ok_and(|(kept, _)| kept.contains(&"silhouette")));
    }

    #[test]
    fn times_are_told_in_two_parts() {
        let told = [0.2, 61.0, 90_061.0, f64::INFINITY].map(spoken);
        assert_eq!(told[..3], ["under 1s", "1m 1s", "1day 1h"]);
        assert!(told[3].contains("years"), "{told:?}");
    }
}
