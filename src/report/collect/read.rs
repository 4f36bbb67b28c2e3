//! One run: what a record says, less the clusters.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::error::Finding;
use crate::formats::folder::RECORD;
use crate::plan::record::{MetricInfo, RunRecord};

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Path of its folder from the folder that all runs lie below, with `/`.
    pub name: String,
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Every setting with its resolved value.
    pub settings: Map<String, Value>,
    /// What the figures are.
    pub metrics: Vec<MetricInfo>,
    /// The levels' figures.
    pub levels: Vec<LevelFigures>,
}

/// The figures of one level.
#[derive(Debug, Clone)]
pub struct LevelFigures {
    /// 1-based.
    pub level: u32,
    /// By name; null where not defined.
    pub figures: Map<String, Value>,
}

/// Reads the record in a folder.
pub(super) fn run(folder: &Path) -> Result<Run, Finding> {
    let path = folder.join(RECORD);
    let record = RunRecord::read(&path)?;
    let Value::Object(settings) = record.settings else {
        return Err(Finding::new("the record has no settings").file(path));
    };
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    // the clusters' figures, which can be millions, go here
    let levels = record.levels.into_iter().map(|level| LevelFigures { level: level.level, figures: level.figures });
    Ok(Run { name: String::new(), folder, settings, metrics: record.metrics, levels: levels.collect() })
}

/// Names the runs by what tells their folders apart.
pub(super) fn name(runs: &mut [Run]) {
    let common = match runs {
        [] => return,
        // one alone is known by its folder's name
        [run] => run.folder.parent().map(Path::to_owned).unwrap_or_default(),
        [first, others @ ..] => others.iter().fold(first.folder.clone(), |common, run| shared(&common, &run.folder)),
    };
    for run in runs {
        let below = run.folder.strip_prefix(&common).unwrap_or(&run.folder);
        let names: Vec<String> = below.components().map(in_name).collect();
        run.name = if names.is_empty() { ".".to_owned() } else { names.join("/") };
    }
}

fn in_name(component: Component) -> String {
    component.as_os_str().to_string_lossy().into_owned()
}

/// The folder that both lie below.
fn shared(a: &Path, b: &Path) -> PathBuf {
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
        };
        let mut runs: Vec<Run> = folders.iter().map(run).collect();
        name(&mut runs);
        runs.into_iter().map(|run| run.name).collect()
    }

    #[test]
    fn runs_are_named_by_what_tells_their_folders_apart() {
        assert_eq!(names(&["/a/b/seed=1", "/a/b/seed=2"]), ["seed=1", "seed=2"]);
        assert_eq!(names(&["/a/x/metrics", "/a/y/metrics"]), ["x/metrics", "y/metrics"]);
        assert_eq!(names(&["/a/x", "/a/x/y"]), [".", "y"]);
        assert_eq!(names(&["/a/x"]), ["x"]);
        assert!(names(&[]).is_empty());
    }
}
