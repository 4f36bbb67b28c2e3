//! Settings that name inputs: which runs read the same ones.
//!
//! A setting holds a path as it was written. The same text can mean two inputs (`hier`, from two folders), and two texts one
//! input. Here each such setting becomes the absolute path of what the run read, and equal inputs get equal paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::plan::record::{InputFile, Inputs};

/// Digits of a checksum that tell apart inputs which lay at the same path at different times.
const DIGITS: usize = 8;

/// The settings of a run that name inputs, and what the run read by them.
#[derive(Debug, Clone, Default)]
pub(super) struct Read(Vec<(&'static str, Source)>);

/// An input.
#[derive(Debug, Clone)]
struct Source {
    /// Absolute paths to show.
    paths: Vec<String>,
    /// The same for inputs with the same content.
    content: String,
}

impl Read {
    /// What a run read.
    pub(super) fn of(inputs: &Inputs) -> Read {
        let labels: Vec<&Path> = inputs.assignments.iter().map(|level| level.file.as_path()).collect();
        let is_labels = |file: &&InputFile| labels.contains(&file.path.as_path());
        let (assignments, others): (Vec<_>, Vec<_>) = inputs.hierarchy.iter().partition(is_labels);
        let folder = vec![normalized(&inputs.clustering)];
        let mut read = vec![("embeddings", Source::files(inputs.embeddings.iter()))];
        if labels.is_empty() {
            read.push(("clustering", Source { paths: folder, ..Source::files(others.into_iter()) }));
        } else {
            // given as labels: `clustering` is their first file
            read.push(("clustering", Source { paths: folder, ..Source::files(assignments.iter().copied()) }));
            read.push(("assignments", Source::files(assignments.into_iter())));
            read.push(("centroids", Source::files(others.into_iter())));
        }
        read.push(("subset-indices", Source::files(inputs.subset.iter())));
        read.push(("labels", Source::files(inputs.labels.iter())));
        read.push(("images", Source::files(inputs.images.iter())));
        Read(read)
    }
}

impl Source {
    fn files<'a>(files: impl Iterator<Item = &'a InputFile>) -> Source {
        let (mut paths, mut content) = (Vec::new(), String::new());
        for file in files {
            let path = normalized(&file.path);
            // without a checksum, a file is the same if it is at the same place and unchanged
            let unchanged = || format!("{path} {} {:?}", file.bytes, file.modified);
            content += &file.checksum.clone().unwrap_or_else(unchanged);
            content += &format!(" {:?};", file.array);
            paths.push(path);
        }
        Source { paths, content }
    }

    /// As a setting: one path, or several.
    fn shown(&self) -> Value {
        if let [path] = self.paths.as_slice() { path.as_str().into() } else { self.paths.clone().into() }
    }
}

/// A path without links and `..`, if it still exists.
fn normalized(path: &Path) -> String {
    let real: PathBuf = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real.to_string_lossy().into_owned()
}

/// Replaces the settings that name inputs. The same input gets the path that the first run read it by; if another input was
/// at that path, a part of its checksum follows.
pub(super) fn unify<'a>(runs: impl Iterator<Item = (&'a mut Map<String, Value>, &'a Read)>) {
    let mut shown: BTreeMap<(&str, String), Value> = BTreeMap::new();
    let mut taken: BTreeMap<(&str, String), String> = BTreeMap::new();
    for (settings, Read(sources)) in runs {
        for (key, source) in sources {
            let is_set = settings.get(*key).is_some_and(|value| !value.is_null() && value != &Value::Array(Vec::new()));
            if !is_set || source.paths.is_empty() {
                continue;
            }
            let value = shown.entry((key, source.content.clone())).or_insert_with(|| {
                let value = source.shown();
                let first = taken.entry((key, value.to_string())).or_insert_with(|| source.content.clone());
                if *first == source.content { value } else { told_apart(&value, &source.content) }
            });
            settings.insert((*key).to_owned(), value.clone());
        }
    }
}

fn told_apart(value: &Value, content: &str) -> Value {
    let checksum = blake3::hash(content.as_bytes()).to_hex();
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{text} (content {})", &checksum[..DIGITS]).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(path: &str, content: &str) -> Read {
        Read(vec![("clustering", Source { paths: vec![path.to_owned()], content: content.to_owned() })])
    }

    fn unified(runs: &[(&str, Read)]) -> Vec<String> {
        let mut settings: Vec<Map<String, Value>> = runs
            .iter()
            .map(|(written, _)| json!({ "clustering": written, "seed": 1 }).as_object().cloned().expect("a map"))
            .collect();
        unify(settings.iter_mut().zip(runs.iter().map(|(_, read)| read)));
        settings.iter().map(|map| map["clustering"].as_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn the_same_text_can_mean_two_inputs_and_two_texts_one() {
        let runs = [
            ("hier", source("/a/hier", "1")),
            ("hier", source("/b/hier", "2")),
            ("../a/hier", source("/a/hier", "1")),
            ("copy", source("/c/copy", "2")),
        ];
        assert_eq!(unified(&runs), ["/a/hier", "/b/hier", "/a/hier", "/b/hier"]);
    }

    #[test]
    fn inputs_that_lay_at_one_path_in_turn_are_told_apart() {
        let shown = unified(&[("h", source("/a/h", "1")), ("h", source("/a/h", "2")), ("h", source("/a/h", "1"))]);
        assert_eq!((shown[0].as_str(), &shown[0]), ("/a/h", &shown[2]));
        assert!(shown[1].starts_with("/a/h (content "), "{shown:?}");
    }
}
