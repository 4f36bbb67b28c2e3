//! The metrics that all settings together select.

use super::Silhouette;
use crate::base::error::{Finding, Findings, Result};
use crate::metrics;
use crate::metrics::gates::Gate;

/// Parses the gates.
///
/// # Errors
/// All malformed gates together.
pub(super) fn gates(written: &[String]) -> Result<Vec<Gate>> {
    let mut findings = Findings::new();
    let mut gates = Vec::new();
    for text in written {
        match text.parse() {
            Ok(gate) => gates.push(gate),
            Err(wrong) => findings.push_usage(wrong),
        }
    }
    findings.into_result().map(|()| gates)
}

/// Whether a metric is one of the exact silhouettes, which `--silhouette` also selects.
pub(super) fn is_silhouette(name: &str) -> bool {
    matches!(name, "silhouette" | "silhouette_standard_error")
}

/// The first metric among those that are named that needs normalised rows.
pub(super) fn of_cosines(names: &[String], required: &[&str]) -> Option<String> {
    let names = names.iter().flat_map(|names| names.split(','));
    let mut names = names.map(|name| name.trim().replace('-', "_")).chain(required.iter().map(|&name| name.to_owned()));
    names.find(|name| metrics::of_cosines(name))
}

/// The names of the metrics to compute, and the silhouette setting. `required` are metrics that rankings and gates need.
/// Metrics of labels are selected if and only if there are labels.
///
/// # Errors
/// Contradictory settings, and unknown metrics.
pub(super) fn choose(
    names: Vec<String>,
    silhouette: Option<Silhouette>,
    required: &[&str],
    labels: bool,
) -> Result<(Vec<String>, Silhouette), Finding> {
    // a file may use the comma-separated form of the command line
    let names = names.iter().flat_map(|names| names.split(','));
    let mut names: Vec<String> = names.map(|name| name.trim().replace('-', "_")).collect();
    let off = silhouette == Some(Silhouette::Off);
    if off && names.iter().any(|name| is_silhouette(name)) {
        return Err(Finding::new("the silhouette is both selected and turned off").hint("remove --silhouette off"));
    }
    if off && required.iter().any(|name| is_silhouette(name)) {
        return Err(Finding::new("a ranking or a gate uses the silhouette, which is turned off")
            .hint("remove --silhouette off, or use another metric"));
    }
    if required.contains(&"silhouette_standard_error") && !matches!(silhouette, Some(Silhouette::Sample(_))) {
        return Err(
            Finding::new("an exact silhouette has no standard error").hint("use a sample: --silhouette sample:10000")
        );
    }
    let of_labels = |name: &str| metrics::of_labels().any(|known| known == name);
    let named = names.iter().map(String::as_str).chain(required.iter().copied());
    if let Some(name) = named.filter(|_| !labels).find(|name| of_labels(name)) {
        return Err(Finding::new(format!("`{name}` compares clusters with labels, but no labels are given"))
            .hint("add --labels FILE"));
    }
    if !names.is_empty() {
        // metrics that decide the ranking or whether the run fails are always shown
        names.extend(required.iter().map(|&name| name.to_owned()));
        if silhouette.is_some_and(|which| which != Silhouette::Off) || names.iter().any(|name| is_silhouette(name)) {
            names.extend(["silhouette", "silhouette_standard_error"].map(str::to_owned));
        }
        names.extend(metrics::of_labels().filter(|_| labels).map(str::to_owned));
    }
    let selected = metrics::select(&names)?.into_iter().map(|metric| metric.name());
    let wanted = |name: &&str| !(off && is_silhouette(name)) && (labels || !of_labels(name));
    let selected: Vec<String> = selected.filter(wanted).map(str::to_owned).collect();
    let wanted = selected.iter().any(|name| is_silhouette(name));
    let silhouette = silhouette.filter(|_| wanted).unwrap_or(if wanted { Silhouette::Exact } else { Silhouette::Off });
    Ok((selected, silhouette))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        names: &[&str],
        silhouette: Option<Silhouette>,
        rank_by: &str,
    ) -> Result<(Vec<String>, Silhouette), String> {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        choose(names, silhouette, &[rank_by], false).map_err(|finding| finding.to_string())
    }

    #[test]
    fn the_silhouette_is_selected_by_every_setting_that_names_it() {
        let has = |names: &[&str], silhouette, rank_by: &str| {
            chosen(names, silhouette, rank_by).map(|(names, which)| (names.iter().any(|n| n == "silhouette"), which))
        };
        assert_eq!(has(&[], None, "inertia"), Ok((true, Silhouette::Exact)));
        assert_eq!(has(&["all"], Some(Silhouette::Off), "inertia"), Ok((false, Silhouette::Off)));
        assert_eq!(has(&["fast"], None, "inertia"), Ok((false, Silhouette::Off)));
        assert_eq!(has(&["fast"], Some(Silhouette::Off), "inertia"), Ok((false, Silhouette::Off)));
        assert_eq!(has(&["fast"], Some(Silhouette::Exact), "inertia"), Ok((true, Silhouette::Exact)));
        assert_eq!(has(&["fast"], None, "silhouette"), Ok((true, Silhouette::Exact)));
        assert!(has(&["silhouette"], Some(Silhouette::Off), "inertia").is_err());
        assert!(has(&[], Some(Silhouette::Off), "silhouette").is_err());
    }

    #[test]
    fn metrics_of_labels_follow_the_labels() {
        let has = |names: &[&str], required: &[&str], labels| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            choose(names, None, required, labels).map(|(names, _)| names.iter().any(|name| name == "purity")).ok()
        };
        for names in [&[][..], &["all"], &["fast"], &["inertia"]] {
            assert_eq!((has(names, &[], true), has(names, &[], false)), (Some(true), Some(false)), "{names:?}");
        }
        assert_eq!((has(&["ari"], &[], true), has(&["ari"], &[], false)), (Some(true), None));
        assert_eq!((has(&[], &["purity"], true), has(&[], &["purity"], false)), (Some(true), None));
    }

    #[test]
    fn names_may_be_comma_separated() {
        let (names, _) = chosen(&["inertia, mean-distance"], None, "inertia").expect("known names");
        assert!(names.iter().any(|n| n == "mean_distance") && !names.iter().any(|n| n == "size_gini"), "{names:?}");
    }
}
