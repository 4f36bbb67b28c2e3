//! The job spec of a sweep, kept in its folder with absolute paths: `clustrata submit FOLDER/spec.yaml` repeats the sweep from
//! any other folder. The settings of its k-means lie beside it.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::base::error::{Error, Finding, Result};
use crate::base::{path_text, paths};
use crate::batch::sweep::{Sweep, WrittenKmeans};
use crate::formats::atomic_file;

/// File names in the sweep's folder.
const SPEC: &str = "spec.yaml";
const KMEANS: &str = "kmeans.yaml";

/// First line of both files: a file without it is the user's own.
const HEAD: &str = "# Written by `clustrata submit`: as it was submitted, with absolute paths.\n";

/// Saves the spec that was read from the file `from`.
///
/// # Errors
/// `Failed` if the folder can't be written.
pub(super) fn save(sweep: &Sweep, from: &Path) -> Result<()> {
    let folder = sweep.root.join(&sweep.name);
    fs::create_dir_all(&folder).map_err(|e| Error::io("can't make the folder of the sweep", &folder, &e))?;
    if let Some(kmeans) = &sweep.written {
        let force = if kmeans.settings.force { "force: true\n" } else { "" };
        write(&folder.join(KMEANS), &(kmeans.settings.to_yaml()? + force), &kmeans.config)?;
    }
    let yaml = serde_saphyr::to_string(&absolute(sweep, &folder));
    let yaml =
        yaml.map_err(|e| Error::failed(Finding::new("can't write the job spec as YAML").found(e.to_string())))?;
    write(&folder.join(SPEC), &yaml, from)
}

/// The spec with absolute paths.
fn absolute(sweep: &Sweep, folder: &Path) -> Value {
    let mut spec = Map::new();
    spec.insert("job_details".to_owned(), json!({"name": sweep.name, "root": text(&sweep.root)}));
    if let Some(WrittenKmeans { out, tasks, parameters, .. }) = &sweep.written {
        let mut block = Map::new();
        block.insert("config".to_owned(), text(&folder.join(KMEANS)).into());
        block.insert("out".to_owned(), text(out).into());
        block.insert("tasks".to_owned(), (*tasks).into());
        block.extend(parameters.clone());
        spec.insert("kmeans".to_owned(), block.into());
    }
    if !sweep.parameters.is_empty() {
        spec.insert("parameters".to_owned(), sweep.parameters.clone().into());
    }
    if !sweep.slurm.is_null() {
        spec.insert("slurm".to_owned(), of_slurm(&sweep.slurm));
    }
    spec.insert("grid".to_owned(), json!({"max_runs": sweep.max_runs}));
    spec.into()
}

/// The block for Slurm: two of its keys are paths. A program without a folder is looked up in PATH.
fn of_slurm(block: &Value) -> Value {
    let mut block = block.clone();
    for key in ["site", "binary"] {
        if let Some(Value::String(path)) = block.get_mut(key)
            && (key == "site" || is_program(path))
        {
            *path = text(Path::new(path));
        }
    }
    block
}

/// Whether the text is the path of a program: neither a bare name nor a command of several words.
fn is_program(text: &str) -> bool {
    let path = Path::new(text);
    path.components().count() > 1 && (path.is_file() || !text.contains(char::is_whitespace))
}

fn text(path: &Path) -> String {
    let path = paths::absolute_or_same(path);
    path_text::to_text(&path).unwrap_or_else(|| path.to_string_lossy()).into_owned()
}

/// Writes a file, but not over the file that it was read `from`, nor over another one of the user.
fn write(path: &Path, yaml: &str, from: &Path) -> Result<()> {
    let same = matches!((path.canonicalize(), from.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same || fs::read(path).is_ok_and(|text| !text.starts_with(HEAD.as_bytes())) {
        tracing::info!("{} stays as it is", path.display());
        return Ok(());
    }
    let content = [HEAD, yaml].concat();
    atomic_file::replace(path, content.as_bytes()).map_err(|e| Error::io("can't save the job spec", path, &e))
}
