//! k-means++ (Arthur and Vassilvitskii, SODA 2007), a batch of centroids at a time.
//!
//! Candidates are drawn, independently, with probabilities in proportion to D^2 as it was before the batch. Each in turn is
//! taken with probability `D^2 now / D^2 then`, D^2 now being that to all centroids taken so far, and passed over otherwise.
//! What is taken has exactly the distribution of k-means++: it is rejection sampling (as Cohen-Addad et al., NeurIPS 2020,
//! use it), and only candidates have to be measured for it. All points are compared with a batch at the speed of a matrix
//! product, and as a batch may be as large as all batches before it, there are few.

use rand::Rng as _;

use super::Fit;
use super::bounds::Bounds;
use super::broken::{Broken, label_finite};
use super::centre::Members;
use super::distinct::DistinctRows;
use super::search::at;
use super::seed::{fetch, stream, uniform};
use super::state::State;
use super::sums::{squared, whole};
use crate::backend::{Job, Lane};
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::MatrixView;
use crate::base::numeric::{as_real, to_f32};
use crate::engine::progress::StageProgress;
use crate::engine::tile_pipeline::Reduce;
use crate::engine::tiles::{Cursor, Pass, Sweep, Tile};

/// A batch may take as many centroids as this even where there are fewer yet.
const LEAST: usize = 8;

/// A batch takes no more: candidates are measured against each other.
const MOST: usize = 1024;

/// Candidates for each centroid that a batch may take.
const CANDIDATES: usize = 2;

/// A batch: all points against its centroids.
struct Compare<'a> {
    cursor: Cursor,
    position: &'a mut u64,
    bounds: &'a mut Bounds,
    /// Centroids before the batch.
    before: u32,
    broken: Broken,
}

impl Pass for Compare<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        self.cursor.cut(rows, tile, |_| true)
    }
}

impl Reduce for Compare<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        for (&position, found) in tile.positions.iter().zip(&tile.nearest) {
            let point = at(position);
            let distance = to_f32(found.squared[0].sqrt());
            if distance < self.bounds.upper[point] {
                self.bounds.upper[point] = distance;
                self.bounds.labels[point] = self.before + found.clusters[0];
            }
        }
        *self.position = tile.covers.end;
        self.broken.extend(tile);
    }
}

/// What a lane does where all points of a tile are compared.
pub(super) fn compare_all(lane: &mut dyn Lane, tile: &mut Tile) -> Result<()> {
    tile.labels.clear();
    tile.labels.resize(tile.positions.len(), 0);
    lane.top2(0, &tile.labels, &mut tile.nearest)
}

/// Chooses centroids of all points, from `chosen` on, until there are `wanted`.
pub(super) struct Seeding<'a> {
    pub(super) fit: &'a Fit<'a>,
    pub(super) members: &'a Members,
    pub(super) wanted: usize,
    pub(super) progress: &'a dyn StageProgress,
}

