//! Devices, as traits in terms of clustering operations rather than buffers.
//!
//! A [`Backend`] opens [`Lane`]s. A lane is a worker with buffers of its own for one tile at a time: the tile is read into
//! the lane's staging memory, uploaded, evaluated and read back. Each lane runs on its own thread, so reading, upload,
//! compute and read-back of different tiles overlap. On the CPU a lane is a worker whose tile stays in its cache; on a GPU it
//! is a set of buffers.
//!
//! Results meet the crate's accuracy contract: own distances use direct differences, float32 sums never span more than a
//! workgroup's rows, and wider sums are float64 on the host.

mod adapter;
pub mod cpu;
mod given;
#[cfg(feature = "gpu")]
pub mod gpu;
mod kept;
pub mod point_set;
pub mod select;
pub mod self_test;
mod traffic;
mod tuning;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::base::error::Result;
use crate::base::matrix::{Dtype, MatrixView};

pub use crate::base::matrix::UNLABELLED;
pub use kept::{Kept, KeptPoints, PointShape, RowSource, TileRows};
pub use point_set::{DistanceSums, DistanceTiling, PointSet};
pub use traffic::Traffic;
pub use tuning::{ShapeSource, Tuned, Tuning};

/// What a backend needs to know to plan tiles and open lanes.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Columns of the embeddings and of every level's centroids.
    pub dim: usize,
    /// Element type of the rows in staging memory.
    pub dtype: Dtype,
    /// Rows of the whole input: a small job gets small buffers.
    pub rows: u64,
    /// Stored centroids of the levels to evaluate, in the order of the labels.
    pub levels: Vec<MatrixView<'a>>,
    /// Rows per tile; 0 lets the backend choose.
    pub tile_rows: usize,
    /// Whether every row's distance is wanted, not only the sums.
    pub keep_rows: bool,
    /// Whether `pairwise` will be called.
    pub pairwise: bool,
    /// `[dim]`, subtracted from every row before a search expands its distances, so a common offset costs no accuracy. Empty
    /// if `top2` is not called.
    pub centre: Vec<f64>,
    /// Per level, the clusters (ascending) that `top2` searches; empty if it is not called.
    pub searched: Vec<Vec<u32>>,
    /// Whether `cluster_sums` will be called.
    pub sums: bool,
    /// The points that stay on the device; `None` if each pass uploads them.
    pub kept: Option<Kept<'a>>,
}

impl<'a> Job<'a> {
    /// A job for own distances and their sums only.
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
            kept: None,
        }
    }
}

/// The two nearest centroids of a row, nearest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Top2 {
    /// Their clusters; [`UNLABELLED`] for a missing one (fewer than two were searched).
    pub clusters: [u32; 2],
    /// Squared distances by direct difference, as accurate as those of `own_distances`; infinite for a missing one.
    pub squared: [f64; 2],
}

impl Top2 {
    /// Result for a row that was not searched.
    pub const NONE: Top2 = Top2 { clusters: [UNLABELLED; 2], squared: [f64::INFINITY; 2] };
}

/// Sums of a tile's rows by label, in double-double arithmetic (see [`crate::base::double_double`]). Their error is relative
/// to the distances between rows of one label, not to the rows' offset; equal rows have an exact sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSums {
    /// Labels that occur in the tile, ascending.
    pub clusters: Vec<u32>,
    /// `[clusters.len(), dim]`, row-major: the sum of the label's rows.
    pub sums: Vec<f64>,
    /// What the sums cannot hold, in the same shape.
    pub rests: Vec<f64>,
}

impl GroupSums {
    /// Removes all labels.
    pub fn clear(&mut self) {
        self.clusters.clear();
        self.sums.clear();
        self.rests.clear();
    }

    /// Each label with the sum of its rows and the sum's rest, `[dim]` each.
    pub fn iter(&self) -> impl Iterator<Item = (u32, (&[f64], &[f64]))> {
        let dim = self.sums.len().checked_div(self.clusters.len()).unwrap_or(0).max(1);
        let sums = self.sums.chunks(dim).zip(self.rests.chunks(dim));
        self.clusters.iter().copied().zip(sums)
    }
}

