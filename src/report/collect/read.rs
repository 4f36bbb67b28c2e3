//! One run: its record without the clusters.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::identity::Read;
use crate::base::error::Finding;
use crate::formats::folder::RECORD;
use crate::plan::record::{MetricInfo, RunRecord};

/// Prefix of the settings of k-means.
pub(super) const KMEANS: &str = "kmeans.";

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Path of its folder relative to the closest folder above all runs, with `/`.
    pub name: String,
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Every setting with its resolved value; those of k-means are named `kmeans.KEY`.
    pub settings: Map<String, Value>,
    /// Descriptions of the metrics.
    pub metrics: Vec<MetricInfo>,
    /// Metrics per level.
    pub levels: Vec<LevelMetrics>,
    /// What the settings that name inputs stand for.
    pub(super) inputs: Read,
}

/// The metrics of one level.
#[derive(Debug, Clone)]
pub struct LevelMetrics {
    /// 1-based.
    pub level: u32,
    /// Values by name; null if not defined.
    pub figures: Map<String, Value>,
}

/// Reads the record in a folder.
pub(super) fn run(folder: &Path) -> Result<Run, Finding> {
    let path = folder.join(RECORD);
    let record = RunRecord::read(&path)?;
    let Value::Object(mut settings) = record.settings else {
        return Err(Finding::new("the record has no settings").file(path));
    };
    let inputs = Read::of(&record.inputs);
    if let Some(kmeans) = record.kmeans {
        settings.extend(of_kmeans(kmeans.settings));
    }
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    // drops the metrics of clusters, which can be millions
    let levels = record.levels.into_iter().map(|level| LevelMetrics { level: level.level, figures: level.figures });
    Ok(Run { name: String::new(), folder, settings, metrics: record.metrics, levels: levels.collect(), inputs })
}

/// The settings that made the clustering, as `kmeans.KEY`. A list of one level is a plain number.
fn of_kmeans(settings: Value) -> Map<String, Value> {
    let Value::Object(settings) = settings else { return Map::new() };
    let plain = |value: Value| match value {
        Value::Array(mut one) if one.len() == 1 => one.remove(0),
        value => value,
    };
    let named = |(key, value): (String, Value)| (format!("{KMEANS}{}", key.replace('_', "-")), plain(value));
    settings.into_iter().map(named).collect()
}

/// Names the runs by the parts of their folders' paths that differ.
pub(super) fn name_runs(runs: &mut [Run]) {
    let common = match runs {
        [] => return,
        // a single run is named after its folder
        [run] => run.folder.parent().map(Path::to_owned).unwrap_or_default(),
        [first, others @ ..] => {
            others.iter().fold(first.folder.clone(), |common, run| common_ancestor(&common, &run.folder))
        }
    };
    for run in runs {
        let below = run.folder.strip_prefix(&common).unwrap_or(&run.folder);
        let names: Vec<String> = below.components().map(lossy).collect();
        run.name = if names.is_empty() { ".".to_owned() } else { names.join("/") };
    }
}

fn lossy(component: Component) -> String {
    component.as_os_str().to_string_lossy().into_owned()
}

/// The closest common ancestor.
fn common_ancestor(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folders: &[&str]) -> Vec<String> {
        let run = |folder: &&str| Run {
            name: String::new(),
            folder: folder.into(),
            settings: Map::new(),
            metrics: Vec::new(),
            levels: Vec::new(),
            inputs: Read::default(),
        };
        let mut runs: Vec<Run> = folders.iter().map(run).collect();
        name_runs(&mut runs);
        runs.into_iter().map(|run| run.name).collect()
    }

    #[test]
    fn runs_are_named_by_the_parts_of_their_paths_that_differ() {
        assert_eq!(names(&["/a/b/seed=1", "/a/b/seed=2"]), ["seed=1", "seed=2"]);
        assert_eq!(names(&["/a/x/metrics", "/a/y/metrics"]), ["x/metrics", "y/metrics"]);
        assert_eq!(names(&["/a/x", "/a/x/y"]), [".", "y"]);
        assert_eq!(names(&["/a/x"]), ["x"]);
        assert!(names(&[]).is_empty());
    }
}
