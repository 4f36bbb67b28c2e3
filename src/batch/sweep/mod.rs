//! A sweep (grid of runs): one file, expanded into the Cartesian product of its parameters.
//!
//! The file is the job spec of common experiment launchers: `job_details` (name and root folder), `parameters` (keys of
//! `metrics --config`; a list is one dimension of the product; a key beginning with `LIST` holds blocks of parameters that
//! vary together), `kmeans` (makes the clusterings that the runs evaluate), `slurm` (for `submit`), and `grid` (the limit on
//! the number of runs). See docs/sweeps.md.

mod folder_name;
mod kmeans;
mod names;
mod product;
mod spec;
mod sweep_file;
mod values;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::paths;
use crate::plan::settings::Options;
use kmeans::KmeansBlock;
pub use kmeans::{Kmeans, WrittenKmeans};
use product::{Block, Combination};
use spec::Spec;
pub use sweep_file::{Member, SweepFile};
use values::Command;

/// A job spec, expanded into its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// `job_details.name`
    pub name: String,
    /// `job_details.root`, absolute.
    pub root: PathBuf,
    /// In the order of the product: the last parameter varies fastest.
    pub runs: Vec<Run>,
    /// The clusterings that a `kmeans` block makes, in the order of the product; empty without such a block.
    pub kmeans: Vec<Kmeans>,
    /// The `kmeans` block, to write it again.
    pub written: Option<WrittenKmeans>,
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
    /// What its name shows: parameters and blocks that differ between the sweep's runs, in order; `Null` if the run uses the
    /// default.
    pub varied: Vec<(String, Value)>,
    /// The clustering of [`Sweep::kmeans`] that it evaluates.
    pub kmeans: Option<usize>,
}

impl Sweep {
    /// The folder of the sweep.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// The sweep with one of its clusterings alone, and the runs on it.
    ///
    /// # Errors
    /// If the sweep makes no clustering in this folder.
    pub fn on_clustering(&self, folder: &Path) -> Result<Sweep, Finding> {
        let unusable = |e| Finding::io("the folder has no usable path", folder, &e);
        let folder = paths::absolute(folder).map_err(unusable)?;
        let Some(index) = self.kmeans.iter().position(|kmeans| kmeans.settings.out == folder) else {
            let folders: Vec<String> =
                self.kmeans.iter().map(|kmeans| kmeans.settings.out.display().to_string()).collect();
            let finding = Finding::new("the spec makes no clustering in this folder").file(folder);
            return Err(if folders.is_empty() {
                finding.hint("only a spec with a `kmeans` block makes clusterings")
            } else {
                finding.expected(format!("one of: {}", folders.join(", ")))
            });
        };
        let runs = self.runs.iter().filter(|run| run.kmeans == Some(index));
        let runs = runs.map(|run| Run { kmeans: Some(0), ..run.clone() }).collect();
        Ok(Sweep { runs, kmeans: vec![self.kmeans[index].clone()], ..self.clone() })
    }
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
    let kmeans = KmeansBlock::read(&spec.kmeans, &place)?;
    let block = Block::read(&spec.parameters, Command::Metrics, &place.key("parameters"), &mut findings);
    kmeans.iter().for_each(|kmeans| kmeans.refuse_another(&block, &mut findings));
    let clusterings = kmeans.as_ref().map_or(1, KmeansBlock::count);
    block.refuse_more_than(spec.max_runs, clusterings, &place, &mut findings);
    if !findings.is_empty() {
        return Err(refused(findings));
    }
    let folder = spec.root.join(&spec.name);
    let made = kmeans.as_ref().map_or(Ok(Vec::new()), |kmeans| kmeans.expand(&folder, &place))?;
    let written = kmeans.map(|kmeans| kmeans.written(&made)).transpose()?.flatten();
    let kmeans = made;
    let runs = runs_of(&block, &kmeans, &folder, &place).map_err(Error::usage)?;
    let kmeans = kmeans.into_iter().map(|(kmeans, _)| kmeans).collect();
    let parameters = block.to_map();
    let Spec { name, root, slurm, max_runs, .. } = spec;
    Ok(Sweep { name, root, runs, kmeans, written, slurm, parameters, max_runs })
}

/// Every combination of the parameters; with clusterings to make, on each of them.
fn runs_of(
    block: &Block,
    kmeans: &[(Kmeans, Combination)],
    folder: &Path,
    place: &spec::Place,
) -> Result<Vec<Run>, Finding> {
    let alone = block.expand();
    names::refuse_repeated(&alone, &place.key("parameters"), "run")?;
    let (made_by, combinations): (Vec<Option<usize>>, Vec<Combination>) = if kmeans.is_empty() {
        alone.into_iter().map(|combination| (None, combination)).unzip()
    } else {
        let on = |(i, (_, clustering)): (usize, &(Kmeans, Combination))| {
            alone.iter().map(|run| (Some(i), clustering.with(run))).collect::<Vec<_>>()
        };
        kmeans.iter().enumerate().flat_map(on).unzip()
    };
    let varied = names::varied(&combinations);
    let names = names::of_runs(&combinations, &varied);
    let sweep = folder.file_name().unwrap_or_default().to_string_lossy();
    let run = |(((name, Combination { parameters, .. }), varied), kmeans): (((String, _), _), _)| {
        // null means the default
        let mut options: Map<String, Value> = parameters.into_iter().filter(|(_, value)| !value.is_null()).collect();
        if options.get("track").is_some_and(|tracker| tracker != "none") {
            options.entry("track-group").or_insert_with(|| sweep.as_ref().into());
            options.entry("track-name").or_insert_with(|| name.as_str().into());
        }
        Run { folder: folder.join(&name), name, options, varied, kmeans }
    };
    Ok(names.into_iter().zip(combinations).zip(varied).zip(made_by).map(run).collect())
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
