//! The fastest that a k-means can be on this host. It runs on a simulated device that keeps the points and answers at once, so
//! only the host's own work takes time: cutting tiles, bounds, counts, sums, and moving the centroids.
//!
//! usage: cargo bench --bench host -- [ROWS] [DIM] [CLUSTERS]

#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clustrata::backend::{
    Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, GroupSums, Job, KeptPoints, Lane, Observation,
    PointSet, PointShape, RunSums, Tick, TileObservation, TileRows, Tiling, Top2, UNLABELLED,
};
use clustrata::base::error::Result;
use clustrata::base::matrix::{Dtype, MatrixView};
use clustrata::engine::points::Points;
use clustrata::engine::progress::NoProgress;
use clustrata::kmeans::{Fit, Init, SingleProcess};

/// Rows of a tile, as on a large GPU.
const TILE_ROWS: usize = 16_384;

/// One in this many points changes its cluster in an iteration.
const MOVING: u64 = 100;

const ITERATIONS: u32 = 10;

/// Keeps all points without storing them.
struct AllKept(u64);

impl KeptPoints for AllKept {
    fn chunk_rows(&self) -> u64 {
        self.0
    }

    fn held(&self) -> u64 {
        self.0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Answers at once. A point's cluster follows from its number; some points change between three clusters.
struct Simulated {
    lanes: usize,
    passes: AtomicU64,
}

struct SimulatedLane {
    dim: usize,
    clusters: u64,
    pass: u64,
    rows: Vec<u64>,
}

impl Backend for Simulated {
    fn describe(&self) -> DeviceInfo {
        DeviceInfo {
            backend: "simulated",
            name: "simulated".to_owned(),
            kind: "other",
            api: String::new(),
            driver: String::new(),
            limits: Default::default(),
        }
    }

    fn keep(&self, points: PointShape) -> Option<Box<dyn KeptPoints>> {
        Some(Box::new(AllKept(points.rows)))
    }

    fn tiling(&self, _: &Job<'_>) -> Result<Tiling> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        Ok(Tiling { tile_rows: TILE_ROWS, lanes: self.lanes })
    }

    fn lane<'a>(&'a self, job: &'a Job<'a>, _: Tiling) -> Result<Box<dyn Lane + 'a>> {
        let clusters = job.levels.iter().map(MatrixView::rows).max().unwrap_or(1) as u64;
        let pass = self.passes.load(Ordering::Relaxed);
        Ok(Box::new(SimulatedLane { dim: job.dim, clusters, pass, rows: Vec::new() }))
    }

    fn rate(&self) -> f64 {
        1e15
    }

    fn distance_error(&self, _: usize) -> f64 {
        1e-6
    }

    fn centroid_pairs(&self, _: MatrixView<'_>, _: &[u32], _: &[f64], _: &Tick<'_>) -> Result<Vec<CentroidPairs>> {
        unreachable!("k-means compares no centroids with each other")
    }

    fn distance_tiling(&self, _: &PointSet) -> DistanceTiling {
        unreachable!("k-means has no silhouettes")
    }

    fn distance_sums<'a>(&'a self, _: &'a PointSet, _: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>> {
        unreachable!("k-means has no silhouettes")
    }
}

impl Lane for SimulatedLane {
    fn announce(&mut self, rows: TileRows<'_>) -> Result<bool> {
        self.rows.clear();
        match rows {
            TileRows::Range(range) => self.rows.extend(range),
            TileRows::List(rows) => self.rows.extend_from_slice(rows),
        }
        Ok(true)
    }

    fn staging(&mut self, _: usize) -> &mut [u8] {
        unreachable!("all points are kept")
    }

    fn upload(&mut self) -> Result<()> {
        unreachable!("all points are kept")
    }

    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()> {
        let count = labels[0].iter().filter(|label| **label != UNLABELLED).count();
        let sums = RunSums {
            cluster: 0,
            count: u32::try_from(count).expect("a tile"),
            inertia: count as f64,
            distance: count as f64,
            max_squared: 1.0,
        };
        out.levels = vec![Observation { squared: Vec::new(), runs: vec![sums] }];
        Ok(())
    }

    fn pairwise(&mut self, _: usize, _: usize, _: usize, _: &mut [f32]) -> Result<()> {
        unreachable!("k-means has no distance matrix")
    }

    fn top2(&mut self, _: usize, _: &[u32], out: &mut Vec<Top2>) -> Result<()> {
        out.clear();
        out.extend(self.rows.iter().map(|row| {
            // an iteration has one or two passes: with three clusters, a point never stays in one
            let moves = if row % MOVING == 0 { self.pass % 3 } else { 0 };
            let cluster = (row.wrapping_mul(0x9e37_79b9) + moves) % self.clusters;
            // with equal distances, bounds never exclude the point from the next iteration
            Top2 { clusters: [u32::try_from(cluster).expect("a cluster"), UNLABELLED], squared: [1.0, 1.0] }
        }));
        Ok(())
    }

    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        out.clear();
        out.clusters.extend(labels.iter().filter(|label| **label != UNLABELLED));
        out.clusters.sort_unstable();
        out.clusters.dedup();
        out.sums.resize(out.clusters.len() * self.dim, 1.0);
        out.rests.resize(out.clusters.len() * self.dim, 0.0);
        Ok(())
    }
}

/// Points that are not stored: values are computed when a few of them are read.
struct MadeUp {
    rows: u64,
    dim: usize,
}

impl Points for MadeUp {
    fn len(&self) -> u64 {
        self.rows
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        let rows = (out.len() / self.row_bytes()) as u64;
        self.gather(&(first..first + rows).collect::<Vec<u64>>(), out)
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        for (position, row) in positions.iter().zip(out.chunks_mut(self.row_bytes())) {
            let value = (position % 1_000_003) as f32;
            row.as_chunks_mut::<4>().0.iter_mut().for_each(|bytes| *bytes = value.to_le_bytes());
        }
        Ok(())
    }
}

fn seconds(points: &MadeUp, clusters: usize, lanes: usize, iterations: u32) -> f64 {
    let backend = Simulated { lanes, passes: AtomicU64::new(0) };
    let fit = Fit {
        points,
        backend: &backend,
        clusters,
        iterations,
        tolerance: 0.0,
        spherical: false,
        init: Init::Random,
        inits: 1,
        seed: 7,
        communicator: &SingleProcess,
        watch: &NoProgress,
        checkpoint: None,
    };
    let started = Instant::now();
    let fitted = fit.run().expect("the simulated device answers");
    assert_eq!(fitted.objectives.len(), iterations as usize, "every iteration moves points");
    started.elapsed().as_secs_f64()
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let number = |place: usize, default: usize| numbers.get(place).copied().unwrap_or(default);
    let (rows, dim, clusters) = (number(0, 4_000_000), number(1, 768), number(2, 1000));
    let points = MadeUp { rows: rows as u64, dim };
    let bytes = (rows * dim * 4) as f64;
    println!("{rows} x {dim} float32, {clusters} clusters, {TILE_ROWS} rows a tile; GB/s of rows");
    println!("threads  first iteration  each later one");
    for lanes in [1, 2] {
        let first = seconds(&points, clusters, lanes, 1);
        let all = seconds(&points, clusters, lanes, ITERATIONS + 1);
        let each = (all - first) / f64::from(ITERATIONS);
        println!("{lanes:>7}  {:>15.1}  {:>14.1}", bytes / first / 1e9, bytes / each / 1e9);
    }
}
