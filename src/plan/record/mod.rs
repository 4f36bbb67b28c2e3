//! The one record that every sink reads: tables, arrays, montages, report.

mod check;
mod columns;
mod contact_sheet;
mod images;
mod kmeans;
mod map;
mod read;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::partials::Counts;
use crate::metrics::level_statistics::LevelStatistics;
use crate::metrics::{Better, Column, Metric, Scalar};
pub use columns::Columns;
pub use contact_sheet::ContactSheet;
pub use images::{Images, Samples};
pub use kmeans::{KmeansRecord, KmeansStep};
pub use map::{NeighbourMap, Places, PlaneMap, SampledPoints};
pub use worker::{Device, PartOf, Worker};

/// Version of record.json's layout; raised when a reader of an older one would misread it.
pub const FORMAT: u32 = 1;

/// Everything there is to say about one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`FORMAT`]
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// The command line.
    pub command: Vec<String>,
    /// When the run started, RFC 3339, UTC.
    pub started: String,
    /// What computed.
    pub device: Device,
    /// Every setting with its resolved value.
    pub settings: Value,
    /// BLAKE3 (hex) of the inputs' contents and of the settings that decide the figures.
    #[serde(default)]
    pub plan: String,
    /// The files that were read.
    pub inputs: Inputs,
    /// Seconds and throughput, in the order of the work.
    pub stages: Vec<Stage>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Rows left out because they hold a NaN or an infinity.
    pub skipped_rows: u64,
    /// How many distances were computed, by the stage that did it; those of all parts together.
    #[serde(default)]
    pub distances: BTreeMap<String, Counts>,
    /// Who computed what, where the run was done in parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartOf>,
    /// How the clustering was made, where this program made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kmeans: Option<KmeansRecord>,
    /// What the figures are.
    pub metrics: Vec<MetricInfo>,
    /// The figures, level by level.
    pub levels: Vec<Level>,
    /// Where clusters and some points lie on a plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<PlaneMap>,
    /// Images of some members, where their names are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
}

/// The files that were read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inputs {
    /// Rows of the embeddings.
    pub rows: u64,
    /// Columns.
    pub dim: usize,
    /// Element type as numpy names it.
    pub dtype: String,
    /// In the order of the rows.
    pub embeddings: Vec<InputFile>,
    /// The clustering's folder.
    pub clustering: PathBuf,
    /// Centroids and clusters of every level.
    pub hierarchy: Vec<InputFile>,
    /// Row numbers of the subset.
    pub subset: Option<InputFile>,
    /// Names of the images.
    pub images: Option<InputFile>,
    /// Labels of the rows.
    #[serde(default)]
    pub labels: Option<InputFile>,
}

/// One file as it was when it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InputFile {
    /// Absolute where the system can tell.
    pub path: PathBuf,
    /// Size.
    pub bytes: u64,
    /// Last change, RFC 3339, UTC.
    pub modified: Option<String>,
}

impl InputFile {
    /// Looks at a file; one that has gone counts as empty.
    pub fn of(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        let modified = metadata.as_ref().and_then(|m| m.modified().ok()).map(rfc3339);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        InputFile { path: absolute, bytes: metadata.map_or(0, |m| m.len()), modified }
    }
}

/// Seconds and throughput of one part of the work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    /// `open`, the stages of the main loop (see [`crate::evaluate::StageTime`]), `montages`, `tables`; `evaluate.read` and
    /// `evaluate.compute` are added up over the lanes.
    pub name: String,
    /// Wall seconds, or lane seconds.
    pub seconds: f64,
    /// Rows per second, where rows are what it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows_per_second: Option<f64>,
    /// Bytes of embeddings per second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_per_second: Option<f64>,
}

impl Stage {
    /// A stage that has no throughput.
    pub fn new(name: &str, seconds: f64) -> Self {
        Stage { name: name.to_owned(), seconds, rows_per_second: None, bytes_per_second: None }
    }

    /// A stage over rows.
    pub fn over_rows(name: &str, seconds: f64, rows: u64, bytes: u64) -> Self {
        let rate = |amount: u64| (seconds > 0.0).then(|| crate::base::numeric::as_real(amount) / seconds);
        Stage { name: name.to_owned(), seconds, rows_per_second: rate(rows), bytes_per_second: rate(bytes) }
    }
}

/// What a figure is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricInfo {
    /// Column name.
    pub name: String,
    /// One line.
    pub summary: String,
    /// `distance` and `squared distance` are the embedding's unit and its square; empty for counts, shares and ratios.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub unit: String,
    /// Which way is good.
    pub better: Better,
}

impl From<&dyn Metric> for MetricInfo {
    fn from(metric: &dyn Metric) -> Self {
        MetricInfo {
            name: metric.name().to_owned(),
            summary: metric.summary().to_owned(),
            unit: metric.unit().to_owned(),
            better: metric.better(),
        }
    }
}

