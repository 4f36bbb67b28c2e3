//! The record of a run (record.json): the single source for tables, arrays, montages and the report.

mod assign;
mod assigned;
mod check;
mod clustering_finding;
mod columns;
mod contact_sheet;
mod images;
mod input_file;
mod kmeans;
mod legs;
mod map;
mod montage_file;
pub(crate) mod order;
mod read;
mod stage;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::backend::Traffic;
use crate::base::matrix::UNLABELLED;
use crate::engine::partials::Counts;
use crate::formats::embeddings::Matched;
use crate::metrics::level_statistics::LevelStatistics;
use crate::metrics::{Better, Column, Metric, OVERFLOWS, Scalar, UNDERFLOWS};
pub use assign::{AssignPart, AssignRecord, LevelAssignment};
pub use assigned::AssignedLevel;
pub use clustering_finding::{ClusteringFinding, ClustersShown};
pub use columns::Columns;
pub use contact_sheet::ContactSheet;
pub use images::{Images, Samples};
pub use input_file::InputFile;
pub use kmeans::{KmeansRecord, KmeansStep};
pub use legs::{Leg, Provenance, SlurmJob, Staging, joined as joined_legs};
pub use map::{NeighbourMap, Places, PlaneMap, SampledPoints};
pub use montage_file::{MontageFile, MontageSection};
pub use read::read_keys;
pub use stage::StageRecord;
pub use worker::{Device, PartOf, Worker};

/// Version of the layout of record.json; raised when an older reader would misread a new file.
pub const FORMAT: u32 = 1;

/// Everything known about one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the layout: [`FORMAT`].
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// The command line, one entry per argument.
    pub command: Vec<String>,
    /// Start of the run, RFC 3339, UTC.
    pub started: String,
    /// The device that computed the run.
    pub device: Device,
    /// All settings with their resolved values.
    pub settings: Value,
    /// BLAKE3 (hex) of the contents of the inputs and of the settings that decide the metrics.
    #[serde(default)]
    pub plan: String,
    /// Input files.
    pub inputs: Inputs,
    /// Time and throughput of each stage, in execution order.
    pub stages: Vec<StageRecord>,
    /// Work and data that the device was given: bytes, submissions, dispatches, allocations. Missing for the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Traffic>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Number of rows skipped because they contain NaN or infinity.
    pub skipped_rows: u64,
    /// Number of distances computed, by stage; summed over all parts.
    #[serde(default)]
    pub distances: BTreeMap<String, Counts>,
    /// The processes that worked on the run, and what that took; `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Workers of each part; empty if the run was not sharded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartOf>,
    /// How the clustering was made; `None` if another program made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kmeans: Option<KmeansRecord>,
    /// The metrics computed, in column order.
    pub metrics: Vec<MetricInfo>,
    /// Results, one entry per level, in ascending order.
    pub levels: Vec<Level>,
    /// What the metrics say about the clustering, the most severe first; `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<ClusteringFinding>>,
    /// Positions of clusters and some points on a plane; `None` if no map was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<PlaneMap>,
    /// Images of the members shown in the report; `None` without `--images`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
}

/// Input files of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inputs {
    /// Number of rows of the embeddings, n.
    pub rows: u64,
    /// Dimension of the embeddings, d.
    pub dim: usize,
    /// Element type as NumPy spells it, for example `<f4`.
    pub dtype: String,
    /// Whether the rows were divided by their norm when they were read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalized: bool,
    /// Embeddings, in row order.
    pub embeddings: Vec<InputFile>,
    /// What each glob among the embeddings matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<Matched>,
    /// Folder of the clustering, or the first file of labels; absolute.
    pub clustering: PathBuf,
    /// Files of clusters and centroids, for every level.
    pub hierarchy: Vec<InputFile>,
    /// How each level was made, if the clustering was given as labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<AssignedLevel>,
    /// File of the clustered rows; `None` if all rows were clustered.
    pub subset: Option<InputFile>,
    /// Files of image names, in row order.
    #[serde(default, deserialize_with = "input_file::none_one_or_many")]
    pub images: Vec<InputFile>,
    /// File of labels.
    #[serde(default)]
    pub labels: Option<InputFile>,
}

/// Description of a metric.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricInfo {
    /// Name of the metric and its column.
    pub name: String,
    /// One-line description.
    pub summary: String,
    /// Unit: `distance` is the unit of the embeddings, `squared distance` its square; empty for counts, shares and ratios.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub unit: String,
    /// Whether lower or higher values are better.
    pub better: Better,
}

impl From<&dyn Metric> for MetricInfo {
    fn from(metric: &dyn Metric) -> Self {
        MetricInfo {
            name: metric.name().to_owned(),
            summary: metric.summary().to_owned(),
            unit: metric.unit().name().to_owned(),
            better: metric.better(),
        }
    }
}

