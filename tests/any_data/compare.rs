//! A level of a record beside its definition.

use serde_json::Value;

use crate::common::tolerance;
use crate::definition::{Definition, Want};

/// A metric that is not what it has to be.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) metric: String,
    pub(crate) what: String,
}

/// How far off a metric may be. Silhouettes and the explained variance are 1 less a ratio of means: an error of 1e-6 in each
/// of the two is 2e-6 in the difference, however near that is to 0. What is 0 but for
/// float64's rounding of a mean of equal rows passes.
pub(crate) fn allowed(name: &str, want: f64) -> f64 {
    let least = match name {
        "simplified_silhouette" | "silhouette" | "explained_variance" => 0.2,
        "davies_bouldin_means" => 1e-7,
        "parent_inertia_share" => 1e-20,
        _ => 0.0,
    };
    tolerance(name) * want.abs().max(least)
}

/// Whether a metric is what it has to be; NaN never is.
pub(crate) fn is_right(name: &str, got: &Value, want: &Want) -> bool {
    let near = |want: f64| got.as_f64().is_some_and(|got| (got - want).abs() <= allowed(name, want));
    match want {
        Want::Is(want) => near(*want),
        Want::Null => got.is_null(),
        Want::Between(low, high) => got.as_f64().is_some_and(|got| (*low..=*high).contains(&got)),
        Want::OneOf(all) => got.as_f64().is_some_and(|got| all.contains(&got)),
        Want::Any => true,
    }
}

/// Everything about a level that is wrong.
pub(crate) fn compare(level: &Value, definition: &Definition) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut note = |metric: &str, what: String| wrong.push(Wrong { metric: metric.to_owned(), what });
    for (name, want) in &definition.level {
        let got = &level["figures"][name];
        if !is_right(name, got, want) {
            note(name, format!("{got}, not {want:?}"));
        } else if got.is_null() && level["undefined"][name].as_str().is_none_or(str::is_empty) {
            note(name, format!("null without a reason: {}", level["undefined"]));
        }
    }
    for (name, want) in &definition.clusters {
        let got = &level["clusters"][name];
        if got.as_array().map(Vec::len) != Some(want.len()) {
            note(&format!("clusters.{name}"), format!("{got} instead of {} values", want.len()));
            continue;
        }
        let differs = |(cluster, want): &(usize, &Want)| !is_right(name, &got[cluster], want);
        if let Some((cluster, want)) = want.iter().enumerate().find(differs) {
            note(&format!("clusters.{name}"), format!("cluster {cluster}: {}, not {want:?}", got[cluster]));
        }
    }
    for (place, known) in [
        ("figures", definition.level.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        ("clusters", definition.clusters.iter().map(|(name, _)| *name).collect()),
    ] {
        for name in level[place].as_object().into_iter().flat_map(|all| all.keys()) {
            if !known.contains(&name.as_str()) {
                note(name, format!("a metric under `{place}` that no definition here holds to anything"));
            }
        }
    }
    wrong
}
