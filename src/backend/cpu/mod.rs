//! The CPU backend: SIMD by run-time dispatch (AVX-512, AVX2, NEON, scalar), one lane per thread.
//!
//! A lane is a worker that reads its own tile into a reused buffer and evaluates it while it is in cache. A separate reader
//! thread would lose the cache and half of the read bandwidth, which bounds own distances: d subtractions and multiply-adds
//! per 4 d bytes.
//!
//! | module | contents |
//! |---|---|
//! | `lane`, `tile`, `centred` | a worker's rows: as read, in the required precisions, minus the centre |
//! | `distance`, `measure` | squared distances by direct difference, in the one arithmetic of all operations |
//! | `own_distances`, `pairwise`, `cluster_sums` | one operation on a tile each |
//! | `panels` | a matrix product that is never stored |
//! | `quantised` | the same product for rows rounded to 16 bits, and its error bound |
//! | `top2`, `quantised_scores`, `scores`, `nominees`, `reach` | the top-2 search, and the bound that makes it exact |
//! | `centroid_pairs` | nearest clusters and Davies-Bouldin ratios |
//! | `distance_sums` | sums of distances for silhouettes |

mod centred;
mod centroid_pairs;
mod cluster_sums;
mod distance;
mod distance_sums;
mod lane;
mod measure;
mod nominees;
mod own_distances;
mod pairwise;
mod panels;
mod quantised;
mod quantised_scores;
mod reach;
mod scores;
mod tile;
mod top2;

use std::collections::BTreeMap;
use std::num::NonZero;

use super::{Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, Job, Lane, PointSet, Tick, Tiling};
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::MatrixView;
use crate::base::numeric::to_usize;
use centroid_pairs::PairSearch;
use distance_sums::CpuDistanceSums;
use lane::CpuLane;

/// Bytes of a tile. Rows stay in the second-level cache from the read to the last level, and reads are long enough to be
/// cheap (measured: docs/benchmarks).
const TILE_BYTES: usize = 9 << 17;
/// Most rows of a tile; more would only make the lanes finish at different times.
const TILE_ROWS: usize = 4096;
/// Rows of a tile that is searched, unless they exceed [`SEARCH_BYTES`]. The centroids are packed again for each tile, whose
/// cost many rows amortise (measured at 256 columns and 1,000 centroids: 5 % less time than with 1,152 rows, and the same as
/// with 4,096). More rows would lengthen the end of a run, when some lanes have no tile left.
const SEARCH_ROWS: usize = 2048;
/// Most bytes of a tile that is searched.
const SEARCH_BYTES: usize = 8 << 20;
/// Most threads: more than any machine has cores. With many more, a process exceeds the system's limits.
const MOST_THREADS: usize = 1024;

/// The processor as a device.
#[derive(Debug)]
pub struct CpuBackend {
    threads: usize,
}

impl CpuBackend {
    /// A backend with this many threads, at most 1,024. `None` uses the cores that the system grants this process, respecting
    /// affinity and cgroups.
    pub fn new(threads: Option<NonZero<usize>>) -> Self {
        let granted = || std::thread::available_parallelism().map_or(1, NonZero::get);
        CpuBackend { threads: threads.map_or_else(granted, NonZero::get).min(MOST_THREADS) }
    }
}

impl Backend for CpuBackend {
    fn describe(&self) -> DeviceInfo {
        let limits = BTreeMap::from([("threads", self.threads as u64)]);
        DeviceInfo {
            backend: "cpu",
            name: processor_name(),
            kind: "cpu",
            api: simd_name().to_owned(),
            driver: String::new(),
            limits,
        }
    }

    fn tiling(&self, job: &Job<'_>) -> Result<Tiling> {
        let row_bytes = job.dim.checked_mul(job.dtype.size()).filter(|&b| b <= isize::MAX as usize / 2);
        let Some(row_bytes) = row_bytes else {
            return Err(Error::device(
                Finding::new("a single row doesn't fit into memory").found(format!("{} columns", job.dim)),
            ));
        };
        let rows = to_usize(job.rows).max(1);
        let wanted = match job.tile_rows {
            0 if job.searched.iter().any(|clusters| !clusters.is_empty()) => {
                (SEARCH_BYTES / row_bytes.max(1)).clamp(1, SEARCH_ROWS)
            }
            0 => (TILE_BYTES / row_bytes.max(1)).clamp(1, TILE_ROWS),
            n => n,
        };
        let tile_rows = wanted.min(rows);
        Ok(Tiling { tile_rows, lanes: self.threads.min(rows.div_ceil(tile_rows)) })
    }

    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>> {
        Ok(Box::new(CpuLane::new(job, tiling)))
    }

    fn rate(&self) -> f64 {
        rate_of(simd_name()) * self.threads as f64
    }

    fn distance_error(&self, dim: usize) -> f64 {
        // sums of float64 squares in any order: each term takes part in at most d additions and is rounded twice before
        (dim as f64 + 2.0) * f64::EPSILON
    }

    fn centroid_pairs(
        &self,
        centroids: MatrixView<'_>,
        clusters: &[u32],
        spread: &[f64],
        tick: &Tick<'_>,
    ) -> Result<Vec<CentroidPairs>> {
        PairSearch { centroids, clusters, spread, tick }.run(self.threads)
    }

    fn distance_tiling(&self, points: &PointSet) -> DistanceTiling {
        distance_sums::tiling(points, self.threads)
    }

    fn distance_sums<'a>(
        &'a self,
        points: &'a PointSet,
        _tiling: DistanceTiling,
    ) -> Result<Box<dyn DistanceSums + 'a>> {
        Ok(sums_of(points))
    }
}

/// A lane for sums of distances between points, for any tiling.
pub fn sums_of(points: &PointSet) -> Box<dyn DistanceSums + '_> {
    Box::new(CpuDistanceSums::new(points))
}

/// Operations per second of one thread in float32, by instruction set. Measured as CPU time of searches and of sums of distances
/// (256 columns, 1,000 centroids) on a Zen 4 core at 3 GHz: 76 to 99e9 with AVX-512, 65 to 78e9 with AVX2, 12 to 20e9 with
/// neither. NEON, half as wide as AVX2, was not measured. Searches in 16 bits take 0.55 (AVX-512 with VNNI) or 0.7 (AVX2) of
/// that time, so estimates for them are upper bounds.
fn rate_of(simd: &str) -> f64 {
    match simd {
        "AVX-512" => 80e9,
        "AVX2" => 65e9,
        "NEON" => 30e9,
        _ => 12e9,
    }
}

/// The instruction set that run-time dispatch selects on this machine.
fn simd_name() -> &'static str {
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            return "AVX2";
        }
    }
    if cfg!(target_arch = "aarch64") { "NEON" } else { "scalar" }
}

/// The processor's name if the system reports it, otherwise its architecture.
fn processor_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| format!("{} processor", std::env::consts::ARCH), |(_, name)| name.trim().to_owned())
}
