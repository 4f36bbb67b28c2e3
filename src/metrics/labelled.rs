//! How many points have a user-given label.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement::Contingency;

/// Number of points that are assigned to a cluster and have a label in the `--labels` file. Agreement is measured on these.
pub(super) struct LabelledPoints;

impl Metric for LabelledPoints {
    fn name(&self) -> &'static str {
        "labelled_points"
    }
    fn summary(&self) -> &'static str {
        "number of points with a label in the --labels file"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        Some(Column::Count(level.labels.as_ref()?.table.rows.iter().map(|row| row.points).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(Scalar::Count(level.labels.as_ref()?.table.points))
    }
}

/// A measure of agreement with the labels. Undefined without labelled points: scikit-learn returns a perfect score there,
/// and no gate should pass on that.
pub(super) fn of_labels(level: &LevelStatistics, measure: impl Fn(&Contingency) -> f64) -> Option<Scalar> {
    let table = &level.labels.as_ref()?.table;
    Some(if table.points == 0 { Scalar::Undefined("no point has a label") } else { Scalar::Real(measure(table)) })
}
