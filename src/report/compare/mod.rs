//! Two runs side by side: metrics, clusters, and how far the clusterings agree.
//!
//! | module | what it knows |
//! |---|---|
//! | `pair` | the two records, and comparing them |
//! | `comparison` | the result |
//! | `data` | whether both runs judged the same data |
//! | `relation` | which clusters of the runs correspond |
//! | `metric_changes` | the metrics of a level, and which of them improved |
//! | `clusters` | which clusters match, and which of them improved |
//! | `noise` | how large a difference must be to say anything |
//! | `judgement` | which run is better, on which levels, by which metrics |
//! | `flow` | where the points of each cluster of A are in B |
//! | `between` | agreement between the clusterings |
//! | `gates` | conditions that fail a comparison |
//! | `tables` | compare.json, compare.csv and the printed text |
//! | `page` | compare.html |

mod between;
mod clusters;
mod comparison;
mod data;
mod flow;
mod gates;
mod judgement;
mod metric_changes;
mod noise;
mod page;
mod pair;
mod relation;
mod tables;

pub use between::Between;
pub use clusters::{ClusterChange, ClusterChanges, ClusterSelection};
pub use comparison::{Comparison, LevelComparison, Side};
pub use data::SameData;
pub use flow::{Flow, Flows, Shared};
pub use gates::{Gate, Subject};
pub use judgement::{Decision, Judgement, LeftOut, LevelJudgement};
pub use metric_changes::{MetricChange, Outcome};
pub use page::{NAME as PAGE_NAME, flows_of_level, of as page};
pub use pair::Pair;
pub use relation::Relation;
pub use tables::{as_text, write_csv, write_json};

#[cfg(test)]
mod tests;
