//! What a device does for the program, in the field's operations and not in buffers.
//!
//! A [`Backend`] opens [`Lane`]s. A lane is one tile in flight: its bytes are read into the lane's staging memory,
//! uploaded, computed on and read back. Each lane is driven by one thread of its own, so that reading, upload, compute
//! and read-back of neighbouring tiles overlap without either side knowing of the other. On the CPU a lane is a
//! worker whose tile stays in its cache; on a GPU it is a set of buffers.
//!
//! Every figure is exact to the contract of the crate: own distances come from direct differences, float32 sums never
//! span more than a workgroup's rows, and everything wider is float64 on the host.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod point_set;
pub mod select;
pub mod self_test;

use crate::base::error::Result;
use crate::base::matrix::{Dtype, MatrixView};

pub use crate::base::matrix::UNLABELLED;
pub use point_set::{DistanceSums, DistanceTiling, PointSet};

/// What a backend must know before it can plan its tiles.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Columns of the embeddings and of every level's centroids.
    pub dim: usize,
    /// Element type of the rows that will be put into staging.
    pub dtype: Dtype,
    /// Rows of the whole input, so that a small job gets small buffers.
    pub rows: u64,
    /// Stored centroids of the levels to evaluate, in the order in which labels will be given.
    pub levels: Vec<MatrixView<'a>>,
    /// Rows of one tile; 0 lets the backend choose.
    pub tile_rows: usize,
    /// Whether every row's distance is wanted, not only the sums.
    pub keep_rows: bool,
    /// Whether `pairwise` will be called.
    pub pairwise: bool,
    /// `[dim]`, subtracted from every row before anything is expanded or summed, so that a common offset costs no
    /// accuracy; empty where neither `top2` nor `cluster_sums` is called.
    pub centre: Vec<f64>,
    /// Per level, the clusters (ascending) that `top2` searches; empty where it is not called.
    pub searched: Vec<Vec<u32>>,
    /// Whether `cluster_sums` will be called.
    pub sums: bool,
}

impl<'a> Job<'a> {
    /// Own distances and their sums, and nothing else.
    pub fn new(dim: usize, dtype: Dtype, rows: u64, levels: Vec<MatrixView<'a>>) -> Self {
        Job {
            dim,
            dtype,
            rows,
            levels,
            tile_rows: 0,
            keep_rows: false,
            pairwise: false,
            centre: Vec::new(),
            searched: Vec::new(),
            sums: false,
        }
    }
}

/// The two nearest centroids of a row, nearest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Top2 {
    /// Their clusters; [`UNLABELLED`] where there is none (fewer than two were searched).
    pub clusters: [u32; 2],
    /// Squared distances by direct difference, in the very arithmetic of `own_distances`; infinite where there is none.
    pub squared: [f64; 2],
}

impl Top2 {
    /// Of a row that was not searched for.
    pub const NONE: Top2 = Top2 { clusters: [UNLABELLED; 2], squared: [f64::INFINITY; 2] };
}

/// Sums of a tile's rows, less the job's centre, by label.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSums {
    /// Labels that the tile has, ascending.
    pub clusters: Vec<u32>,
    /// `[clusters.len(), dim]`, row-major: the sum over the rows of `row - centre`.
    pub sums: Vec<f64>,
}

/// What a cluster's centroid has to do with the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CentroidPairs {
    /// The cluster whose centroid is nearest (ties to the lower index); [`UNLABELLED`] where there is no other.
    pub nearest: u32,
    /// Squared distance to it; infinite where there is no other.
    pub nearest_squared: f64,
    /// Largest `(s_i + s_j) / ||m_i - m_j||` over the others whose centroid does not coincide: the R_i of Davies and
    /// Bouldin (1979); 0 where there is none, as in scikit-learn.
    pub worst_ratio: f64,
}

/// Told of work that is done, in the unit of the operation; fails when the work is to stop.
pub type Tick<'a> = dyn Fn(u64) -> Result<()> + Sync + 'a;

/// How a backend wants the rows cut, and how many tiles it keeps in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Tiling {
    /// Rows of a tile; the last one is shorter.
    pub tile_rows: usize,
    /// Tiles in flight, each driven by a thread.
    pub lanes: usize,
}

