//! Tests the summation of silhouettes with tiles of odd sizes, on a backend that computes distances by definition.

mod common;

use std::ops::Range;

use clustrata::backend::cpu::CpuBackend;
use clustrata::backend::{
    Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, Job, Lane, PointSet, Tick, Tiling,
};
use clustrata::base::error::{Error, Finding, Findings, Result};
use clustrata::base::matrix::MatrixView;
use clustrata::engine::checkpoint_store::NoCheckpoints;
use clustrata::engine::progress::NoProgress;
use clustrata::evaluate::{Clock, DistanceSinks, Evaluation, Nonfinite, Sampling, Wanted};
use clustrata::formats::embeddings::Embeddings;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use clustrata::metrics::level_statistics::Silhouettes;
use common::{Clustering, Dtype, scratch};

/// Computes distances by definition, and everything else on the CPU backend.
struct Plain {
    cpu: CpuBackend,
    tiling: DistanceTiling,
    fails: bool,
}

struct PlainSums<'a> {
    points: &'a PointSet,
    outer: Vec<u32>,
    fails: bool,
}

impl Backend for Plain {
    fn describe(&self) -> DeviceInfo {
        self.cpu.describe()
    }
    fn tiling(&self, job: &Job<'_>) -> Result<Tiling> {
        self.cpu.tiling(job)
    }
    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>> {
        self.cpu.lane(job, tiling)
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
    fn distance_tiling(&self, _points: &PointSet) -> DistanceTiling {
        self.tiling
    }
    fn distance_sums<'a>(&'a self, points: &'a PointSet, _: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>> {
        Ok(Box::new(PlainSums { points, outer: Vec::new(), fails: self.fails }))
    }
}

impl PlainSums<'_> {
    fn distance(&self, i: usize, j: usize) -> f64 {
        let pairs = self.points.row(i).iter().zip(self.points.row(j));
        pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
    }
}

impl DistanceSums for PlainSums<'_> {
    fn outer(&mut self, points: &[u32]) -> Result<()> {
        self.outer = points.to_vec();
        Ok(())
    }

    fn to_segments(&mut self, inner: Range<usize>, ends: &[usize], out: &mut [f64]) -> Result<()> {
        assert_eq!((ends.last(), out.len()), (Some(&inner.end), ends.len() * self.outer.len()));
        let mut start = inner.start;
        for (&end, out) in ends.iter().zip(out.chunks_mut(self.outer.len())) {
            for (&j, out) in self.outer.iter().zip(out) {
                *out = (start..end).map(|i| self.distance(i, j as usize)).sum();
            }
            start = end;
        }
        if self.fails && start > 40 { Err(Error::failed(Finding::new("the device is on fire"))) } else { Ok(()) }
    }

    fn both(
        &mut self,
        inner: Range<usize>,
        ends: &[usize],
        outer_ends: &[usize],
        columns: &mut [f64],
        rows: &mut [f64],
    ) -> Result<()> {
        columns.fill(0.0);
        rows.fill(0.0);
        let width = self.outer.len();
        let (mut segment, mut start) = (0, inner.start);
        for i in inner.clone() {
            while i >= ends[segment] {
                segment += 1;
            }
            let mut other = 0;
            for (at, &j) in self.outer.iter().enumerate() {
                while j as usize >= outer_ends[other] {
                    other += 1;
                }
                if i < j as usize {
                    columns[segment * width + at] += self.distance(i, j as usize);
                    rows[other * inner.len() + i - inner.start] += self.distance(i, j as usize);
                }
            }
            start += 1;
        }
        if self.fails && start > 40 { Err(Error::failed(Finding::new("the device is on fire"))) } else { Ok(()) }
    }
}

/// 61 points in 9 clusters of 0 to 20 points, grouped into 3 clusters. File order differs from cluster order.
fn clustering() -> Clustering {
    let value = |row: usize, column: usize| ((row * 37 + column * 11) % 29) as f64 + 0.125 * (row % 7) as f64;
    let points: Vec<Vec<f64>> = (0..61).map(|row| (0..3).map(|column| value(row, column)).collect()).collect();
    let sizes = [1, 20, 0, 2, 13, 1, 9, 0, 15];
    let mut next = 0_u64;
    let mut take = |size: u64| {
        next += size;
        (next - size..next).map(|row| row * 17 % 61).collect::<Vec<u64>>()
    };
    let below: Vec<Vec<u64>> = sizes.into_iter().map(&mut take).collect();
    let above = vec![vec![8, 2, 0], vec![1], vec![7, 3, 4, 5, 6]];
    let zeros = |count: usize| vec![vec![0.0; 3]; count];
    let levels = vec![(below, zeros(9)), (above, zeros(3))];
    Clustering { points, dtype: Dtype::F4, levels, subset: None }
}

