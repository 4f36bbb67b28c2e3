//! Whether rows are normalised, and which metrics that decides.

use crate::base::error::{Finding, Findings};
use crate::metrics;
use crate::plan::settings::Settings;

/// Fills in the setting: without `--normalize`, rows are normalised if they were when the clustering was `made`, which
/// `None` leaves open. Metrics of cosines are left out without normalised rows, and refused if they were named.
pub(super) fn follow(settings: &mut Settings, made: Option<bool>, findings: &mut Findings, warnings: &mut Vec<String>) {
    match (settings.normalize, made) {
        (Some(false), Some(true)) => warnings.push(
            "the clustering was made of normalised rows (config.yaml), and is judged by rows as they are: --normalize=false"
                .to_owned(),
        ),
        (Some(true), Some(false)) => warnings.push(
            "the clustering was made of rows as they are (config.yaml), and is judged by normalised rows: --normalize".to_owned(),
        ),
        (None, Some(true)) => tracing::info!("rows are normalised, as when the clustering was made (config.yaml)"),
        _ => {}
    }
    let normalize = settings.normalize.or(made).unwrap_or(false);
    settings.normalize = Some(normalize);
    if normalize {
        return;
    }
    if let Some(name) = &settings.cosine_asked {
        let finding = Finding::new(format!("`{name}` is defined for normalised rows only"));
        findings.push_usage(finding.hint("add --normalize"));
    }
    settings.metrics.retain(|name| !metrics::of_cosines(name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::settings::Options;

    /// The setting, whether a metric of cosines is computed, and the numbers of warnings and refusals.
    fn followed(normalize: Option<bool>, made: Option<bool>, metrics: &[&str]) -> (Option<bool>, bool, usize, usize) {
        let metrics = metrics.iter().map(|&name| name.to_owned()).collect();
        let options = Options { clustering: Some("hier".into()), normalize, metrics, ..Options::default() };
        let mut settings = options.resolve().expect("valid settings");
        let (mut findings, mut warnings) = (Findings::new(), Vec::new());
        follow(&mut settings, made, &mut findings, &mut warnings);
        let cosine = settings.metrics.iter().any(|name| name == "silhouette_cosine");
        (settings.normalize, cosine, warnings.len(), findings.kept().len())
    }

    #[test]
    fn rows_are_normalised_as_the_user_or_the_clustering_says() {
        for metrics in [&[][..], &["all"]] {
            assert_eq!(followed(None, None, metrics), (Some(false), false, 0, 0));
            assert_eq!(followed(None, Some(true), metrics), (Some(true), true, 0, 0));
            assert_eq!(followed(Some(true), None, metrics), (Some(true), true, 0, 0));
            assert_eq!(followed(Some(true), Some(false), metrics), (Some(true), true, 1, 0));
            assert_eq!(followed(Some(false), Some(true), metrics), (Some(false), false, 1, 0));
        }
        assert_eq!(followed(Some(true), None, &["fast"]), (Some(true), false, 0, 0));
        assert_eq!(followed(None, None, &["inertia, silhouette-cosine"]), (Some(false), false, 0, 1));
        assert_eq!(followed(None, Some(true), &["silhouette_cosine"]), (Some(true), true, 0, 0));
    }
}
