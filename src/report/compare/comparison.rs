//! The result of a comparison.

use std::path::PathBuf;

use serde::Serialize;

use super::between::Between;
use super::clusters::ClusterChanges;
use super::data::SameData;
use super::judgement::Judgement;
use super::metric_changes::MetricChange;

/// Two runs side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The first run, the baseline.
    pub a: Side,
    /// The second run.
    pub b: Side,
    /// Whether both judged the same data.
    pub data: SameData,
    /// Which of the clusterings is better.
    pub verdict: Judgement,
    /// Why the clusterings could not be compared, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apart: Option<String>,
    /// The levels that both runs have.
    pub levels: Vec<LevelComparison>,
}

/// One of the runs.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// Its folder, as given by the user.
    pub folder: PathBuf,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// Version of the program.
    pub version: String,
    /// The clustering's folder.
    pub clustering: PathBuf,
    /// Number of rows of the embeddings.
    pub rows: u64,
    /// Number of their columns.
    pub dim: usize,
    /// Numbers of all its levels.
    pub levels: Vec<u32>,
}

/// One level of both runs.
#[derive(Debug, Clone, Serialize)]
pub struct LevelComparison {
    /// 1-based.
    pub level: u32,
    /// Every metric that at least one of the runs has.
    #[serde(rename = "figures")]
    pub metrics: Vec<MetricChange>,
    /// How far the clusterings agree; `None` if they could not be compared.
    pub between: Option<Between>,
    /// Clusters that improved or worsened; `None` if they could not be compared.
    pub clusters: Option<ClusterChanges>,
}
