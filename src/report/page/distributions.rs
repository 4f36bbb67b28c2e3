//! Distributions of the metrics of clusters: per level in the page, all levels of a metric in a file, and all metrics against
//! each other in another.

use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::metrics::Column;
use crate::plan::record::{Level, MetricInfo, RunRecord};
use crate::report::metric_text::{meaning, readable, with_unit};
use crate::report::plot::{Corner, CornerSeries, Distribution, Histogram};

/// Metrics of clusters that are plotted if they were computed; the ranking metric is added.
const PLOTTED: [&str; 5] = ["size", "inertia", "mean_distance", "simplified_silhouette", "silhouette"];

/// Writes `plots/distribution-METRIC.svg`.
pub(super) fn write_files(record: &RunRecord, folder: &OutputFolder) -> Result<()> {
    for info in plotted(record) {
        let panels = record.levels.iter().map(|level| distribution(level, info, &format!("level {}", level.level)));
        let histogram =
            Histogram { title: readable(&info.name), subtitle: meaning(info), panels: panels.collect(), ..blank(info) };
        let path = folder.staging(format!("plots/distribution-{}.svg", info.name))?;
        std::fs::write(&path, histogram.to_svg()).map_err(|e| Error::io("can't write the plot", &path, &e))?;
    }
    write_corner(record, folder)
}

/// Writes `plots/corner.svg`, unless there are fewer than two metrics to hold against each other.
fn write_corner(record: &RunRecord, folder: &OutputFolder) -> Result<()> {
    let metrics: Vec<&MetricInfo> = plotted(record).collect();
    if metrics.len() < 2 {
        return Ok(());
    }
    // the lowest level has the most clusters; the levels above are drawn over it
    let levels = record.levels.iter().take(Corner::MOST_SERIES);
    let series = levels.map(|level| CornerSeries {
        name: format!("level {}", level.level),
        values: metrics.iter().map(|info| of_full_clusters(level, info)).collect(),
    });
    let corner = Corner {
        title: "clusters: metrics against each other".to_owned(),
        metrics: metrics.iter().map(|info| readable(&info.name)).collect(),
        series: series.collect(),
    };
    let path = folder.staging("plots/corner.svg")?;
    std::fs::write(&path, corner.to_svg()).map_err(|e| Error::io("can't write the plot", &path, &e))
}

/// The plots of one level: name of the metric, SVG.
pub(super) fn of_level<'a>(record: &'a RunRecord, level: &Level) -> Vec<(&'a str, String)> {
    let drawn = |info: &'a MetricInfo| {
        let panels = vec![distribution(level, info, &readable(&info.name))];
        (info.name.as_str(), Histogram { panels, ..blank(info) }.to_svg())
    };
    plotted(record).map(drawn).collect()
}

/// The metrics to plot, in the order of the record.
fn plotted(record: &RunRecord) -> impl Iterator<Item = &MetricInfo> {
    let ranks = |name: &str| record.levels.iter().any(|level| level.ranking.by == name);
    let there = |name: &str| {
        let columns = record.levels.iter().filter_map(|level| level.clusters.get(name));
        columns.clone().any(|column| !matches!(column, Column::Index(_) | Column::Text(_)))
    };
    let is_plotted =
        move |info: &&MetricInfo| (PLOTTED.contains(&info.name.as_str()) || ranks(&info.name)) && there(&info.name);
    record.metrics.iter().filter(is_plotted)
}

/// A histogram without title and panels.
fn blank(info: &MetricInfo) -> Histogram {
    Histogram {
        title: String::new(),
        subtitle: String::new(),
        x_label: with_unit(info),
        y_label: "clusters".to_owned(),
        panels: Vec::new(),
    }
}

/// The defined values of the non-empty clusters.
fn distribution(level: &Level, info: &MetricInfo, title: &str) -> Distribution {
    let values = of_full_clusters(level, info).into_iter().filter(|value| value.is_finite()).collect();
    Distribution { title: title.to_owned(), values }
}

/// A metric of the non-empty clusters; NaN where it is not defined.
fn of_full_clusters(level: &Level, info: &MetricInfo) -> Vec<f64> {
    let full = |cluster: &usize| level.clusters.get("size").is_none_or(|sizes| sizes.real(*cluster) > 0.0);
    let column = level.clusters.get(&info.name);
    (0..level.len()).filter(full).map(|cluster| column.map_or(f64::NAN, |column| column.real(cluster))).collect()
}
