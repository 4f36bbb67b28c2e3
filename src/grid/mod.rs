//! Many runs from one file: a Cartesian product of parameters.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::Result;

/// Runs that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// `job_details.name`
    pub name: String,
    /// `job_details.root`, absolute.
    pub root: PathBuf,
    /// In the order of the product, the last parameter fastest.
    pub runs: Vec<Run>,
    /// The `slurm` block as it was written; `Null` where there is none.
    pub slurm: Value,
}

/// One combination.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of its folder, unique in the grid and safe in every file system.
    pub name: String,
    /// `root/name/<this name>`, absolute.
    pub folder: PathBuf,
    /// Keys of `metrics`' config file with their values.
    pub options: Map<String, Value>,
    /// The parameters in which the grid's runs differ, in their order.
    pub varied: Vec<(String, Value)>,
}

/// Reads and expands a file.
///
/// # Errors
/// `Usage` where the file is not readable, not valid, or names keys that are none.
pub fn read(_path: &Path) -> Result<Grid> {
    Ok(Grid { name: String::new(), root: PathBuf::new(), runs: Vec::new(), slurm: Value::Null })
}
