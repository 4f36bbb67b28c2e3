//! Runs that have some settings in common.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::read::Run;
use super::settings;

/// Runs with the same values of the settings that group them.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// In the order of the settings.
    pub(super) values: Vec<Value>,
    pub(super) runs: Vec<&'a Run>,
}

/// The runs by their values of some settings, in the order of the values.
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
    /// Defined values of a figure on a level, in the order of the runs.
    pub(super) fn figure(&self, level: u32, name: &str) -> Vec<f64> {
        let levels = self.runs.iter().flat_map(|run| run.levels.iter().filter(move |l| l.level == level));
        levels.filter_map(|level| level.figures.get(name)?.as_f64()).collect()
    }

    /// How many runs have the level.
    pub(super) fn runs_with(&self, level: u32) -> usize {
        self.runs.iter().filter(|run| run.levels.iter().any(|l| l.level == level)).count()
    }
}