/// A centroid's nearest and worst neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CentroidPairs {
    /// The cluster whose centroid is nearest (ties to the lower index); [`UNLABELLED`] if there is no other.
    pub nearest: u32,
    /// Squared distance to it; infinite if there is no other.
    pub nearest_squared: f64,
    /// Largest `(s_i + s_j) / ||m_i - m_j||` over the others, except coinciding centroids: the R_i of Davies and Bouldin
    /// (1979). 0 if there is none, as in scikit-learn.
    pub worst_ratio: f64,
}

/// Called with the amount of completed work, in the unit of the operation; fails if the work should stop.
pub type Tick<'a> = dyn Fn(u64) -> Result<()> + Sync + 'a;

/// How a backend divides the rows into tiles, and how many tiles it keeps in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Tiling {
    /// Rows per tile; the last one may be shorter.
    pub tile_rows: usize,
    /// Tiles in flight, each on a thread of its own.
    pub lanes: usize,
}

/// Description of a device, as printed and recorded.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DeviceInfo {
    /// `gpu` or `cpu`
    pub backend: &'static str,
    /// Name reported by the driver or the processor.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `cpu` or `other`
    pub kind: &'static str,
    /// `Vulkan`, `Metal`, `DX12`, or the SIMD instructions of the CPU backend.
    pub api: String,
    /// Driver and its version; empty on the CPU.
    pub driver: String,
    /// The limits that affect a run, by name.
    pub limits: std::collections::BTreeMap<&'static str, u64>,
}

impl DeviceInfo {
    /// `NAME [cpu, AVX-512]`, as in messages and records.
    pub fn text(&self) -> String {
        format!("{} [{}, {}]", self.name, self.backend, self.api)
    }
}

/// Sums over rows of one tile with the same label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunSums {
    /// The rows' label.
    pub cluster: u32,
    /// Number of rows.
    pub count: u32,
    /// Sum of squared distances to the stored centroid.
    pub inertia: f64,
    /// Sum of distances to the stored centroid.
    pub distance: f64,
    /// Largest squared distance.
    pub max_squared: f64,
}

/// Results of one tile for one level. A backend fills `runs`, `squared`, or (if every row is kept) both. If both are filled,
/// sums come from `runs`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// Squared distance of every row to its own centroid, in row order; NaN for rows without a label and for rows
    /// with non-finite values.
    pub squared: Vec<f64>,
    /// Sums per run of rows with the same label, in an order that depends on the tile alone.
    pub runs: Vec<RunSums>,
}

/// Results of one tile for all levels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TileObservation {
    /// One entry per level of the job, in its order.
    pub levels: Vec<Observation>,
    /// Rows of the tile (ascending) that have a label on some level and contain NaN or infinity. No sum includes them.
    pub nonfinite: Vec<u32>,
}

/// A device that evaluates tiles.
pub trait Backend: Send + Sync {
    /// Describes the device.
    fn describe(&self) -> DeviceInfo;

    /// Work and data that this device was given since it was opened; `None` for the CPU, which shares the host's memory.
    fn traffic(&self) -> Option<Traffic> {
        None
    }

    /// Place of this device on the PCI bus, such as `0000:01:00.0`; `None` for the CPU, and if the driver doesn't say.
    fn bus_id(&self) -> Option<String> {
        None
    }

    /// Most bytes that buffers on this device have taken together, a number that goes on growing; `None` for the CPU.
    fn peak_memory(&self) -> Option<Arc<AtomicU64>> {
        None
    }

    /// Opens an empty store for points that several passes read; `None` if this device keeps no points or they don't fit. The
    /// upload of tiles fills it, for jobs that name it in [`Job::kept`].
    fn keep(&self, _points: PointShape) -> Option<Box<dyn KeptPoints>> {
        None
    }