impl Seeding<'_> {
    /// Compares all points with the last batch, and adds the next one. Returns false once there are as many as wanted, or one
    /// for every distinct point, and all are compared.
    pub(super) fn step(&self, state: &mut State) -> Result<bool> {
        if state.chosen.is_empty() {
            state.chosen = uniform(&mut stream(self.fit.seed, state.init, 0), self.members.points, 1);
            state.centroids = fetch(self.fit, self.members, &state.chosen)?;
        }
        if state.compared < state.chosen.len() {
            self.compare(state)?;
            state.compared = state.chosen.len();
            state.position = 0;
        }
        if state.chosen.len() == self.wanted {
            return Ok(false);
        }
        let Some(batch) = self.draw(state)? else { return Ok(false) };
        let values = fetch(self.fit, self.members, &batch)?;
        state.centroids.append(ndarray::Axis(0), values.view()).map_err(|_| super::fit::defect("columns differ"))?;
        state.chosen.extend(batch);
        Ok(true)
    }

    fn compare(&self, state: &mut State) -> Result<()> {
        let points = self.fit.points;
        let batch = state.centroids.slice(ndarray::s![state.compared.., ..]);
        let job = Job {
            centre: state.centre.clone(),
            searched: vec![(0..).take(batch.nrows()).collect()],
            ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(batch)])
        };
        let sweep = Sweep {
            points,
            backend: self.fit.backend,
            job: &job,
            watch: self.fit.watch,
            progress: self.progress,
            units: batch.nrows() as u64,
        };
        let pass = Compare {
            cursor: Cursor::new(state.position..points.len()),
            position: &mut state.position,
            bounds: &mut state.bounds,
            // fewer than 2^32 clusters
            before: u32::try_from(state.compared).unwrap_or(u32::MAX),
            broken: Broken::default(),
        };
        if state.compared > 0 {
            return sweep.run(pass, compare_all).1;
        }
        let (pass, outcome) = sweep.run(pass, |lane, tile| {
            label_finite(lane, tile)?;
            lane.top2(0, &tile.labels, &mut tile.nearest)
        });
        pass.broken.refuse(self.fit.communicator, points.len(), outcome)
    }

    /// Points of the next batch: they differ from each other and from all chosen before. `None` where no such point is left.
    fn draw(&self, state: &State) -> Result<Option<Vec<u64>>> {
        let taken = state.chosen.len();
        let most = (self.wanted - taken).min(taken.clamp(LEAST, MOST));
        let mut random = stream(self.fit.seed, state.init, taken as u64);
        let draws: Vec<f64> = (0..CANDIDATES * most).map(|_| random.random()).collect();
        let Some((positions, then)) = self.candidates(state, &draws)? else { return Ok(None) };
        let values = fetch(self.fit, self.members, &positions)?;
        let mut known = DistinctRows::of(state.centroids.view());
        let mut batch: Vec<usize> = Vec::new();
        for (candidate, &then) in then.iter().enumerate() {
            let mut now = then;
            for &other in &batch {
                now = now.min(squared(values.row(candidate), values.row(other)));
            }
            // drawn for every candidate, so that what comes later does not depend on what was passed over
            let accepted = random.random::<f64>() * then < now;
            // a device may measure a distance above 0 between equal rows
            if accepted && known.insert(values.row(candidate)) {
                batch.push(candidate);
            }
            if batch.len() == most {
                break;
            }
        }
        let batch: Vec<u64> = batch.into_iter().map(|candidate| positions[candidate]).collect();
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// Points of all members, drawn by D^2, and D^2 of each; `draws` are between 0 and 1. `None` where D^2 is 0 everywhere.
    fn candidates(&self, state: &State, draws: &[f64]) -> Result<Option<(Vec<u64>, Vec<f64>)>> {
        let weights = || state.bounds.upper.iter().map(|&distance| f64::from(distance).powi(2));
        let communicator = self.fit.communicator;
        let mut totals = vec![0.0; communicator.size()];
        totals[communicator.rank()] = weights().sum();
        communicator.all_reduce(&mut totals)?;
        let all: f64 = totals.iter().sum();
        if all <= 0.0 {
            return Ok(None);
        }
        if !all.is_finite() {
            // distances are kept in float32 between passes
            let finding = Finding::new("the points lie too far apart to be told apart by their distances");
            let finding = finding.expected("distances below 3.4e38").hint("scale the embeddings down");
            return Err(Error::input(finding));
        }
        let start: f64 = totals[..communicator.rank()].iter().sum();
        let last = totals.iter().rposition(|&total| total > 0.0).unwrap_or(0);
        let end = if communicator.rank() == last { f64::INFINITY } else { start + totals[communicator.rank()] };
        // this member's draws, ascending
        let mut own: Vec<(f64, usize)> = draws.iter().map(|draw| draw * all).zip(0..).collect();
        own.retain(|(draw, _)| (start..end).contains(draw) && totals[communicator.rank()] > 0.0);
        own.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut found = vec![0.0; 2 * draws.len()];
        let mut put = |place: usize, point: u64, squared: f64| {
            found[place] = as_real(self.members.own.start + point);
            found[draws.len() + place] = squared;
        };
        let mut own = own.into_iter().peekable();
        let mut reached = start;
        let mut heavy = (0, 0.0);
        for (point, weight) in (0..).zip(weights()) {
            reached += weight;
            if weight > 0.0 {
                heavy = (point, weight);
            }
            while let Some((_, place)) = own.next_if(|(draw, _)| *draw < reached) {
                put(place, point, weight);
            }
        }
        // what rounding left beyond the last point is its
        own.for_each(|(_, place)| put(place, heavy.0, heavy.1));
        communicator.all_reduce(&mut found)?;
        let then = found.split_off(draws.len());
        Ok(Some((found.into_iter().map(whole).collect(), then)))
    }
}
