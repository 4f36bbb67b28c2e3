//! The CONFIG of `kmeans`: an upstream config, a config for this program, or the config.yaml of a clustering it wrote.

use std::path::Path;

use serde_json::{Map, Value};

use super::KmeansOptions;
use crate::base::error::{Error, Finding, Result};
use crate::formats::yaml::{self, Document};
use crate::plan::settings::file;

/// The key that holds everything this program adds to upstream's keys.
pub(super) const OURS: &str = "clustrata";

/// Upstream's keys about machines and jobs, besides those that start with `slurm_`.
const FOREIGN: [&str; 4] = ["checkpoint-period", "ngpus-per-node", "nnodes", "ncpus-per-gpu"];

impl KmeansOptions {
    /// Reads a config file.
    ///
    /// # Errors
    /// `Usage` if the file can't be read or is not valid.
    pub fn read(path: &Path) -> Result<KmeansOptions> {
        let (document, place) = file::read(path)?;
        KmeansOptions::of_document(&document, &place)
    }

    /// Parses the text of a config file.
    ///
    /// # Errors
    /// Invalid YAML, values of the wrong type, and unknown keys.
    pub fn parse(text: &str) -> Result<KmeansOptions> {
        let document = file::parse(text).map_err(Error::usage)?;
        KmeansOptions::of_document(&document, &file::Place::default())
    }

    /// The value of a key as the settings take it, as [`Options::fitting`](crate::plan::settings::Options::fitting).
    ///
    /// # Errors
    /// An unknown key, or a value of the wrong type.
    pub fn fitting(key: &str, value: &Value) -> Result<Value, Finding> {
        file::known_and_fitting::<KmeansOptions>(key, value, "kmeans")
    }

    fn of_document(document: &Document, place: &file::Place) -> Result<KmeansOptions> {
        let refuse = |finding| place.refuse(finding);
        let mut keys = file::keys(document.value.clone()).map_err(refuse)?;
        let own = keys.remove(OURS);
        let ours = own.is_some();
        for (key, value) in file::keys(own.unwrap_or_default()).map_err(refuse)? {
            if keys.contains_key(&key) {
                return Err(refuse(twice(&key, &format!("{OURS}: {key}"))));
            }
            keys.insert(key, value);
        }
        if let Some(exp_dir) = keys.remove("exp-dir").filter(|value| !value.is_null())
            && keys.insert("out".to_owned(), exp_dir).is_some_and(|out| !out.is_null())
        {
            return Err(refuse(twice("out", "exp_dir")));
        }
        let (foreign, known): (Map<_, _>, Map<_, _>) = keys.into_iter().partition(|(key, _)| is_foreign(key));
        let foreign =
            foreign.into_iter().map(|(key, value)| (key.replace('-', "_"), foreign_value(&key, value))).collect();
        let options = file::of_keys(known, "kmeans", document, place)?;
        Ok(KmeansOptions { foreign, ours, ..options })
    }
}

/// Keys of Slurm, such as the partition, hold text; the others hold numbers.
fn foreign_value(key: &str, value: Value) -> Value {
    if key.starts_with("slurm-") { value } else { yaml::typed(&value) }
}

fn is_foreign(key: &str) -> bool {
    FOREIGN.contains(&key) || key.starts_with("slurm-")
}

fn twice(one: &str, other: &str) -> Finding {
    Finding::new("the config file sets one option twice")
        .found(format!("`{one}` and `{other}`"))
        .hint("keep one of them")
}
