//! A sweep (grid of runs): one file, expanded into the Cartesian product of its parameters.
//!
//! The file is the job spec of common experiment launchers: `job_details` (name and root folder), `parameters` (keys of
//! `metrics --config`; a list is one dimension of the product; a key beginning with `LIST` holds blocks of parameters that
//! vary together), `kmeans` (makes the clustering that the runs evaluate), `slurm` (for `submit`), and `grid` (the limit on
//! the number of runs). See docs/sweeps.md.

mod folder_name;
mod kmeans;
mod names;
mod product;
mod spec;
mod values;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::error::{Error, Finding, Findings, Result};
use crate::plan::settings::Options;
pub use kmeans::Kmeans;
use product::Block;
use spec::Spec;

/// A job spec, expanded into its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// `job_details.name`
    pub name: String,
    /// `job_details.root`, absolute.
    pub root: PathBuf,
    /// In the order of the product: the last parameter varies fastest.
    pub runs: Vec<Run>,
    /// Makes the clustering that all runs evaluate, if the file has a `kmeans` block.
    pub kmeans: Option<Kmeans>,
    /// The `slurm` block as written; `Null` if there is none.
    pub slurm: Value,
    /// The `parameters` block with checked values; paths are absolute.
    pub parameters: Map<String, Value>,
    /// Most runs, `grid: max_runs`.
    pub max_runs: u64,
}

/// One combination.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of its folder, unique in the sweep and safe in every file system.
    pub name: String,
    /// `root/name/<this name>`, absolute.
    pub folder: PathBuf,
    /// Keys of `metrics`' config file with their values; paths are absolute.
    pub options: Map<String, Value>,
    /// The parameters that differ between the sweep's runs, in order; `Null` if the run uses the default.
    pub varied: Vec<(String, Value)>,
}

impl Run {
    /// As YAML that `metrics --config` reads.
    ///
    /// # Errors
    /// `Failed` if a value can't be written as YAML.
    pub fn to_yaml(&self) -> Result<String> {
        let text = serde_saphyr::to_string(&self.options);
        text.map_err(|e| Error::failed(Finding::new("can't write a run's parameters as YAML").found(e.to_string())))
    }

    /// As settings of `metrics`, with the run's folder as output folder.
    ///
    /// # Errors
    /// As [`Run::to_yaml`]; the values themselves were checked when the sweep was read.
    pub fn to_options(&self) -> Result<Options> {
        let options = Options::parse(&self.to_yaml()?)?;
        Ok(Options { out: Some(self.folder.clone()), ..options })
    }
}

/// Reads and expands a file.
///
/// # Errors
/// `Usage` if the file is unreadable or invalid, has unknown keys, gives a parameter twice, contains the same run twice, or
/// has more runs than `grid.max_runs`.
pub fn read(path: &Path) -> Result<Sweep> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Error::usage(Finding::io("can't read the job spec", path, &e)))?;
    parse(&text, path)
}

/// Reads and expands a file's text; `path` is for messages.
fn parse(text: &str, path: &Path) -> Result<Sweep> {
    let mut findings = Findings::new();
    let place = spec::Place::file(path);
    let Some(spec) = Spec::parse(text, &place, &mut findings) else {
        return Err(refused(findings));
    };
    let kmeans = Kmeans::read(&spec.kmeans, &place)?;
    let block = Block::read(&spec.parameters, &place.key("parameters"), &mut findings);
    kmeans.iter().for_each(|kmeans| kmeans.refuse_another(&block, &mut findings));
    block.refuse_more_than(spec.max_runs, &place, &mut findings);
    if !findings.is_empty() {
        return Err(refused(findings));
    }
    let mut combinations = block.expand();
    if let Some(kmeans) = &kmeans {
        kmeans.give_to(&mut combinations).map_err(Error::usage)?;
    }
    let varied = names::varied(&combinations);
    let names = names::of_runs(&combinations, &varied);
    names::refuse_repeated(&combinations, &place).map_err(Error::usage)?;
    let folder = spec.root.join(&spec.name);
    let run = |((name, options), varied): ((String, product::Combination), Vec<(String, Value)>)| Run {
        folder: folder.join(&name),
        name,
        // null means the default
        options: options.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        varied,
    };
    let parameters = block.to_map();
    let runs = names.into_iter().zip(combinations).zip(varied).map(run).collect();
    let Spec { name, root, slurm, max_runs, .. } = spec;
    Ok(Sweep { name, root, runs, kmeans, slurm, parameters, max_runs })
}

/// The error for a file with findings.
fn refused(findings: Findings) -> Error {
    match findings.into_result() {
        Err(error) => error,
        Ok(()) => Error::usage(Finding::new("the job spec is not valid")),
    }
}

#[cfg(test)]
mod tests;