/// What a device is, as printed and recorded.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DeviceInfo {
    /// `gpu` or `cpu`
    pub backend: &'static str,
    /// Name as the driver or the processor gives it.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `cpu` or `other`
    pub kind: &'static str,
    /// `Vulkan`, `Metal`, `DX12`, or the SIMD instructions of the CPU backend.
    pub api: String,
    /// Driver and its version; empty on the CPU.
    pub driver: String,
    /// The limits that shape a run, by name.
    pub limits: std::collections::BTreeMap<&'static str, u64>,
}

/// Sums over rows of one tile that share a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunSums {
    /// The label the rows share.
    pub cluster: u32,
    /// How many rows.
    pub count: u32,
    /// Sum of squared distances to the stored centroid.
    pub inertia: f64,
    /// Sum of distances to the stored centroid.
    pub distance: f64,
    /// Largest squared distance.
    pub max_squared: f64,
}

/// What one tile says about one level. A backend fills `runs`, or `squared`, or (where every row is kept) both; where
/// both are filled, `runs` counts for the sums.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// Squared distance of every row to its own centroid, in row order; NaN for rows without a label and for rows
    /// with a non-finite value.
    pub squared: Vec<f64>,
    /// Sums per run of rows that share a label, in an order that depends on the tile alone.
    pub runs: Vec<RunSums>,
}

/// What one tile says about all levels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TileObservation {
    /// One entry per level of the job, in its order.
    pub levels: Vec<Observation>,
    /// Rows of the tile (ascending) that have a label on the first level and hold a NaN or an infinity; they are in no sum.
    pub nonfinite: Vec<u32>,
}

/// A device that can evaluate tiles.
pub trait Backend: Send + Sync {
    /// What the device is.
    fn describe(&self) -> DeviceInfo;

    /// Tile size and number of lanes for a job. Fails with `Kind::Device` where not even one row fits.
    fn tiling(&self, job: &Job<'_>) -> Result<Tiling>;

    /// Opens a lane: allocates its buffers for `tiling`, uploads what all tiles share.
    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>>;

    /// Operations per second (a multiply-add counts two) that searches on this device run at, roughly and the same in
    /// every run: estimates of time are made from it.
    fn rate(&self) -> f64;

    /// For each of `clusters` (ascending rows of `centroids`), its nearest and its worst neighbour among them, by direct
    /// differences and without a k x k matrix. `spread[i]` is s of `clusters[i]`. `tick` is told of clusters done.
    fn centroid_pairs(
        &self,
        centroids: MatrixView<'_>,
        clusters: &[u32],
        spread: &[f64],
        tick: &Tick<'_>,
    ) -> Result<Vec<CentroidPairs>>;

    /// How sums of distances between points want to be cut.
    fn distance_tiling(&self, points: &PointSet) -> DistanceTiling;

    /// Opens a lane for sums of distances between points.
    fn distance_sums<'a>(&'a self, points: &'a PointSet, tiling: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>>;
}

/// One tile in flight. Calls come in the order `staging`, `upload`, then any of the operations.
pub trait Lane: Send {
    /// Memory for `rows` rows as they lie on disk: exactly `rows * dim * dtype.size()` bytes, to be filled completely.
    fn staging(&mut self, rows: usize) -> &mut [u8];

    /// Hands the staged rows to the device.
    fn upload(&mut self) -> Result<()>;

    /// Distances of the tile's rows to their own centroids on every level, and their sums. `labels[l][row]` is the
    /// cluster of the row on the job's level `l`, or [`UNLABELLED`].
    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()>;

    /// Euclidean distances of the tile's rows to the centroids `first .. first + count` of level `level`, row-major
    /// into `out` (`rows * count`), by direct differences. Rows with a non-finite value get NaN.
    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()>;

    /// For each row of the tile the two nearest among `job.searched[level]`, exact: no centroid is nearer, and of equally
    /// near ones the lower index is taken. `labels` are the level's; rows whose label is [`UNLABELLED`] give
    /// [`Top2::NONE`], and rows that `own_distances` found non-finite must come so.
    fn top2(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()>;

    /// Sums of the tile's rows by label; rows whose label is [`UNLABELLED`] are in none, and rows that `own_distances`
    /// found non-finite must come so.
    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()>;
}
