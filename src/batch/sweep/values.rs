//! Values of parameters: checks them as the config file of a command does, and makes paths absolute.

use std::path::Path;

use serde_json::Value;

use crate::base::error::Finding;
use crate::base::{path_text, paths};
use crate::formats::yaml;
use crate::plan::settings::{KmeansOptions, Options, Scratch};

/// The command that parameters belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Metrics,
    Kmeans,
}

/// Parameters of `metrics` that are paths. `embeddings` can be several, or globs.
const PATHS: [&str; 9] = [
    "clustering",
    "embeddings",
    "images",
    "image-root",
    "subset-indices",
    "labels",
    "scratch",
    "assignments",
    "centroids",
];

/// Those that can be several paths in one text, separated by commas.
const LISTS: [&str; 2] = ["assignments", "centroids"];

/// Parameters of `kmeans` that are paths.
const KMEANS_PATHS: [&str; 4] = ["embeddings-path", "subset-indices-path", "fit-indices", "scratch"];

/// Whether a name shows the last components of the parameter's value. `kmeans.KEY` is a parameter of `kmeans`.
pub(super) fn is_path(key: &str) -> bool {
    key.strip_prefix("kmeans.").map_or_else(|| PATHS.contains(&key), |key| KMEANS_PATHS.contains(&key))
}

/// Words that YAML 1.1 reads as booleans.
const TRUE: [&str; 3] = ["yes", "on", "y"];
const FALSE: [&str; 3] = ["no", "off", "n"];

impl Command {
    /// Checks that the command has a setting of this name (with `-`), and that a sweep may set it.
    pub(super) fn check_key(self, key: &str) -> Result<(), Finding> {
        if key == "out" {
            let finding = Finding::new("`out` is not a parameter: each run of a sweep has its own folder");
            return Err(finding.hint("`root` and `name` of `job_details` determine the folders"));
        }
        self.fitting(key, &Value::Null).map(drop)
    }

    fn fitting(self, key: &str, value: &Value) -> Result<Value, Finding> {
        match self {
            Command::Metrics => Options::fitting(key, value),
            Command::Kmeans => KmeansOptions::fitting(key, value),
        }
    }

    /// Checks a value and returns it in the form that the settings accept.
    pub(super) fn check(self, key: &str, value: &Value) -> Result<Value, Finding> {
        let checked = match self.fitting(key, value) {
            Ok(value) => value,
            Err(wrong) => truth(value).filter(|truth| self.fitting(key, truth).is_ok()).ok_or(wrong)?,
        };
        let paths: &[&str] = if self == Command::Metrics { &PATHS } else { &KMEANS_PATHS };
        match checked {
            Value::String(list) if LISTS.contains(&key) => {
                absolute(&list.split(',').map(|path| Value::from(path.trim())).collect::<Vec<_>>().into())
            }
            Value::String(scratch) if key == "scratch" => {
                let scratch = Scratch::new(scratch.into()).absolute();
                scratch.written().to_str().map(Value::from).ok_or_else(unwritable)
            }
            checked if paths.contains(&key) => absolute(&checked),
            checked => Ok(checked),
        }
    }
}

/// The boolean that YAML 1.1 reads from a word such as `yes`.
fn truth(value: &Value) -> Option<Value> {
    let word = value.as_str()?.to_ascii_lowercase();
    let is = |words: [&str; 3]| words.contains(&word.as_str());
    if is(TRUE) { Some(true.into()) } else { is(FALSE).then(|| false.into()) }
}

/// Makes paths absolute. As in a config file, they are relative to the current directory; a job starts in another one.
fn absolute(value: &Value) -> Result<Value, Finding> {
    match value {
        Value::Array(paths) => paths.iter().map(absolute).collect::<Result<_, _>>().map(Value::Array),
        Value::String(path) if !path.is_empty() && !path_text::is_url(path) => {
            let absolute = paths::absolute(path.as_ref());
            let absolute = absolute.map_err(|e| Finding::io("not a usable path", Path::new(path), &e))?;
            absolute.to_str().map(Value::from).ok_or_else(unwritable)
        }
        other => Ok(other.clone()),
    }
}

fn unwritable() -> Finding {
    let finding = Finding::new("the current directory can't be written as YAML");
    finding.hint("change to another directory, or write absolute paths")
}

/// The kind of a value, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match yaml::typed(value) {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueHint;

    fn check(key: &str, value: &Value) -> Result<Value, Finding> {
        Command::Metrics.check(key, value)
    }

    #[test]
    fn all_path_settings_are_listed() {
        let command = crate::cli::args::command();
        for (name, paths) in [("metrics", PATHS.as_slice()), ("kmeans", KMEANS_PATHS.as_slice())] {
            let command = command.find_subcommand(name).expect("exists");
            let is_path = |arg: &&clap::Arg| arg.get_value_hint() == ValueHint::AnyPath;
            let keys = command.get_arguments().filter(is_path).map(|arg| arg.get_id().as_str().replace('_', "-"));
            let others = ["out", "config"];
            let unknown: Vec<String> =
                keys.filter(|key| !paths.contains(&&**key) && !others.contains(&&**key)).collect();
            assert!(unknown.is_empty(), "{unknown:?}");
            let hinted = command.get_arguments().filter(is_path).count();
            assert!(hinted + usize::from(name == "kmeans") >= paths.len(), "the hint identifies paths");
        }
    }

    #[test]
    fn words_become_booleans_if_the_setting_is_one() {
        assert_eq!(check("force", &"yes".into()), Ok(true.into()));
        assert_eq!(check("silhouette", &"off".into()), Ok("off".into()));
        assert_eq!(check("device", &"no".into()), Ok("no".into()));
        assert!(check("force", &"maybe".into()).is_err());
        assert!(check("seed", &"no".into()).is_err());
    }

    #[test]
    fn paths_become_absolute_and_other_texts_stay() {
        let here = std::env::current_dir().expect("somewhere").join("a/*.npy").display().to_string();
        assert_eq!(check("embeddings", &"a/*.npy".into()), Ok(here.clone().into()));
        assert_eq!(check("embeddings", &serde_json::json!(["a/*.npy"])), Ok(serde_json::json!([here.clone()])));
        assert_eq!(check("embeddings", &"./b/../a/*.npy".into()), Ok(here.into()));
        assert_eq!(check("scratch", &"$TMPDIR/x".into()), Ok("$TMPDIR/x".into()));
        assert_eq!(check("rank-by", &"inertia".into()), Ok("inertia".into()));
    }
}
