//! The main loop with a backend that misbehaves: the run ends, and says why.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use clustrata::backend::cpu::CpuBackend;
use clustrata::backend::{
    Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, GroupSums, Job, Lane, PointSet, Tick,
    TileObservation, Tiling, Top2,
};
use clustrata::base::error::{Error, Finding, Findings, Kind, Result};
use clustrata::base::matrix::MatrixView;
use clustrata::engine::checkpoint_store::NoCheckpoints;
use clustrata::engine::progress::NoProgress;
use clustrata::evaluate::{Clock, DistanceSinks, Evaluated, Evaluation, Nonfinite, Wanted};
use clustrata::formats::embeddings::Embeddings;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use common::{Clustering, Dtype, scratch};

/// What the backend does on its third tile.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    Error,
    Panic,
}

/// The CPU backend, with trouble.
struct Troubled {
    cpu: CpuBackend,
    trouble: Trouble,
    tiles: AtomicUsize,
}

struct TroubledLane<'a> {
    lane: Box<dyn Lane + 'a>,
    backend: &'a Troubled,
}

impl Backend for Troubled {
    fn describe(&self) -> DeviceInfo {
        self.cpu.describe()
    }
    fn tiling(&self, _job: &Job<'_>) -> Result<Tiling> {
        Ok(Tiling { tile_rows: 2, lanes: 3 })
    }
    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>> {
        Ok(Box::new(TroubledLane { lane: self.cpu.lane(job, tiling)?, backend: self }))
    }
    fn rate(&self) -> f64 {
        self.cpu.rate()
    }
    fn distance_error(&self, dim: usize) -> f64 {
        self.cpu.distance_error(dim)
    }
    fn centroid_pairs(
        &self,
        centroids: MatrixView<'_>,
        clusters: &[u32],
        spread: &[f64],
        tick: &Tick<'_>,
    ) -> Result<Vec<CentroidPairs>> {
        self.cpu.centroid_pairs(centroids, clusters, spread, tick)
    }
    fn distance_tiling(&self, points: &PointSet) -> DistanceTiling {
        self.cpu.distance_tiling(points)
    }
    fn distance_sums<'a>(&'a self, points: &'a PointSet, tiling: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>> {
        self.cpu.distance_sums(points, tiling)
    }
}

impl Lane for TroubledLane<'_> {
    fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.lane.staging(rows)
    }
    fn upload(&mut self) -> Result<()> {
        self.lane.upload()
    }
    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()> {
        let third = self.backend.tiles.fetch_add(1, Ordering::Relaxed) == 2;
        match self.backend.trouble {
            Trouble::Error if third => Err(Error::failed(Finding::new("the device is on fire"))),
            Trouble::Panic if third => panic!("a defect in a driver"),
            _ => self.lane.own_distances(labels, out),
        }
    }
    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()> {
        self.lane.pairwise(level, first, count, out)
    }
    fn top2(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()> {
        self.lane.top2(level, labels, out)
    }
    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        self.lane.cluster_sums(labels, out)
    }
}

/// 400 rows in tiles of two on three lanes.
fn run(trouble: Trouble) -> Result<Evaluated> {
    let folder = scratch();
    let points: Vec<Vec<f64>> = (0..400).map(|i| vec![f64::from(i), 1.0]).collect();
    let members = vec![(0..200).collect(), (200..400).collect()];
    let levels = vec![(members, vec![vec![0.0, 1.0], vec![200.0, 1.0]])];
    let (hier, embeddings) = Clustering { points, dtype: Dtype::F4, levels, subset: None }.write(folder.path());
    let mut findings = Findings::new();
    let embeddings = Embeddings::open(&[embeddings], &mut findings).expect("opens");
    let hierarchy = Hierarchy::open(&hier, 400, 2, HierarchyOptions::default(), &mut findings, &mut Vec::new());
    let hierarchy = hierarchy.expect("opens");
    let backend = Troubled { cpu: CpuBackend::new(None), trouble, tiles: AtomicUsize::new(0) };
    let levels = vec![hierarchy.levels[0].centroids.view()];
    let job = Job { tile_rows: 2, ..Job::new(2, embeddings.dtype(), 400, levels) };
    let evaluation = Evaluation {
        embeddings: &embeddings,
        hierarchy: &hierarchy,
        labels: None,
        levels: &[0],
        backend: &backend,
        job: &job,
        tiling: backend.tiling(&job)?,
        nonfinite: Nonfinite::Refuse,
        wanted: Wanted::default(),
        watch: &NoProgress,
        rows: 0..embeddings.rows(),
        checkpoints: &NoCheckpoints,
        clock: Clock::default(),
    };
    evaluation.run(DistanceSinks::default())
}

#[test]
fn three_lanes_add_up_every_row_once() {
    let evaluated = run(Trouble::None).expect("runs");
    let inertia = |count: u32| (0..count).map(|i| f64::from(i * i)).sum::<f64>();
    let clusters = &evaluated.levels[0].clusters;
    assert_eq!((clusters[0].size, clusters[1].size), (200, 200));
    assert_eq!((clusters[0].inertia, clusters[1].inertia), (inertia(200), inertia(200)));
}

#[test]
fn the_error_of_one_lane_ends_the_run_and_is_the_one_that_is_told() {
    let error = run(Trouble::Error).expect_err("one lane fails");
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("on fire"), "{error}");
}

#[test]
fn a_panic_in_one_lane_ends_the_run() {
    let outcome = std::panic::catch_unwind(|| run(Trouble::Panic).map(|_| ()));
    let panic = outcome.expect_err("the panic comes through instead of a run that waits for ever");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a defect in a driver"));
}
