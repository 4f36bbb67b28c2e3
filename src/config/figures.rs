//! Which figures the settings ask for together.

use super::Silhouette;
use crate::error::Finding;
use crate::metrics;

/// The names of the figures to compute, and which silhouettes.
pub(super) fn choose(
    names: Vec<String>,
    silhouette: Option<Silhouette>,
    rank_by: &str,
) -> Result<(Vec<String>, Silhouette), Finding> {
    // a file may list them as the command line does
    let names = names.iter().flat_map(|names| names.split(','));
    let mut names: Vec<String> = names.map(|name| name.trim().replace('-', "_")).collect();
    let is_silhouette = |name: &str| name.starts_with("silhouette");
    let off = silhouette == Some(Silhouette::Off);
    if off && names.iter().any(|name| is_silhouette(name)) {
        return Err(Finding::new("the silhouette is among the figures and is off").hint("leave --silhouette off out"));
    }
    if !names.is_empty() {
        // what decides best and worst is shown
        names.push(rank_by.to_owned());
        if silhouette.is_some_and(|which| which != Silhouette::Off) || names.iter().any(|name| is_silhouette(name)) {
            names.extend(["silhouette", "silhouette_standard_error"].map(str::to_owned));
        }
    }
    if off && is_silhouette(rank_by) {
        return Err(Finding::new("clusters can't be ranked by the silhouette when it is off")
            .hint("leave --silhouette out, or rank by another figure with --rank-by"));
    }
    let selected = metrics::select(&names)?.into_iter().map(|metric| metric.name().to_owned());
    let selected: Vec<String> = selected.filter(|name| !(off && is_silhouette(name))).collect();
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
        choose(names, silhouette, rank_by).map_err(|finding| finding.to_string())
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
    fn names_may_stand_in_one_text() {
        let (names, _) = chosen(&["inertia, mean-distance"], None, "inertia").expect("known names");
        assert!(names.iter().any(|n| n == "mean_distance") && !names.iter().any(|n| n == "size_gini"), "{names:?}");
    }
}
