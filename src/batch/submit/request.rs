//! What a caller asks of a submission.

use std::path::PathBuf;

/// A job spec, and what to do with its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// YAML file with `job_details`, `parameters` and `slurm`.
    pub spec: PathBuf,
    /// Return the scripts and the sbatch lines; write and submit nothing.
    pub dry_run: bool,
    /// Run one after another on this machine, without Slurm.
    pub local: bool,
    /// Start over runs that were submitted before; removes their results and logs.
    pub overwrite: bool,
    /// Submit only what failed or is missing of runs that were submitted before.
    pub retry: bool,
    /// Only the runs that evaluate the clustering in this folder.
    pub clustering: Option<PathBuf>,
}

impl Request {
    /// Its options without values, as on the command line, except `--dry-run`.
    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let all = [(self.local, "--local"), (self.overwrite, "--overwrite"), (self.retry, "--retry")];
        all.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag)
    }
}
