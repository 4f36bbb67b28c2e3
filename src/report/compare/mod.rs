//! Two runs side by side: metrics, clusters, and how far the clusterings agree.
//!
//! | module | what it knows |
//! |---|---|
//! | `pair` | the two records, and comparing them |
//! | `comparison` | the result |
//! | `relation` | which clusters of the runs correspond |
//! | `metric_changes` | the metrics of a level, and which of them improved |
//! | `clusters` | which clusters match, and which of them improved |
//! | `between` | agreement between the clusterings |
//! | `gates` | conditions that fail a comparison |
//! | `tables` | compare.json, compare.csv and the printed text |

mod between;
mod clusters;
mod comparison;
mod gates;
mod metric_changes;
mod pair;
mod relation;
mod tables;

pub use between::Between;
pub use clusters::{ClusterChange, ClusterChanges, ClusterSelection};
pub use comparison::{Comparison, LevelComparison, Side};
pub use gates::{Gate, Subject};
pub use metric_changes::{MetricChange, Outcome};
pub use pair::Pair;
pub use relation::Relation;
pub use tables::{as_text, write_csv, write_json};

#[cfg(test)]
mod tests;
