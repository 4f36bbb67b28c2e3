//! The CPU backend: SIMD by run-time dispatch (AVX-512, AVX2, NEON, scalar), one lane per thread.
//!
//! A lane is a worker that reads its own tile into its own reused buffer and computes it while it is in cache. A
//! separate reader thread that hands tiles over would lose the cache and half of the read bandwidth, which is what
//! bounds own distances: d subtractions and multiply-adds per 4 d bytes.
//!
//! | module | what it knows |
//! |---|---|
//! | `lane`, `tile`, `centred` | a worker's rows: as read, in the precisions asked for, less the centre |
//! | `distance`, `measure` | squared distances by direct difference, in one arithmetic for all |
//! | `own_distances`, `pairwise`, `cluster_sums` | one operation on a tile each |
//! | `panels` | the matrix product that is never stored |
//! | `quantised` | the same product of rows rounded to 16 bits, and how far it is off |
//! | `top2`, `quantised_scores`, `scores`, `nominees`, `reach` | the search, and the bound that makes it exact |
//! | `centroid_pairs` | Davies-Bouldin's pairs and nearest clusters |
//! | `distance_sums` | what silhouettes are made of |

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

/// Bytes of a tile: rows stay in the second-level cache from the read to the last level, and a read is long enough to be
/// cheap (measured: docs/benchmarks).
const TILE_BYTES: usize = 9 << 17;
/// Rows of a tile at most; more only makes the tail of a run uneven.
const TILE_ROWS: usize = 4096;
/// Rows of a tile that is searched, where they are no more than [`SEARCH_BYTES`]: the centroids are packed anew for each
/// tile, which many rows make cheap (measured at 256 columns and 1,000 centroids: 5 % less time than with 1,152 rows, and as
/// much as with 4,096); still more lengthen the end of a run, when some lanes have no tile left.
const SEARCH_ROWS: usize = 2048;
/// Bytes of a tile that is searched at most.
const SEARCH_BYTES: usize = 8 << 20;
/// More threads than any machine has cores for; asked for more, a process runs out of what the system grants it.
const MOST_THREADS: usize = 1024;

/// The processor as a device.
#[derive(Debug)]
pub struct CpuBackend {
    threads: usize,
}

impl CpuBackend {
    /// `threads`: lanes to run, 1,024 at most; `None` takes what the system grants this process (affinity and cgroups respected).
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
                Finding::new("a single row does not fit into memory").found(format!("{} columns", job.dim)),
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
        Ok(Box::new(CpuDistanceSums::new(points)))
    }
}

/// Operations per second of one thread that multiplies in float32, by instruction set. Measured as CPU time of searches and of
/// sums of distances (256 columns, 1,000 centroids) on a Zen 4 core at 3 GHz: 76 to 99e9 with AVX-512, 65 to 78e9 with AVX2,
/// 12 to 20e9 with neither. NEON, which is half as wide as AVX2, was not measured. Searches that 16 bits decide take 0.55
/// (AVX-512 with VNNI) and 0.7 (AVX2) of that time; what they are estimated to take is so the most.
fn rate_of(simd: &str) -> f64 {
    match simd {
        "AVX-512" => 80e9,
        "AVX2" => 65e9,
        "NEON" => 30e9,
        _ => 12e9,
    }
}

/// The instruction set that run-time dispatch picks here.
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

/// The processor's name where the system tells it, else its architecture.
fn processor_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| format!("{} processor", std::env::consts::ARCH), |(_, name)| name.trim().to_owned())
}
