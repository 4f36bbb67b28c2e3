//! A level whose clusters are split: each becomes up to `n_splits` clusters by a k-means of its own.

use ndarray::Array2;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::levels::{Build, Level};
use super::random::seed_of;
use super::steps::{Done, stored};
use super::words::Words;
use super::{Fit, SingleProcess, assign};
use crate::backend::Backend;
use crate::backend::cpu::CpuBackend;
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;
use crate::engine::points::{Held, Picked, Points};
use crate::formats::hierarchy_writer;
use crate::formats::pickle::Clusters;

/// Starts of each cluster's k-means, as upstream.
const INITS: u32 = 10;
/// Clusters of more bytes are not brought into memory: they are split one after another on the device.
const HELD_BYTES: usize = 256 << 20;

/// The clusters of a level, to be split.
pub(super) struct Split<'a> {
    pub(super) build: &'a Build<'a>,
    pub(super) level: &'a Level,
    /// Which level, from 1 on.
    pub(super) number: u32,
    /// All points of the level.
    pub(super) points: &'a dyn Points,
    pub(super) whole: &'a Done,
}

/// What has become of one cluster.
struct Part {
    /// `[parts, d]`, none of them empty.
    centroids: Array2<f64>,
    /// Members of each, those nearest to the centroid first.
    sorted: Clusters,
}

impl Split<'_> {
    /// Every member splits some of the clusters; all get all of it.
    pub(super) fn run(&self) -> Result<Done> {
        let Build { communicator, watch, .. } = *self.build;
        let clusters = self.whole.sorted.len();
        let mine: Vec<usize> = (communicator.rank()..clusters).step_by(communicator.size()).collect();
        tracing::info!("level {}: {clusters} clusters are split into at most {} each", self.number, self.level.splits);
        let progress = watch.begin("clusters split", mine.len() as u64, 0);
        let (held, large): (Vec<usize>, Vec<usize>) =
            mine.into_iter().partition(|&cluster| self.bytes(cluster) <= HELD_BYTES);
        let one = CpuBackend::new(std::num::NonZero::new(1));
        let mut parts = held
            .into_par_iter()
            .map(|cluster| {
                let part = self.split_held(cluster, &one)?;
                progress.advance(1);
                Ok((cluster, part))
            })
            .collect::<Result<Vec<(usize, Part)>>>()?;
        for cluster in large {
            let members = self.members(cluster);
            let picked = Picked { of: self.points, positions: &members };
            parts.push((cluster, self.split(cluster, &members, &picked, self.build.backend)?));
            progress.advance(1);
        }
        self.join(parts)
    }

    fn bytes(&self, cluster: usize) -> usize {
        self.whole.sorted.members_of(cluster).len().saturating_mul(self.points.row_bytes())
    }

    /// Ascending, as they are read.
    fn members(&self, cluster: usize) -> Vec<u64> {
        let mut members = self.whole.sorted.members_of(cluster).to_vec();
        members.sort_unstable();
        members
    }

    fn split_held(&self, cluster: usize, backend: &dyn Backend) -> Result<Part> {
        let members = self.members(cluster);
        let held = Held::read(&Picked { of: self.points, positions: &members })?;
        self.split(cluster, &members, &held, backend)
    }

    fn split(&self, cluster: usize, members: &[u64], points: &dyn Points, backend: &dyn Backend) -> Result<Part> {
        let Build { seed, init, tolerance, watch, .. } = *self.build;
        if watch.cancelled() {
            return Err(Error::interrupted());
        }
        let wanted = (self.level.splits as usize).min(members.len());
        if wanted == 0 {
            let nothing = Array2::zeros((0, self.points.dim()));
            return Ok(Part { centroids: nothing, sorted: Clusters::from_parts(vec![0], Vec::new()) });
        }
        let fit = Fit {
            points,
            backend,
            clusters: wanted,
            iterations: self.level.iterations,
            tolerance,
            init,
            inits: INITS,
            seed: seed_of(&[seed, self.number.into(), u64::MAX, cluster as u64]),
            communicator: &SingleProcess,
            watch: &Silent(watch),
            checkpoint: None,
        };
        let centroids = stored(fit.run()?.centroids, self.build.stored);
        let assigned = assign(points, backend, &centroids, &Silent(watch))?;
        let sorted =
            hierarchy_writer::sort_by_distance(hierarchy_writer::group(&assigned.labels, wanted), &assigned.squared);
        let full: Vec<usize> = (0..wanted).filter(|&part| !sorted.members_of(part).is_empty()).collect();
        let centroids = centroids.select(ndarray::Axis(0), &full);
        let (mut offsets, positions) = sorted.into_parts();
        // an empty part begins where the next does
        offsets.dedup();
        // positions are among the members
        let rows = positions.iter().map(|&at| members[to_usize(at)]).collect();
        Ok(Part { centroids, sorted: Clusters::from_parts(offsets, rows) })
    }

    /// The parts of all members, in the order of the clusters.
    fn join(&self, parts: Vec<(usize, Part)>) -> Result<Done> {
        let mut words = Words::default();
        for (cluster, part) in &parts {
            words.put(std::iter::once(*cluster as u64));
            words.put(part.sorted.offsets().iter().copied());
            words.put(part.sorted.members().iter().copied());
            let values: Vec<u64> = part.centroids.iter().map(|value| value.to_bits()).collect();
            words.put(values.into_iter());
        }
        let mut all = self.build.communicator.gather(words.into_bytes())?.concat();
        self.build.communicator.broadcast(&mut all)?;
        let mut words = Words::from_bytes(&all);
        let mut parts = Vec::new();
        while !words.is_over() {
            let cluster = words.take().first().copied().unwrap_or(u64::MAX);
            let offsets = words.take().to_vec();
            let members = words.take().to_vec();
            let values: Vec<f64> = words.take().iter().map(|&bits| f64::from_bits(bits)).collect();
            parts.push((cluster, offsets, members, values));
        }
        parts.sort_by_key(|part| part.0);
        let (mut ends, mut members, mut values) = (vec![0], Vec::new(), Vec::new());
        for (_, offsets, rows, centroids) in parts {
            let first = members.len() as u64;
            ends.extend(offsets.iter().skip(1).map(|end| first + end));
            members.extend(rows);
            values.extend(centroids);
        }
        let shape = (ends.len() - 1, self.points.dim());
        // as many values as parts have columns: they were matrices when they were put
        let centroids = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros((0, shape.1)));
        Ok(Done { centroids, sorted: Clusters::from_parts(ends, members) })
    }
}

/// Says nothing of thousands of small k-means, and stops with the whole.
struct Silent<'a>(&'a dyn crate::engine::progress::Progress);

impl crate::engine::progress::Progress for Silent<'_> {
    fn begin(&self, _: &'static str, _: u64, _: u64) -> Box<dyn crate::engine::progress::StageProgress + '_> {
        Box::new(Nobody)
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

struct Nobody;

impl crate::engine::progress::StageProgress for Nobody {
    fn advance(&self, _: u64) {}
}
