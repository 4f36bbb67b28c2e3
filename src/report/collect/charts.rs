//! A chart per metric: the metric over a setting, with a panel per level and a series per group.

use std::collections::BTreeMap;

use serde_json::Value;

use super::groups::{self, Group};
use super::read::Run;
use super::settings;
use super::stats::Moments;
use super::table::text;
use super::tables::{levels, metrics};
use crate::base::error::Finding;
use crate::report::metric_text::{meaning, readable, with_unit};
use crate::report::plot::{Chart, MOST_SERIES, Panel, Positions, Spot};

/// Name and chart of every metric of levels that is a number in some run, over the setting `over`. Runs that differ in the
/// settings `by` form series of their own; runs that differ otherwise count as repeats.
///
/// # Errors
/// There would be more series than can be told apart.
pub fn of_metrics(runs: &[Run], over: &str, by: &[String]) -> Result<Vec<(String, Chart)>, Finding> {
    let by: Vec<String> = by.iter().filter(|key| *key != over).cloned().collect();
    let view = View::of(runs, over, &by);
    if view.series.len() > MOST_SERIES {
        return Err(Finding::new(format!("no plots were made: they can't tell {} groups apart", view.series.len()))
            .expected(format!("at most {MOST_SERIES} groups by {}", by.join(", ")))
            .hint("group by fewer settings, collect fewer runs, or choose another setting with --plot-over"));
    }
    let charts = metrics(runs).into_iter().filter_map(|name| view.chart(&name).map(|chart| (name, chart)));
    Ok(charts.collect())
}

/// Runs arranged for charts.
struct View<'a> {
    runs: &'a [Run],
    over: &'a str,
    /// Values of the parameter, ascending.
    positions: Positions,
    /// Names of the series.
    series: Vec<String>,
    /// Position, series and runs of every spot.
    groups: Vec<(usize, usize, Group<'a>)>,
}

impl<'a> View<'a> {
    fn of(runs: &'a [Run], over: &'a str, by: &[String]) -> Self {
        let mut values: Vec<Value> = runs.iter().map(|run| settings::value(run, over).clone()).collect();
        values.sort_by(settings::compare);
        values.dedup();
        let series: Vec<Vec<Value>> = groups::by(runs, by).into_iter().map(|group| group.values).collect();
        let keys: Vec<String> = std::iter::once(over.to_owned()).chain(by.iter().cloned()).collect();
        let place = |group: Group<'a>| {
            let position = values.iter().position(|value| Some(value) == group.values.first())?;
            let series = series.iter().position(|values| values.as_slice() == &group.values[1..])?;
            Some((position, series, group))
        };
        let groups = groups::by(runs, &keys).into_iter().filter_map(place).collect();
        let numbers: Option<Vec<f64>> = values.iter().map(Value::as_f64).collect();
        let positions = numbers.map_or_else(|| Positions::Names(labels_of(&values)), Positions::Numbers);
        View { runs, over, positions, series: series_names(&series, by), groups }
    }

    /// The chart of a metric; `None` if it is not a number in any run.
    fn chart(&self, name: &str) -> Option<Chart> {
        let panel = |level: u32| Panel { title: format!("level {level}"), spots: self.spots(level, name) };
        let panels: Vec<Panel> = levels(self.runs).into_iter().map(panel).collect();
        let most = panels.iter().flat_map(|panel| &panel.spots).map(|spot| spot.values.len()).max()?;
        let title = readable(name);
        let info = self.runs.iter().flat_map(|run| &run.metrics).find(|info| info.name == name);
        Some(Chart {
            title: title.clone(),
            subtitle: info.map(meaning).unwrap_or_default(),
            // a setting and a metric can share a name
            x_label: if self.over == name { format!("{title} (setting)") } else { self.over.replace('-', " ") },
            y_label: info.map_or(title, with_unit),
            positions: self.positions.clone(),
            series: self.series.clone(),
            panels,
            caption: self.caption(most),
        })
    }

    fn spots(&self, level: u32, name: &str) -> Vec<Spot> {
        let spot = |(position, series, group): &(usize, usize, Group)| {
            let values = group.values_of(level, name);
            let moments = Moments::of(&values);
            let mean = moments.mean.filter(|mean| mean.is_finite())?;
            Some(Spot { position: *position, series: *series, mean, deviation: moments.deviation, values })
        };
        self.groups.iter().filter_map(spot).collect()
    }

    /// Explains spreads and single values; empty if no run repeats.
    fn caption(&self, most: usize) -> String {
        if most < 2 {
            return String::new();
        }
        let spread = match self.positions {
            Positions::Numbers(_) => "the band is",
            Positions::Names(_) => "bars are",
        };
        format!("Means over up to {most} runs; {spread} one standard deviation; small dots are single runs.")
    }
}

/// Values as labels. Paths are shortened to the parts that differ.
fn labels_of(values: &[Value]) -> Vec<String> {
    let texts: Vec<String> =
        values.iter().map(|value| if value.is_null() { "none".into() } else { text(value) }).collect();
    let parts: Vec<Vec<&str>> = texts.iter().map(|text| text.split(['/', '\\']).collect()).collect();
    let Some(first) = parts.first().filter(|_| parts.len() > 1) else { return texts };
    let same_start = |n: usize| parts.iter().all(|p| p.len() > n + 1 && p[n] == first[n]);
    let same_end = |n: usize| parts.iter().all(|p| p.len() > n + 1 && p[p.len() - 1 - n] == first[first.len() - 1 - n]);
    let start = (0..).take_while(|&n| same_start(n)).count();
    let end = (0..).take_while(|&n| same_end(n)).count();
    let middle = |parts: &Vec<&str>| {
        parts.get(start..parts.len() - end).filter(|kept| !kept.is_empty()).map(|kept| kept.join("/"))
    };
    let shortened: Option<Vec<String>> = parts.iter().map(middle).collect();
    shortened.unwrap_or(texts)
}

/// Names of the series: the settings that distinguish them.
fn series_names(series: &[Vec<Value>], by: &[String]) -> Vec<String> {
    let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (column, key) in by.iter().enumerate() {
        let mut distinct: Vec<Value> = series.iter().filter_map(|values| values.get(column).cloned()).collect();
        distinct.sort_by(settings::compare);
        distinct.dedup();
        let labels = labels_of(&distinct);
        for (i, values) in series.iter().enumerate() {
            let label = distinct.iter().position(|value| Some(value) == values.get(column)).map(|at| &labels[at]);
            names.entry(i).or_default().extend(label.map(|label| format!("{} {label}", key.replace('-', " "))));
        }
    }
    (0..series.len()).map(|i| names.get(&i).map(|parts| parts.join(", ")).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_shortened_to_the_parts_that_differ() {
        assert_eq!(labels_of(&[json!("/a/b/k1/hier"), json!("/a/b/k2/hier")]), ["k1", "k2"]);
        assert_eq!(labels_of(&[json!("/a/b"), json!("/a/b/c")]), ["b", "b/c"]);
        assert_eq!(labels_of(&[json!("off"), json!("sample:5"), json!(null)]), ["off", "sample:5", "none"]);
        assert_eq!(labels_of(&[json!("/a/b/c")]), ["/a/b/c"]);
    }
}
