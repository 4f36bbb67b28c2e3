//! Five hundred data sets.

use std::collections::BTreeMap;

use clustrata::backend::Backend;

use crate::compare::{Wrong, compare};
use crate::data::{Kind, Set, draw};
use crate::definition::Definition;
use crate::judge::Ready;
use crate::kmeans::clustered;
use crate::points::devices;

const SETS: usize = 500;

/// All that is wrong with one data set.
fn faults(set: &Set, number: usize, backend: &dyn Backend) -> Vec<Wrong> {
    let judged = Ready::of(set).and_then(|ready| ready.judged_on(backend));
    let mut wrong = match judged {
        Ok(levels) => {
            let of_level = |(number, level)| compare(level, &Definition::of(&set.clustering, number));
            levels.iter().enumerate().flat_map(of_level).collect()
        }
        Err(error) => vec![Wrong { metric: "metrics fail".to_owned(), what: error.to_string() }],
    };
    wrong.extend(clustered(set, backend, number as u64));
    wrong
}

/// Draws all sets and gives a line for each metric and kind that has a fault.
fn table(device: &str, backend: &dyn Backend) -> Vec<String> {
    let mut faulty: BTreeMap<(Kind, String), (usize, String)> = BTreeMap::new();
    let mut sets: BTreeMap<Kind, usize> = BTreeMap::new();
    for number in 0..SETS {
        let set = draw(number);
        *sets.entry(set.kind).or_default() += 1;
        let mut seen = Vec::new();
        for Wrong { metric, what } in faults(&set, number, backend) {
            let entry = faulty.entry((set.kind, metric.clone())).or_default();
            if !seen.contains(&metric) {
                entry.0 += 1;
                seen.push(metric);
            }
            if entry.1.is_empty() {
                entry.1 = format!("{}: {what}", set.about(number));
            }
        }
    }
    let line = |((kind, metric), (count, example)): (&(Kind, String), &(usize, String))| {
        format!("{device} {kind:?} {metric}: {count} of {} sets; {example}", sets[kind])
    };
    faulty.iter().map(line).collect()
}

fn holds_on(name: &str) {
    for (device, backend) in devices().into_iter().filter(|(device, _)| *device == name) {
        let faults = table(device, backend.as_ref());
        assert!(faults.is_empty(), "{} kinds of faults\n{}", faults.len(), faults.join("\n"));
    }
}

#[test]
fn every_metric_and_objective_is_right_on_any_data_on_the_cpu() {
    holds_on("cpu");
}

#[test]
fn every_metric_and_objective_is_right_on_any_data_on_a_gpu() {
    holds_on("gpu");
}