fn silhouettes(tiling: DistanceTiling, sampling: Sampling, fails: bool) -> Result<Vec<Silhouettes>> {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let mut findings = Findings::new();
    let embeddings = Embeddings::open(&[embeddings], &mut findings).expect("opens");
    let hierarchy = Hierarchy::open(&hier, 61, 3, HierarchyOptions::default(), &mut findings, &mut Vec::new());
    let hierarchy = hierarchy.expect("opens");
    let backend = Plain { cpu: CpuBackend::new(None), tiling, fails };
    let levels = hierarchy.levels.iter().map(|level| level.centroids.view()).collect();
    let job = Job { centre: vec![0.0; 3], ..Job::new(3, embeddings.dtype(), 61, levels) };
    let evaluation = Evaluation {
        embeddings: &embeddings,
        hierarchy: &hierarchy,
        labels: None,
        levels: &[0, 1],
        backend: &backend,
        job: &job,
        tiling: backend.tiling(&job)?,
        nonfinite: Nonfinite::Refuse,
        wanted: Wanted { silhouette: Some(sampling), ..Wanted::default() },
        watch: &NoProgress,
        rows: 0..embeddings.rows(),
        checkpoints: &NoCheckpoints,
        clock: Clock::default(),
    };
    let evaluated = evaluation.run(DistanceSinks::default())?;
    Ok(evaluated.levels.into_iter().map(|level| level.silhouette.expect("asked for")).collect())
}

/// Sum of the silhouettes of every cluster, by definition.
fn naive(level: usize) -> Vec<f64> {
    let clustering = clustering();
    let labels = clustering.labels().swap_remove(level);
    let clusters = clustering.levels[level].0.len();
    let mut sums = vec![0.0; clusters];
    for (i, point) in clustering.points.iter().enumerate() {
        let own = labels[i].expect("every row has a label");
        let mut means = vec![(0.0, 0.0); clusters];
        for (j, other) in clustering.points.iter().enumerate().filter(|(j, _)| *j != i) {
            let squared: f64 = point.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
            let mean: &mut (f64, f64) = &mut means[labels[j].expect("every row has a label")];
            *mean = (mean.0 + squared.sqrt(), mean.1 + 1.0);
        }
        if means[own].1 > 0.0 {
            let a = means[own].0 / means[own].1;
            let others = means.iter().enumerate().filter(|(c, (_, count))| *c != own && *count > 0.0);
            let b = others.map(|(_, (sum, count))| sum / count).fold(f64::INFINITY, f64::min);
            sums[own] += (b - a) / a.max(b);
        }
    }
    sums
}

fn agree(got: &[Silhouettes]) -> bool {
    let close = |(got, want): (&f64, f64)| (got - want).abs() <= 1e-12 * want.abs().max(1.0);
    got.len() == 2 && got.iter().enumerate().all(|(level, got)| got.sums.iter().zip(naive(level)).all(close))
}

#[test]
fn tiles_of_any_size_give_the_silhouettes_of_the_definition() {
    for symmetric in [false, true] {
        for (outer, inner, lanes) in
            [(61, 61, 1), (1, 1, 2), (7, 3, 3), (8, 4, 2), (5, 50, 4), (64, 20, 2), (100, 7, 1)]
        {
            let tiling = DistanceTiling { outer, inner, lanes, symmetric };
            let got = silhouettes(tiling, Sampling::Exact, false).expect("runs");
            assert!(agree(&got), "{tiling:?}");
            assert_eq!(got[0].counts, [1, 20, 0, 2, 13, 1, 9, 0, 15], "{tiling:?}");
            assert_eq!((got[1].counts.as_slice(), got[1].standard_error), ([16, 20, 25].as_slice(), None));
        }
    }
}

#[test]
fn one_wrong_distance_is_noticed() {
    let tiling = DistanceTiling { outer: 7, inner: 3, lanes: 2, symmetric: true };
    let mut got = silhouettes(tiling, Sampling::Exact, false).expect("runs");
    got[1].sums[2] += 1e-9;
    assert!(!agree(&got));
    got[1].sums[2] = f64::NAN;
    assert!(!agree(&got));
}

#[test]
fn a_sample_has_the_silhouettes_of_its_points() {
    let exact = DistanceTiling { outer: 7, inner: 3, lanes: 2, symmetric: true };
    let all = silhouettes(exact, Sampling::Exact, false).expect("runs");
    let of_everything = Sampling::Sample { points: 61, seed: 3 };
    assert_eq!(silhouettes(exact, of_everything, false).expect("runs"), all);

    for seed in 0..5 {
        let sampling = Sampling::Sample { points: 20, seed };
        let got = silhouettes(exact, sampling, false).expect("runs");
        assert_eq!(silhouettes(exact, sampling, false).expect("runs"), got, "the same seed");
        for (level, all) in got.iter().zip(&all) {
            assert_eq!(level.counts.iter().sum::<u64>(), 20);
            let error = level.standard_error.expect("a sample has one");
            let mean = |s: &Silhouettes| s.sums.iter().sum::<f64>() / s.counts.iter().sum::<u64>() as f64;
            assert!(error > 0.0 && (mean(level) - mean(all)).abs() < 4.0 * error, "{level:?}");
        }
        // one point alone in its cluster: sampled or not, its silhouette is 0
        assert_eq!((got[0].sums[0], got[0].sums[5]), (0.0, 0.0));
    }
}

#[test]
fn the_error_of_one_lane_ends_the_run() {
    for symmetric in [false, true] {
        let tiling = DistanceTiling { outer: 7, inner: 3, lanes: 3, symmetric };
        let error = silhouettes(tiling, Sampling::Exact, true).expect_err("fails");
        assert!(error.to_string().contains("on fire"), "{error}");
    }
}