/// Results of one level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Level {
    /// Number of the level, 1-based.
    pub level: u32,
    /// Per-level metrics by name; null if undefined.
    pub figures: Map<String, Value>,
    /// For each null in `figures`: why it is undefined.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub undefined: BTreeMap<String, String>,
    /// Per-cluster metrics by name, an array with one entry per cluster; null where undefined.
    pub clusters: Columns,
    /// Parent of each cluster on the level above; empty if there is no such level or it is not evaluated.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parent: Vec<u32>,
    /// The best and worst clusters.
    pub ranking: Ranking,
    /// Montages of the ranked clusters.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub montages: Vec<MontageFile>,
    /// Contact sheet with one image of each ranked cluster; `None` if none was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contact_sheet: Option<ContactSheet>,
    /// Members shown in the report.
    #[serde(skip_serializing_if = "Samples::is_empty", default)]
    pub samples: Samples,
}

impl Level {
    /// Computes `metrics` and the ranking from the statistics of a level.
    pub fn new(statistics: &LevelStatistics, metrics: &[&dyn Metric], ranking: &RankingRequest) -> Self {
        let mut figures = Map::new();
        let mut undefined = BTreeMap::new();
        let mut clusters = Columns::default();
        for metric in metrics {
            let value = match metric.level(statistics) {
                None => None,
                Some(Scalar::Count(count)) => Some(Ok(Value::from(count))),
                Some(Scalar::Real(real)) => Some(metric.unit().restore(real, statistics.scale).map(Value::from)),
                Some(Scalar::Undefined(why)) => Some(Err(why)),
            };
            if let Some(value) = value {
                // a reader of the table must not take null for 0 or for a fault of the file
                if let Err(why) = value {
                    undefined.insert(metric.name().to_owned(), why.to_owned());
                }
                figures.insert(metric.name().to_owned(), value.unwrap_or(Value::Null));
            }
            if let Some(column) = metric.clusters(statistics) {
                clusters.0.push((metric.name().to_owned(), column.restored(metric.unit(), statistics.scale)));
            }
        }
        Level {
            level: statistics.number,
            figures,
            undefined,
            clusters,
            parent: statistics.parents.as_ref().map_or(Vec::new(), |parents| parents.of.clone()),
            ranking: ranking.rank(statistics),
            montages: Vec::new(),
            contact_sheet: None,
            samples: Samples::default(),
        }
    }

    /// Warnings that name the level's metrics that overflow or underflow float64.
    pub fn range_warnings(&self) -> impl Iterator<Item = String> {
        [OVERFLOWS, UNDERFLOWS].into_iter().filter_map(|reason| {
            let names = self.undefined.iter().filter(|(_, why)| *why == reason).map(|(name, _)| name.as_str());
            let names: Vec<&str> = names.collect();
            (!names.is_empty()).then(|| format!("level {}: {}: {reason}", self.level, names.join(", ")))
        })
    }

    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.clusters.0.first().map_or(0, |(_, column)| column.len())
    }

    /// Whether the level has no clusters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cluster of the level above that holds a cluster; `None` if there is none, or that level is not evaluated.
    pub fn parent_of(&self, cluster: usize) -> Option<u32> {
        self.parent.get(cluster).copied().filter(|&parent| parent != UNLABELLED)
    }

    /// Value of a per-cluster metric as a real number; `None` if it is undefined or unknown.
    pub fn cluster_figure(&self, name: &str, cluster: u64) -> Option<f64> {
        let real = self.clusters.get(name)?.real(usize::try_from(cluster).ok()?);
        (!real.is_nan()).then_some(real)
    }
}

/// The best and worst clusters of a level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ranking {
    /// Metric that clusters are ranked by.
    pub by: String,
    /// Minimum number of points of a ranked cluster.
    pub min_size: u64,
    /// Number of clusters that are ranked.
    pub ranked: u64,
    /// Number of points in clusters with fewer points than that.
    #[serde(default)]
    pub small_points: u64,
    /// Number of clusters of a single point.
    #[serde(default)]
    pub singletons: u64,
    /// The best clusters, best first.
    pub best: Vec<u64>,
    /// The worst clusters, worst first.
    pub worst: Vec<u64>,
}

/// How to rank clusters.
#[derive(Clone, Copy)]
pub struct RankingRequest {
    /// A per-cluster metric.
    pub by: &'static dyn Metric,
    /// Minimum number of points of a ranked cluster.
    pub min_size: u64,
    /// Number of best clusters to list.
    pub best: usize,
    /// Number of worst clusters to list.
    pub worst: usize,
}

impl RankingRequest {
    /// How many of `ranked` clusters are listed as the best, and how many as the worst.
    fn shares(&self, ranked: usize) -> (usize, usize) {
        let [all, best, worst] = [ranked, self.best, self.worst].map(|count| count as u128);
        let share = (all * best).div_ceil((best + worst).max(1)).min(best);
        let best = usize::try_from(share).unwrap_or(ranked);
        (best, self.worst.min(ranked - best))
    }

