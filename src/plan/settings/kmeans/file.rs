//! The CONFIG of `kmeans`: an upstream config, a config for this program, or the config.yaml of a clustering it wrote.

use std::path::Path;

use serde_json::Map;

use super::KmeansOptions;
use crate::base::error::{Finding, Result};
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
        file::read(path, KmeansOptions::parse)
    }

    /// Parses the text of a config file.
    ///
    /// # Errors
    /// Invalid YAML, values of the wrong type, and unknown keys.
    pub fn parse(text: &str) -> Result<KmeansOptions, Finding> {
        let mut keys = file::keys(file::value(text)?)?;
        let own = keys.remove(OURS);
        let ours = own.is_some();
        for (key, value) in file::keys(own.unwrap_or_default())? {
            if keys.contains_key(&key) {
                return Err(twice(&key, &format!("{OURS}: {key}")));
            }
            keys.insert(key, value);
        }
        if let Some(exp_dir) = keys.remove("exp-dir").filter(|value| !value.is_null())
            && keys.insert("out".to_owned(), exp_dir).is_some_and(|out| !out.is_null())
        {
            return Err(twice("out", "exp_dir"));
        }
        let (foreign, known): (Map<_, _>, Map<_, _>) = keys.into_iter().partition(|(key, _)| is_foreign(key));
        let foreign = foreign.into_iter().map(|(key, value)| (key.replace('-', "_"), value)).collect();
        let options = file::of_keys(known, "kmeans")?;
        Ok(KmeansOptions { foreign, ours, ..options })
    }
}

fn is_foreign(key: &str) -> bool {
    FOREIGN.contains(&key) || key.starts_with("slurm-")
}

fn twice(one: &str, other: &str) -> Finding {
    Finding::new("the config file sets one option twice")
        .found(format!("`{one}` and `{other}`"))
        .hint("keep one of them")
}
