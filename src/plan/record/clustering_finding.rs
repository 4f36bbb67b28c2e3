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

impl ClusteringFinding {
    /// A finding about a level, or about the whole run. Its rule is filled in by the table of rules.
    pub fn new(severity: Severity, level: Option<u32>, value: f64, sentence: String) -> Self {
        let rule = String::new();
        ClusteringFinding { rule, severity, level, value, sentence, suggestion: None, clusters: None }
    }

    /// The same with what to do.
    #[must_use]
    pub fn suggesting(self, suggestion: impl Into<String>) -> Self {
        ClusteringFinding { suggestion: Some(suggestion.into()), ..self }
    }

    /// The same with the clusters concerned.
    #[must_use]
    pub fn showing(self, clusters: ClustersShown) -> Self {
        ClusteringFinding { clusters: Some(clusters), ..self }
    }
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