    /// Ranks the non-empty clusters that are large enough and have a defined value; ties go to the lower index. If there are too
    /// few, no cluster is both among the best and among the worst: they are shared out in proportion.
    fn rank(&self, level: &LevelStatistics) -> Ranking {
        let column = self.by.clusters(level).unwrap_or(Column::Real(vec![f64::NAN; level.clusters.len()]));
        let sign = if self.by.better() == Better::Higher { -1.0 } else { 1.0 };
        let large = |c: &usize| level.clusters[*c].size >= self.min_size.max(1);
        let mut ranked: Vec<(f64, usize)> =
            (0..column.len()).filter(large).map(|c| (sign * column.real(c), c)).filter(|(f, _)| !f.is_nan()).collect();
        let take = |ranked: &[(f64, usize)], n: usize| ranked.iter().take(n).map(|&(_, c)| c as u64).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (best, worst) = self.shares(ranked.len());
        let best = take(&ranked, best);
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let worst = take(&ranked, worst);
        let sizes = level.clusters.iter().map(|cluster| cluster.size);
        Ranking {
            by: self.by.name().to_owned(),
            min_size: self.min_size,
            ranked: ranked.len() as u64,
            small_points: sizes.clone().filter(|&size| size < self.min_size).sum(),
            singletons: sizes.filter(|&size| size == 1).count() as u64,
            best,
            worst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::scale::Scale;
    use crate::engine::partials::Sums;

    fn level() -> Level {
        let clusters = [
            Sums::of_point(4.0).combine(Sums::of_point(1.0)),
            Sums::IDENTITY,
            Sums::of_point(0.5),
            Sums::of_point(9.0).combine(Sums::of_point(0.0)),
            Sums::of_point(2.0).combine(Sums::of_point(3.0)),
        ];
        let by = *crate::metrics::METRICS.iter().find(|m| m.name() == "inertia").expect("listed");
        let request = RankingRequest { by, min_size: 2, best: 2, worst: 2 };
        Level::new(&LevelStatistics::of_sums(1, clusters.to_vec()), crate::metrics::METRICS, &request)
    }

    #[test]
    fn ranking_leaves_small_clusters_out_and_breaks_ties_by_index() {
        let ranking = level().ranking;
        assert_eq!((ranking.best, ranking.worst, ranking.ranked), (vec![0, 4], vec![3], 3), "no cluster is both");
        let shares = |best, worst, ranked| {
            RankingRequest { by: crate::metrics::METRICS[0], min_size: 1, best, worst }.shares(ranked)
        };
        assert_eq!((shares(5, 5, 200), shares(5, 5, 9), shares(5, 5, 1)), ((5, 5), (5, 4), (1, 0)));
        assert_eq!((shares(0, 5, 3), shares(5, 0, 3), shares(0, 0, 3)), ((0, 3), (3, 0), (0, 0)));
        assert_eq!(shares(usize::MAX, usize::MAX, 7), (4, 3));
    }

    #[test]
    fn a_value_that_overflows_is_null_with_a_reason_and_named_in_a_warning() {
        let request = RankingRequest { by: crate::metrics::METRICS[0], min_size: 1, best: 0, worst: 0 };
        let sums = vec![Sums::of_point(f64::INFINITY), Sums::of_point(1.0)];
        let level = Level::new(&LevelStatistics::of_sums(7, sums), crate::metrics::METRICS, &request);
        assert_eq!(level.figures["inertia"], Value::Null);
        assert_eq!(level.undefined["inertia"], OVERFLOWS);
        let warning = level.range_warnings().next().expect("a warning");
        assert!(warning.contains("level 7") && warning.contains("inertia"), "{warning}");
    }

    #[test]
    fn values_of_divided_rows_are_restored_or_null_with_a_reason() {
        let request = RankingRequest { by: crate::metrics::METRICS[0], min_size: 1, best: 0, worst: 0 };
        let of = |largest: f64| {
            let scale = Scale::of_largest(largest);
            let own = scale.divide(largest).powi(2);
            let level =
                LevelStatistics { scale, ..LevelStatistics::of_sums(1, vec![Sums::of_point(own), Sums::IDENTITY]) };
            Level::new(&level, crate::metrics::METRICS, &request)
        };
        for (largest, reason) in [(1e160, OVERFLOWS), (1e-170, UNDERFLOWS)] {
            let level = of(largest);
            assert_eq!((&level.figures["inertia"], level.undefined["inertia"].as_str()), (&Value::Null, reason));
            assert_eq!(level.cluster_figure("inertia", 0), None);
            assert_eq!(level.cluster_figure("inertia", 1), Some(0.0), "an empty cluster has no inertia");
            assert_eq!(level.cluster_figure("mean_distance", 0), Some(largest));
            assert_eq!(level.range_warnings().count(), 1);
        }
        assert_eq!(of(1e100).figures["inertia"], 1e200);
    }

    #[test]
    fn a_level_reads_back_from_json_as_it_was() {
        let level = level();
        let text = serde_json::to_string(&level).expect("serialises");
        assert!(
            text.contains(r#""size":[2,0,1,2,2]"#) && text.contains(r#""mean_inertia":[2.5,null,0.5,4.5,2.5]"#),
            "{text}"
        );
        let back: Level = serde_json::from_str(&text).expect("reads back");
        assert_eq!(serde_json::to_string(&back).expect("serialises"), text);
        assert_eq!(back.cluster_figure("mean_distance", 1), None);
        assert_eq!(back.cluster_figure("mean_distance", 3), Some(1.5));
    }
}
