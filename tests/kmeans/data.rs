//! Points in memory, devices, and a naive k-means in float64.

use clustrata::backend::Backend;
use clustrata::backend::cpu::CpuBackend;
use clustrata::base::error::Result;
use clustrata::base::matrix::Dtype;
use clustrata::engine::points::Points;
use clustrata::kmeans::{Fit, Init, SingleProcess};

pub(crate) use clustrata::engine::progress::NoProgress;

pub(crate) use crate::drawn::{Random, Stored};

impl Stored {
    /// Normal data around `groups` random centres.
    pub(crate) fn groups(seed: u64, (n, dim): (usize, usize), groups: usize, offset: f64, dtype: Dtype) -> Stored {
        let mut random = Random(seed);
        let centres: Vec<f64> = (0..groups * dim).map(|_| 3.0 * random.normal()).collect();
        let mut values = Vec::new();
        for _ in 0..n {
            let group = random.below(groups);
            values.extend((0..dim).map(|column| offset + centres[group * dim + column] + random.normal()));
        }
        Stored::new(dtype, dim, &values)
    }
}

impl Points for Stored {
    fn len(&self) -> u64 {
        (self.bytes.len() / self.row_bytes()) as u64
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        out.copy_from_slice(&self.bytes[first as usize * self.row_bytes()..][..out.len()]);
        Ok(())
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        assert!(positions.is_sorted(), "positions are ascending");
        for (&position, out) in positions.iter().zip(out.chunks_mut(self.row_bytes())) {
            self.read(position, out)?;
        }
        Ok(())
    }
}

/// Devices by kind.
pub(crate) type Devices = Vec<(&'static str, Box<dyn Backend>)>;

/// All devices of this machine: the CPU, and the first GPU adapter if there is one.
pub(crate) fn devices() -> Devices {
    let mut devices: Devices = vec![("cpu", Box::new(CpuBackend::new(None)))];
    match clustrata::backend::select::open(&clustrata::backend::select::Choice::Gpu, &Default::default()) {
        Ok(selected) => devices.push(("gpu", selected.backend)),
        Err(_) => println!("skipped on a GPU backend: no Vulkan, Metal or DX12 adapter"),
    }
    devices
}

/// Default settings of a k-means.
pub(crate) fn fit<'a>(points: &'a dyn Points, backend: &'a dyn Backend, clusters: usize, iterations: u32) -> Fit<'a> {
    Fit {
        points,
        backend,
        clusters,
        iterations,
        tolerance: 0.0,
        spherical: false,
        init: Init::KmeansPlusPlus,
        inits: 1,
        seed: 7,
        communicator: &SingleProcess,
        watch: &NoProgress,
        checkpoint: None,
    }
}

pub(crate) fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// A naive implementation of Lloyd's algorithm.
pub(crate) struct Naive {
    pub(crate) centroids: Vec<Vec<f64>>,
    pub(crate) labels: Vec<usize>,
    pub(crate) objectives: Vec<f64>,
    pub(crate) moved: Vec<u64>,
}

impl Naive {
    pub(crate) fn run(points: &Stored, start: &[Vec<f64>], iterations: usize) -> Naive {
        let n = points.len() as usize;
        let (centroids, labels) = (start.to_vec(), vec![usize::MAX; n]);
        let mut naive = Naive { centroids, labels, objectives: Vec::new(), moved: Vec::new() };
        for _ in 0..iterations {
            let (labels, objective) = nearest(points, &naive.centroids);
            naive.objectives.push(objective);
            naive.moved.push(labels.iter().zip(&naive.labels).filter(|(a, b)| a != b).count() as u64);
            naive.labels = labels;
            for (cluster, centroid) in naive.centroids.iter_mut().enumerate() {
                let members: Vec<usize> = (0..n).filter(|&row| naive.labels[row] == cluster).collect();
                if members.is_empty() {
                    continue;
                }
                for (column, value) in centroid.iter_mut().enumerate() {
                    let sum: f64 = members.iter().map(|&row| points.row(row)[column]).sum();
                    *value = sum / members.len() as f64;
                }
            }
            if naive.moved.last() == Some(&0) {
                break;
            }
        }
        naive
    }
}

/// Labels (ties go to the lower index), and the objective.
pub(crate) fn nearest(points: &Stored, centroids: &[Vec<f64>]) -> (Vec<usize>, f64) {
    let mut objective = 0.0;
    let labels = (0..points.len() as usize).map(|row| {
        let mut best = (f64::INFINITY, 0);
        for (cluster, centroid) in centroids.iter().enumerate() {
            let distance = squared(points.row(row), centroid);
            if distance < best.0 {
                best = (distance, cluster);
            }
        }
        objective += best.0;
        best.1
    });
    (labels.collect(), objective)
}

pub(crate) fn rows(matrix: &ndarray::Array2<f64>) -> Vec<Vec<f64>> {
    matrix.outer_iter().map(|row| row.to_vec()).collect()
}
