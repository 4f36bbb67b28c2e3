//! Texts about metrics for readers.

use crate::metrics::Better;
use crate::plan::record::MetricInfo;

/// A column name in words: `mean_distance` becomes `mean distance`.
pub(super) fn readable(name: &str) -> String {
    name.replace('_', " ")
}

/// The name in words, with the unit if there is one.
pub(super) fn with_unit(info: &MetricInfo) -> String {
    let name = readable(&info.name);
    if info.unit.is_empty() { name } else { format!("{name} ({})", info.unit) }
}

/// What a metric means, and which direction is better.
pub(super) fn meaning(info: &MetricInfo) -> String {
    let mut letters = info.summary.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let summary = first + letters.as_str();
    match info.better {
        Better::Lower => summary + ". Lower is better.",
        Better::Higher => summary + ". Higher is better.",
        Better::Neither => summary + ".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meaning_is_a_sentence() {
        let info =
            MetricInfo { name: "x".into(), summary: "sum of it".into(), unit: String::new(), better: Better::Higher };
        assert_eq!(meaning(&info), "Sum of it. Higher is better.");
    }
}
