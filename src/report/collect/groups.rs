//! Groups of runs with equal settings.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::read::Run;
use super::settings;

/// Runs with equal values of the grouping settings.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Values of these settings, in their order.
    pub(super) values: Vec<Value>,
    pub(super) runs: Vec<&'a Run>,
}

/// Groups the runs by their values of the settings `keys`, ordered by these values.
pub(super) fn by<'a>(runs: &'a [Run], keys: &[String]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for run in runs {
        let values: Vec<Value> = keys.iter().map(|key| settings::value(run, key).clone()).collect();
        let same = Value::from(values.clone()).to_string();
        groups.entry(same).or_insert_with(|| Group { values, runs: Vec::new() }).runs.push(run);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| compare_all(&a.values, &b.values));
    groups
}

fn compare_all(a: &[Value], b: &[Value]) -> Ordering {
    let different = a.iter().zip(b).map(|(a, b)| settings::compare(a, b)).find(|order| order.is_ne());
    different.unwrap_or(Ordering::Equal)
}

impl Group<'_> {
    /// Defined values of a metric on a level, in the order of the runs.
    pub(super) fn values_of(&self, level: u32, name: &str) -> Vec<f64> {
        let levels = self.runs.iter().flat_map(|run| run.levels.iter().filter(move |l| l.level == level));
        levels.filter_map(|level| level.figures.get(name)?.as_f64()).collect()
    }

    /// Number of runs that have the level.
    pub(super) fn runs_with(&self, level: u32) -> usize {
        self.runs.iter().filter(|run| run.levels.iter().any(|l| l.level == level)).count()
    }
}
