//! The metrics: a file for each, and the list that everything else follows.
//!
//! To add one, write `metrics/x.rs` with a type that implements [`Metric`], and add its line to [`METRICS`]. Columns,
//! `--metrics`, `--rank-by`, help and record follow from the list. A metric sees numbers, never a device.

pub mod agreement;
mod ami;
mod ari;
mod average_inertia;
mod calinski_harabasz;
mod completeness;
mod counts;
mod davies_bouldin;
mod davies_bouldin_means;
mod explained_variance;
pub mod gates;
mod homogeneity;
mod inertia;
mod labelled;
mod largest_share;
pub mod level_statistics;
mod lookup;
mod majority_label;
mod max_distance;
mod mean_distance;
mod mean_inertia;
mod metric;
mod misassigned;
mod nearest_cluster;
mod nearest_distance;
mod nmi;
mod parent_inertia_share;
mod parent_points_share;
mod purity;
mod severity;
mod silhouette;
mod silhouette_cosine;
mod silhouette_standard_error;
mod simplified_silhouette;
mod size_entropy;
mod size_gini;
mod v_measure;

pub(crate) use crate::base::numeric::as_real;
pub(crate) use level_statistics::LevelStatistics;
pub(crate) use lookup::unknown;
pub use lookup::{
    LAST_RANKING, default_ranking, is_amount, of_clusters, of_cosines, of_labels, of_levels, ranked_by, select,
};
pub use metric::{Better, Column, Metric, Need, Scalar, Unit};
pub(crate) use metric::{OVERFLOWS, TWO_CLUSTERS, UNDERFLOWS, of_nonempty};
pub use severity::Severity;

/// Every metric, in the order of the columns.
pub static METRICS: &[&dyn Metric] = &[
    &counts::Points,
    &counts::Clusters,
    &counts::EmptyClusters,
    &counts::Size,
    &inertia::Inertia,
    &average_inertia::AverageInertia,
    &mean_inertia::MeanInertia,
    &mean_distance::MeanDistance,
    &max_distance::MaxDistance,
    &size_entropy::SizeEntropy,
    &size_gini::SizeGini,
    &largest_share::LargestShare,
    &parent_points_share::ParentPointsShare,
    &simplified_silhouette::SimplifiedSilhouette,
    &misassigned::Misassigned,
    &davies_bouldin::DaviesBouldin,
    &nearest_cluster::NearestCluster,
    &nearest_distance::NearestDistance,
    &explained_variance::ExplainedVariance,
    &calinski_harabasz::CalinskiHarabasz,
    &parent_inertia_share::ParentInertiaShare,
    &davies_bouldin_means::DaviesBouldinMeans,
    &silhouette::Silhouette,
    &silhouette_standard_error::SilhouetteStandardError,
    &silhouette_cosine::SilhouetteCosine,
    &labelled::LabelledPoints,
    &ari::AdjustedRand,
    &ami::AdjustedMutualInformation,
    &nmi::NormalizedMutualInformation,
    &v_measure::VMeasure,
    &homogeneity::Homogeneity,
    &completeness::Completeness,
    &purity::Purity,
    &majority_label::MajorityLabel,
];

#[cfg(test)]
mod tests;
