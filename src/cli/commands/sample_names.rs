//! The names of a selection's images, beside its row numbers.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::base::error::{Error, Finding, Findings, Result};
use crate::cli::args::SampleArgs;
use crate::formats::atomic_file;
use crate::formats::folder::RECORD;
use crate::formats::names::{self, NameColumns, Names};
use crate::plan::record::{self, Inputs};

/// Lists of image names, and the folder that relative names start from.
pub(super) struct ImageNames {
    names: Names,
    root: PathBuf,
}

/// The keys of a run's record that say where its images are.
#[derive(Deserialize)]
struct Judged {
    inputs: Inputs,
    settings: Value,
}

/// The names that were asked for; else those that `metrics` was given for this clustering, if their files are still there;
/// else `None`.
///
/// # Errors
/// `Usage` or `Input` where the files that were asked for can't be read.
pub(super) fn open(args: &SampleArgs, beside: &Path) -> Result<Option<ImageNames>> {
    let columns = NameColumns { image: args.image_column.clone(), caption: None };
    if !args.images.is_empty() {
        let mut findings = Findings::new();
        let opened = Names::open_all(&args.images, &columns, &mut findings);
        findings.into_result()?;
        return Ok(opened.map(|names| ImageNames { names, root: root_of(args, &args.images) }));
    }
    let Some(record) = record::read_keys::<Judged>(&beside.join(RECORD)) else { return Ok(None) };
    let files: Vec<PathBuf> = record.inputs.images.into_iter().map(|file| file.path).collect();
    let setting = |key: &str| record.settings.get(key).and_then(Value::as_str);
    let columns = NameColumns { image: columns.image.or(setting("image-column").map(str::to_owned)), caption: None };
    let mut findings = Findings::new();
    match Names::open_all(&files, &columns, &mut findings).filter(|names| !names.is_empty() && findings.is_empty()) {
        Some(names) => {
            let root = args.image_root.clone().or_else(|| setting("image-root").map(PathBuf::from));
            let root = root.filter(|root| root.is_dir()).unwrap_or_else(|| root_of(args, &files));
            Ok(Some(ImageNames { names, root }))
        }
        None if files.is_empty() => Ok(None),
        None => {
            let list = files.first().map(|file| file.display().to_string()).unwrap_or_default();
            tracing::warn!("no file names are written: {list} can't be read any more; name it with --images");
            Ok(None)
        }
    }
}

/// The folder that names start from: that of the first list, unless another one is given.
fn root_of(args: &SampleArgs, files: &[PathBuf]) -> PathBuf {
    let beside = || files.first().and_then(|file| file.parent()).map(Path::to_owned);
    args.image_root.clone().or_else(beside).unwrap_or_default()
}

impl ImageNames {
    /// The paths of the images of `rows`, one per line and in this order.
    ///
    /// # Errors
    /// `Input` if a row has no name, or a name can't be a line.
    pub(super) fn lines(&self, rows: &[u64]) -> Result<String> {
        let mut text = String::new();
        for (row, name) in rows.iter().zip(self.names.read(rows).map_err(Error::input)?) {
            let image = names::resolve(&name.path, &self.root);
            let image = std::path::absolute(&image).unwrap_or(image).to_string_lossy().into_owned();
            if image.contains(['\n', '\r']) {
                let finding = Finding::new("an image's name holds a line break, so it can't be written as a line");
                return Err(Error::input(finding.index(*row).found(format!("{image:?}")).hint("rename the image")));
            }
            text.extend([image.as_str(), "\n"]);
        }
        Ok(text)
    }
}

/// Writes the list of a selection.
pub(super) fn write(text: &str, path: &Path) -> Result<()> {
    atomic_file::replace(path, text.as_bytes())
        .map_err(|e| Error::io("can't write the names of the selection", path, &e))
}
