//! How the clusters' figures are distributed: per level in the page, all levels of a figure in a file.

use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::metrics::{Better, Column};
use crate::plan::record::{Level, MetricInfo, RunRecord};
use crate::report::plot::{Distribution, Histogram};

/// Figures of clusters that are shown, where they were computed; the one that ranks is shown too.
const SHOWN: [&str; 5] = ["size", "inertia", "mean_distance", "simplified_silhouette", "silhouette"];

/// Writes `plots/distribution-FIGURE.svg`.
pub(super) fn write_files(record: &RunRecord, folder: &OutputFolder) -> Result<()> {
    for info in shown(record) {
        let panels = record.levels.iter().map(|level| distribution(level, info, &format!("level {}", level.level)));
        let histogram =
            Histogram { title: readable(&info.name), subtitle: meaning(info), panels: panels.collect(), ..blank(info) };
        let path = folder.staging(format!("plots/distribution-{}.svg", info.name))?;
        std::fs::write(&path, histogram.to_svg()?).map_err(|e| Error::io("can't write the plot", &path, &e))?;
    }
    Ok(())
}

/// The drawings of one level: name of the figure, SVG.
pub(super) fn of_level<'a>(record: &'a RunRecord, level: &Level) -> Result<Vec<(&'a str, String)>> {
    let drawn = |info: &'a MetricInfo| {
        let panels = vec![distribution(level, info, &readable(&info.name))];
        Ok((info.name.as_str(), Histogram { panels, ..blank(info) }.to_svg()?))
    };
    shown(record).map(drawn).collect()
}

/// The figures that are shown, in the order of the record.
fn shown(record: &RunRecord) -> impl Iterator<Item = &MetricInfo> {
    let ranks = |name: &str| record.levels.iter().any(|level| level.ranking.by == name);
    let there = |name: &str| {
        let columns = record.levels.iter().filter_map(|level| level.clusters.get(name));
        columns.clone().any(|column| !matches!(column, Column::Index(_) | Column::Text(_)))
    };
    let is_shown =
        move |info: &&MetricInfo| (SHOWN.contains(&info.name.as_str()) || ranks(&info.name)) && there(&info.name);
    record.metrics.iter().filter(is_shown)
}

/// Without title and panels.
fn blank(info: &MetricInfo) -> Histogram {
    let name = readable(&info.name);
    let x_label = if info.unit.is_empty() { name } else { format!("{name} ({})", info.unit) };
    Histogram {
        title: String::new(),
        subtitle: String::new(),
        x_label,
        y_label: "clusters".to_owned(),
        panels: Vec::new(),
    }
}

/// Of the clusters that have points and for which the figure is defined.
fn distribution(level: &Level, info: &MetricInfo, title: &str) -> Distribution {
    let full = |cluster: &usize| level.clusters.get("size").is_none_or(|sizes| sizes.real(*cluster) > 0.0);
    let values = level.clusters.get(&info.name).map_or(Vec::new(), |column| {
        (0..column.len()).filter(full).map(|cluster| column.real(cluster)).filter(|value| value.is_finite()).collect()
    });
    Distribution { title: title.to_owned(), values }
}

fn readable(name: &str) -> String {
    name.replace('_', " ")
}

/// What a figure means, and which way is good.
fn meaning(info: &MetricInfo) -> String {
    match info.better {
        Better::Lower => format!("{}; lower is better", info.summary),
        Better::Higher => format!("{}; higher is better", info.summary),
        Better::Neither => info.summary.clone(),
    }
}
