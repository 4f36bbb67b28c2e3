//! Splits the clusters of a level: each is clustered again, into up to `n_splits` clusters.

use ndarray::Array2;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::build::{Build, BuiltLevel, Level};
use super::random::path_seed;
use super::words::Words;
use super::{Fit, SingleProcess, assign, rounding};
use crate::backend::Backend;
use crate::backend::cpu::CpuBackend;
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;
use crate::engine::points::{Held, Picked, Points};
use crate::engine::progress::{Progress, StageProgress};
use crate::engine::resident_points::ResidentPoints;
use crate::formats::hierarchy_writer;
use crate::formats::pickle::Clusters;

/// Starts per cluster, as upstream.
const INITS: u32 = 10;
/// Clusters with more bytes are not loaded into memory. They are split one by one on the device.
const HELD_BYTES: usize = 256 << 20;

/// Splits the clusters of one level.
pub(super) struct Split<'a> {
    pub(super) build: &'a Build<'a>,
    pub(super) level: &'a Level,
    /// Number of the level, from 1.
    pub(super) number: u32,
    /// All points of the level.
    pub(super) points: &'a dyn Points,
    /// The clusters to split.
    pub(super) whole: &'a BuiltLevel,
}

/// The parts of one cluster.
struct Part {
    /// `[parts, d]`, without empty parts.
    centroids: Array2<f64>,
    /// Members of each part, nearest to the centroid first.
    sorted: Clusters,
}

impl Split<'_> {
    /// Each process splits some of the clusters; all processes return all parts.
    pub(super) fn run(&self) -> Result<BuiltLevel> {
        let Build { communicator, watch, .. } = *self.build;
        let clusters = self.whole.sorted.len();
        let mine: Vec<usize> = (communicator.rank()..clusters).step_by(communicator.size()).collect();
        tracing::info!("level {}: splitting {clusters} clusters into at most {} each", self.number, self.level.splits);
        let progress = watch.start_stage("clusters split", mine.len() as u64, 0);
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

    /// Members of a cluster, in reading order.
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
        let Build { seed, init, tolerance, spherical, watch, .. } = *self.build;
        if watch.cancelled() {
            return Err(Error::interrupted());
        }
        let wanted = (self.level.splits as usize).min(members.len());
        if wanted == 0 {
            let nothing = Array2::zeros((0, self.points.dim()));
            return Ok(Part { centroids: nothing, sorted: Clusters::from_parts(vec![0], Vec::new()) });
        }
        // the fit and the assignment read the same points
        let points = &ResidentPoints::new(points, backend, 1);
        let fit = Fit {
            points,
            backend,
            clusters: wanted,
            iterations: self.level.iterations,
            tolerance,
            spherical,
            init,
            inits: INITS,
            seed: path_seed(&[seed, self.number.into(), u64::MAX, cluster as u64]),
            communicator: &SingleProcess,
            watch: &Silent(watch),
            checkpoint: None,
        };
        let fitted = fit.run()?;
        let (exact, objective) = (fitted.centroids, fitted.objectives.last().copied().unwrap_or(0.0));
        let centroids = rounding::round_to(&exact, self.build.stored);
        let assigned = assign(points, backend, &centroids, &Silent(watch))?;
        rounding::check(self.number, &exact, &centroids, &assigned, objective, self.build.rounded_to(self.number))?;
        let sorted =
            hierarchy_writer::sort_by_distance(hierarchy_writer::group(&assigned.labels, wanted), &assigned.squared);
        let full: Vec<usize> = (0..wanted).filter(|&part| !sorted.members_of(part).is_empty()).collect();
        let centroids = centroids.select(ndarray::Axis(0), &full);
        let (mut offsets, positions) = sorted.into_parts();
        // an empty part starts where the next one does
        offsets.dedup();
        // positions are among the members
        let rows = positions.iter().map(|&at| members[to_usize(at)]).collect();
        Ok(Part { centroids, sorted: Clusters::from_parts(offsets, rows) })
    }

    /// Gathers the parts of all processes, in cluster order.
    fn join(&self, parts: Vec<(usize, Part)>) -> Result<BuiltLevel> {
        let mut words = Words::default();
        for (cluster, part) in &parts {
            words.push(std::iter::once(*cluster as u64));
            words.push(part.sorted.offsets().iter().copied());
            words.push(part.sorted.members().iter().copied());
            let values: Vec<u64> = part.centroids.iter().map(|value| value.to_bits()).collect();
            words.push(values.into_iter());
        }
        let mut all = self.build.communicator.gather(words.into_bytes())?.concat();
        self.build.communicator.broadcast(&mut all)?;
        let mut words = Words::from_bytes(&all);
        let mut parts = Vec::new();
        while !words.is_over() {
            let cluster = words.next_list().first().copied().unwrap_or(u64::MAX);
            let offsets = words.next_list().to_vec();
            let members = words.next_list().to_vec();
            let values: Vec<f64> = words.next_list().iter().map(|&bits| f64::from_bits(bits)).collect();
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
        // the values were matrices with this number of columns when they were written
        let centroids = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros((0, shape.1)));
        Ok(BuiltLevel { centroids, sorted: Clusters::from_parts(ends, members) })
    }
}

/// Suppresses the progress of thousands of small k-means, but forwards cancellation.
struct Silent<'a>(&'a dyn Progress);

impl Progress for Silent<'_> {
    fn start_stage(&self, _: &'static str, _: u64, _: u64) -> Box<dyn StageProgress + '_> {
        Box::new(NoProgress)
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

struct NoProgress;

impl StageProgress for NoProgress {
    fn advance(&self, _: u64) {}
}