/// One level's figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Level {
    /// 1-based.
    pub level: u32,
    /// Figures of the level by name; null where not defined.
    pub figures: Map<String, Value>,
    /// Why a figure is null.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub undefined: BTreeMap<String, String>,
    /// Figures of the clusters by name, an array over the clusters; null where not defined.
    pub clusters: Columns,
    /// The cluster of the level above that holds each cluster; empty where that level is not evaluated or not there.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parent: Vec<u32>,
    /// The best and the worst.
    pub ranking: Ranking,
    /// The pictures.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub montages: Vec<MontageFile>,
    /// One image of each ranked cluster.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contact_sheet: Option<ContactSheet>,
    /// Members that a report shows.
    #[serde(skip_serializing_if = "Samples::is_empty", default)]
    pub samples: Samples,
}

impl Level {
    /// Works the metrics out.
    pub fn new(sums: &LevelStatistics, metrics: &[&dyn Metric], ranking: &RankingRequest) -> Self {
        let mut figures = Map::new();
        let mut undefined = BTreeMap::new();
        let mut clusters = Columns::default();
        for metric in metrics {
            match metric.level(sums) {
                Some(Scalar::Count(count)) => drop(figures.insert(metric.name().into(), count.into())),
                Some(Scalar::Real(real)) => drop(figures.insert(metric.name().into(), real_value(real))),
                Some(Scalar::Undefined(why)) => {
                    figures.insert(metric.name().into(), Value::Null);
                    undefined.insert(metric.name().into(), why.to_owned());
                }
                None => {}
            }
            if let Some(column) = metric.clusters(sums) {
                clusters.0.push((metric.name().to_owned(), column));
            }
        }
        Level {
            level: sums.number,
            figures,
            undefined,
            clusters,
            parent: sums.parents.as_ref().map_or(Vec::new(), |parents| parents.of.clone()),
            ranking: ranking.rank(sums),
            montages: Vec::new(),
            contact_sheet: None,
            samples: Samples::default(),
        }
    }

    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.clusters.0.first().map_or(0, |(_, column)| column.len())
    }

    /// Whether the level has no cluster.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A cluster's figure as a real; `None` where it is not defined.
    pub fn cluster_figure(&self, name: &str, cluster: u64) -> Option<f64> {
        let real = self.clusters.get(name)?.real(usize::try_from(cluster).ok()?);
        (!real.is_nan()).then_some(real)
    }
}

/// The best and the worst clusters of a level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ranking {
    /// Column they are ranked by.
    pub by: String,
    /// Clusters with fewer points are left out.
    pub min_size: u64,
    /// How many clusters are ranked.
    pub ranked: u64,
    /// Best first.
    pub best: Vec<u64>,
    /// Worst first.
    pub worst: Vec<u64>,
}

/// How to rank.
#[derive(Clone, Copy)]
pub struct RankingRequest {
    /// A metric of clusters.
    pub by: &'static dyn Metric,
    /// Clusters with fewer points are left out.
    pub min_size: u64,
    /// How many of the best.
    pub best: usize,
    /// How many of the worst.
    pub worst: usize,
}

impl RankingRequest {
    /// Ranks the non-empty clusters that are large enough and whose figure is defined; ties go to the lower index.
    fn rank(&self, level: &LevelStatistics) -> Ranking {
        let column = self.by.clusters(level).unwrap_or(Column::Real(vec![f64::NAN; level.clusters.len()]));
        let sign = if self.by.better() == Better::Higher { -1.0 } else { 1.0 };
        let large = |c: &usize| level.clusters[*c].size >= self.min_size.max(1);
        let mut ranked: Vec<(f64, usize)> =
            (0..column.len()).filter(large).map(|c| (sign * column.real(c), c)).filter(|(f, _)| !f.is_nan()).collect();
        let take = |ranked: &[(f64, usize)], n: usize| ranked.iter().take(n).map(|&(_, c)| c as u64).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let best = take(&ranked, self.best);
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let worst = take(&ranked, self.worst);
        Ranking { by: self.by.name().to_owned(), min_size: self.min_size, ranked: ranked.len() as u64, best, worst }
    }
}

/// One picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MontageFile {
    /// Relative to the output folder.
    pub path: PathBuf,
    /// `best` or `worst`
    pub end: String,
    /// 1-based.
    pub rank: usize,
    /// Which cluster.
    pub cluster: u64,
    /// The rows shown, in the order of the tiles.
    pub rows: Vec<u64>,
    /// Pixels above the tiles, taken by title and subtitle.
    #[serde(default)]
    pub title_height: u32,
    /// Files that do not exist.
    pub missing: usize,
    /// Files that could not be read as pictures.
    pub broken: usize,
}

/// A time as RFC 3339, UTC, to the second.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A real in JSON: null where it is not defined.
fn real_value(real: f64) -> Value {
    serde_json::Number::from_f64(real).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!((ranking.best, ranking.worst, ranking.ranked), (vec![0, 4], vec![3, 0], 3));
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