    /// Tile size and number of lanes for a job. Fails with `Kind::Device` if not even one row fits.
    fn tiling(&self, job: &Job<'_>) -> Result<Tiling>;

    /// Opens a lane: allocates its buffers for `tiling` and uploads what all tiles share.
    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>>;

    /// Approximate operations per second (a multiply-add counts as two) of searches on this device, for estimates of time:
    /// measured by an earlier run, or else those of a common device of the kind.
    fn rate(&self) -> f64;

    /// Whether an earlier run measured the rate.
    fn rate_is_measured(&self) -> bool {
        false
    }

    /// The kernels that searched so far, and their measured speeds; empty for the CPU.
    fn tuned(&self) -> Vec<Tuned> {
        Vec::new()
    }

    /// Bound of the relative error of squared distances between rows and float64 centroids of `dim` columns, as `top2`
    /// returns them. Rounding of the inputs is not included: a device may keep no more than 48 bits of a float64.
    fn distance_error(&self, dim: usize) -> f64;

    /// For each of `clusters` (ascending rows of `centroids`), its nearest and its worst neighbour among them, by direct
    /// differences and without a k x k matrix. `spread[i]` is s of `clusters[i]`. `tick` receives the number of completed
    /// clusters.
    fn centroid_pairs(
        &self,
        centroids: MatrixView<'_>,
        clusters: &[u32],
        spread: &[f64],
        tick: &Tick<'_>,
    ) -> Result<Vec<CentroidPairs>>;

    /// How this device divides sums of distances between points.
    fn distance_tiling(&self, points: &PointSet) -> DistanceTiling;

    /// Opens a lane for sums of distances between points.
    fn distance_sums<'a>(&'a self, points: &'a PointSet, tiling: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>>;
}

/// Reads the rows `range` of a tile into memory of exactly their size.
pub type ReadRows<'a> = dyn FnMut(Range<usize>, &mut [u8]) -> Result<()> + 'a;

/// One tile in flight. If the job keeps its points, call `announce` first. Unless it returns true, call `fill`, or `staging`
/// and `upload`. Then call any of the operations.
pub trait Lane: Send {
    /// Announces the rows of the next tile. True if they are on the device already, so that nothing is staged or uploaded.
    fn announce(&mut self, _rows: TileRows<'_>) -> Result<bool> {
        Ok(false)
    }

    /// Memory for `rows` rows as stored on disk: exactly `rows * dim * dtype.size()` bytes, to be filled completely.
    fn staging(&mut self, rows: usize) -> &mut [u8];

    /// Hands the staged rows to the device.
    fn upload(&mut self) -> Result<()>;

    /// Reads a tile of `rows` rows by `read`, in ascending ranges, and hands it to the device. A device may take each range
    /// while it is in the processor's cache.
    fn fill(&mut self, rows: usize, read: &mut ReadRows<'_>) -> Result<()> {
        read(0..rows, self.staging(rows))?;
        self.upload()
    }

    /// Distances of the tile's rows to their own centroids on every level, and their sums. `labels[l][row]` is the
    /// cluster of the row on the job's level `l`, or [`UNLABELLED`].
    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()>;

    /// Euclidean distances of the tile's rows to the centroids `first .. first + count` of level `level`, row-major
    /// into `out` (`rows * count`), by direct differences. Rows with non-finite values get NaN.
    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()>;

    /// Top-2 search: for each row of the tile, the nearest two among `job.searched[level]`. Exact: no other centroid is
    /// nearer. Of equally near ones, the row's own label is first, then the lower index. `labels` are the level's. Rows
    /// labelled [`UNLABELLED`] yield [`Top2::NONE`]; label rows that `own_distances` reported as non-finite so.
    fn top2(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()>;

    /// Sums of the tile's rows by label. Rows labelled [`UNLABELLED`] are left out; label rows that `own_distances` reported
    /// as non-finite so.
    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()>;

    /// The same for two labellings of the tile, which a device may sum in one go.
    fn cluster_sums_of_both(&mut self, labels: [&[u32]; 2], out: [&mut GroupSums; 2]) -> Result<()> {
        labels.into_iter().zip(out).try_for_each(|(labels, out)| self.cluster_sums(labels, out))
    }
}
