//! Agreement between two clusterings of the same points.

use serde::Serialize;

use super::relation::Relation;
use crate::metrics::agreement::{self, Contingency};
use crate::plan::record::Level;

/// Agreement of the clusters of a level, over the points that have a cluster in both runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Between {
    /// Number of these points.
    pub points: u64,
    /// Adjusted Rand index.
    pub ari: f64,
    /// Adjusted mutual information.
    pub ami: f64,
    /// Normalized mutual information, arithmetic mean.
    pub nmi: f64,
    /// V-measure.
    pub v_measure: f64,
}

/// Names of the measures, as in gates.
pub(super) const MEASURES: [&str; 4] = ["ari", "ami", "nmi", "v_measure"];

impl Between {
    /// `None` if the relation is unknown, or if no point has a cluster in both.
    pub(super) fn of(relation: &Relation, a: &Level) -> Option<Between> {
        match relation {
            Relation::Unknown => None,
            Relation::Same => {
                let points = a.figures.get("points").and_then(serde_json::Value::as_u64)?;
                Some(Between { points, ari: 1.0, ami: 1.0, nmi: 1.0, v_measure: 1.0 })
            }
            Relation::Table(table) => (table.points > 0).then(|| Between::of_table(table)),
        }
    }

    fn of_table(table: &Contingency) -> Between {
        Between {
            points: table.points,
            ari: agreement::ari(table),
            ami: agreement::ami(table),
            nmi: agreement::nmi(table),
            v_measure: agreement::homogeneity_completeness_v(table).v_measure,
        }
    }

    /// Values in the order of [`MEASURES`].
    pub(super) fn values(&self) -> [f64; 4] {
        [self.ari, self.ami, self.nmi, self.v_measure]
    }
}
