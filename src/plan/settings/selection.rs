//! Which figures the settings ask for together.

use super::Silhouette;
use crate::base::error::{Finding, Findings, Result};
use crate::metrics;
use crate::metrics::gates::Gate;

/// The gates as they are written, all that is wrong with them told together.
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

/// Whether a figure is one of the silhouettes, which are asked for in ways of their own.
pub(super) fn is_silhouette(name: &str) -> bool {
    name.starts_with("silhouette")
}

/// The names of the figures to compute, and which silhouettes. `asked` are figures that are asked for in another way: by a
/// ranking, by gates. Figures of labels are there where there are labels, whatever else is.
pub(super) fn choose(
    names: Vec<String>,
    silhouette: Option<Silhouette>,
    asked: &[&str],
    labels: bool,
) -> Result<(Vec<String>, Silhouette), Finding> {
    // a file may list them as the command line does
    let names = names.iter().flat_map(|names| names.split(','));
    let mut names: Vec<String> = names.map(|name| name.trim().replace('-', "_")).collect();
    let off = silhouette == Some(Silhouette::Off);
    if off && names.iter().any(|name| is_silhouette(name)) {
        return Err(Finding::new("the silhouette is among the figures and is off").hint("leave --silhouette off out"));
    }
    if off && asked.iter().any(|name| is_silhouette(name)) {
        return Err(Finding::new("clusters can't be ranked by the silhouette, nor gates set on it, when it is off")
            .hint("leave --silhouette off out, or take another figure"));
    }
    if asked.contains(&"silhouette_standard_error") && !matches!(silhouette, Some(Silhouette::Sample(_))) {
        return Err(
            Finding::new("an exact silhouette has no standard error").hint("take a sample: --silhouette sample:10000")
        );
    }
    let of_labels = |name: &str| metrics::of_labels().any(|known| known == name);
    let named = names.iter().map(String::as_str).chain(asked.iter().copied());
    if let Some(name) = named.filter(|_| !labels).find(|name| of_labels(name)) {
        return Err(Finding::new(format!("`{name}` compares clusters with labels, and there are none"))
            .hint("name the file of the labels with --labels"));
    }
    if !names.is_empty() {
        // what decides best and worst, or whether the run fails, is shown
        names.extend(asked.iter().map(|&name| name.to_owned()));
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
    fn the_silhouette_is_there_where_it_is_asked_for_in_any_way() {
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
    fn figures_of_labels_are_there_where_labels_are() {
        let has = |names: &[&str], asked: &[&str], labels| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            choose(names, None, asked, labels).map(|(names, _)| names.iter().any(|name| name == "purity")).ok()
        };
        for names in [&[][..], &["all"], &["fast"], &["inertia"]] {
            assert_eq!((has(names, &[], true), has(names, &[], false)), (Some(true), Some(false)), "{names:?}");
        }
        assert_eq!((has(&["ari"], &[], true), has(&["ari"], &[], false)), (Some(true), None));
        assert_eq!((has(&[], &["purity"], true), has(&[], &["purity"], false)), (Some(true), None));
    }

    #[test]
    fn names_may_stand_in_one_text() {
        let (names, _) = chosen(&["inertia, mean-distance"], None, "inertia").expect("known names");
        assert!(names.iter().any(|n| n == "mean_distance") && !names.iter().any(|n| n == "size_gini"), "{names:?}");
    }
}
