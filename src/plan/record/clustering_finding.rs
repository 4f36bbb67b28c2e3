//! A finding about the clustering, in a sentence.

use serde::{Deserialize, Serialize};

use crate::metrics::Severity;

/// What a rule found in the metrics of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusteringFinding {
    /// Name of the rule, as in docs/findings.md.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The level concerned; `None` if it concerns the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// The number that decided it: a share from 0 to 1, a count, or a metric's value.
    pub value: f64,
    /// What was found, as a sentence.
    pub sentence: String,
    /// What to do, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The clusters concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClustersShown>,
}

/// Some clusters of a level, as the report's table selects them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClustersShown {
    /// 1-based level.
    pub level: u32,
    /// The one cluster concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<u64>,
    /// Filter of the table, for example `size = 1`; empty for all clusters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Column that the table is sorted by, with `-` in front for descending; empty for the usual order.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sort: String,
}
