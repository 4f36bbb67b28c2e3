//! `job.json`: the record of a run's submission.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::layout::Layout;

/// Version of the format of `job.json`. Changes when old files can no longer be read.
pub(super) const FORMAT: u32 = 1;

/// Settings of `metrics --config`.
pub(super) const METRICS_SETTINGS: &str = "metrics.yaml";
/// CONFIG of `kmeans`.
const KMEANS_SETTINGS: &str = "kmeans.yaml";

/// A job of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Makes the clustering and submits the runs that evaluate it.
    Kmeans,
    /// The run in one job.
    Whole,
    /// The shards' first round: the pass over the embeddings.
    First,
    /// Their second round, for metrics that need the first results of all rows.
    Second,
    /// Merges the shards.
    Merge,
}

impl Step {
    /// File name of its script.
    pub fn script(self) -> &'static str {
        match self {
            Step::Kmeans => "kmeans.sh",
            Step::Whole => "metrics.sh",
            Step::First | Step::Second => "shards.sh",
            Step::Merge => "merge.sh",
        }
    }

    /// File name of the settings that the script reads.
    pub(super) fn settings(self) -> &'static str {
        match self {
            Step::Kmeans => KMEANS_SETTINGS,
            Step::Whole | Step::First | Step::Second | Step::Merge => METRICS_SETTINGS,
        }
    }

    /// Base name of its log and state files.
    pub(super) fn name(self) -> &'static str {
        self.script().trim_end_matches(".sh")
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Step::Kmeans => "clustering",
            Step::Whole => "run",
            Step::First => "shards",
            Step::Second => "shards, second round",
            Step::Merge => "merge",
        }
    }
}

/// A job that sbatch accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// What it does.
    pub step: Step,
    /// Its number.
    pub job: u64,
    /// Its tasks in sbatch's notation; `None` for a job that isn't an array.
    pub array: Option<String>,
    /// When it was submitted, RFC 3339, UTC.
    pub at: String,
    /// The command line.
    pub sbatch: Vec<String>,
}

/// A part of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 1.
    pub shard: u64,
    /// The array task that runs it.
    pub task: u64,
    /// Start (inclusive) and end (exclusive).
    pub rows: [u64; 2],
}

/// A job that makes a clustering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kmeans {
    /// Processes that share the work.
    pub processes: u64,
    /// Arguments of this program to run once the clustering is complete.
    pub then: Vec<String>,
}

/// `job.json`: the record of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub(super) format: u32,
    /// The program's version.
    pub version: String,
    /// Sweep and run.
    pub name: String,
    /// The run's folder at submission, which the scripts name; the run may have been moved since.
    pub out: PathBuf,
    /// How the rows are divided.
    #[serde(flatten)]
    pub layout: Layout,
    /// Passes over the shards: 2 if metrics need the first results of all rows.
    pub rounds: u8,
    /// Most array tasks that may run at the same time.
    pub max_running: Option<u64>,
    /// Set if the folder belongs to a clustering to be made, not to a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kmeans: Option<Kmeans>,
    /// The shards and their rows.
    pub parts: Vec<Part>,
    /// The jobs in order of submission, including retries.
    pub jobs: Vec<Submitted>,
}

impl Submission {
    /// A submission without jobs yet.
    pub fn new(name: &str, out: &Path, layout: Layout, rounds: u8, max_running: Option<u64>) -> Submission {
        let part = |shard| {
            let rows = layout.rows_of(shard);
            Part { shard, task: layout.task_of(shard), rows: [rows.start, rows.end] }
        };
        Submission {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: name.to_owned(),
            out: out.to_owned(),
            layout,
            rounds,
            max_running,
            kmeans: None,
            parts: (1..=layout.shards).map(part).collect(),
            jobs: Vec::new(),
        }
    }

    /// The submission of a clustering of `rows` rows.
    pub fn of_kmeans(name: &str, out: &Path, rows: u64, kmeans: Kmeans) -> Submission {
        let alone = Layout { rows, shards: 1, tasks: 1 };
        Submission { kmeans: Some(kmeans), ..Submission::new(name, out, alone, 1, None) }
    }

    /// The step of its only job.
    pub(super) fn only_step(&self) -> Step {
        if self.kmeans.is_some() { Step::Kmeans } else { Step::Whole }
    }
}
