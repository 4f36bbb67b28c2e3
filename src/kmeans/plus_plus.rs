//! k-means++ (Arthur and Vassilvitskii, SODA 2007), a batch of centroids at a time.
//!
//! Candidates are drawn independently, in proportion to D^2 before the batch. Each in turn is accepted with probability
//! `D^2 now / D^2 then`, where D^2 now includes the centroids accepted so far. This is rejection sampling (as in Cohen-Addad
//! et al., NeurIPS 2020): accepted candidates have exactly the distribution of k-means++, and only candidates have to be
//! measured. All points are then compared with the batch at the speed of a matrix product. A batch may be as large as all
//! previous ones together, so there are few batches.

use ndarray::Array2;
use rand::Rng as _;

use super::Fit;
use super::bounds::Bounds;
use super::distinct::DistinctRows;
use super::errors::defect;
use super::initial::{fetch, uniform};
use super::nonfinite::Nonfinite;
use super::pass::{Pass, search_finite};
use super::random::start_stream;
use super::shares::Shares;
use super::state::State;
use super::sums::{squared, whole};
use super::tile::{Cursor, Tile};
use crate::backend::Job;
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::MatrixView;
use crate::base::numeric::{as_real, to_f32, to_u32, to_usize};
use crate::engine::progress::StageProgress;
use crate::engine::tile_pipeline::{Reduce, TileSource};

/// A batch may always accept this many centroids.
const LEAST: usize = 8;

/// Maximum centroids per batch: candidates are compared with each other.
const MOST: usize = 1024;

/// Candidates per centroid that a batch may accept.
const CANDIDATES: usize = 2;

/// Rounds of k-means||.
const ROUNDS: u32 = 5;

/// Candidates per cluster that a round of k-means|| draws.
const OVERSAMPLING: usize = 2;

/// Number of the first random stream of the rounds of k-means||. Streams of batches are numbered by centroids chosen before,
/// which are fewer than 2^33.
const ROUNDS_STREAM: u64 = 1 << 40;

/// Compares all points with the centroids of a batch.
struct Compare<'a> {
    cursor: Cursor,
    position: &'a mut u64,
    bounds: &'a mut Bounds,
    /// Number of centroids before the batch.
    before: u32,
    nonfinite: Nonfinite,
}

impl TileSource for Compare<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        self.cursor.cut(rows, tile, |_| true)
    }
}

impl Reduce for Compare<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        for (&position, found) in tile.positions.iter().zip(&tile.nearest) {
            let point = to_usize(position);
            let distance = to_f32(found.squared[0].sqrt());
            if distance < self.bounds.upper[point] {
                self.bounds.upper[point] = distance;
                self.bounds.labels[point] = self.before + found.clusters[0];
            }
        }
        *self.position = tile.covers.end;
        self.nonfinite.extend(tile);
    }
}

/// Chooses points as centroids until there are `wanted`.
pub(super) struct Seeding<'a> {
    pub(super) fit: &'a Fit<'a>,
    pub(super) shares: &'a Shares,
    pub(super) wanted: usize,
    pub(super) progress: &'a dyn StageProgress,
    /// Hashes of the centroids chosen so far, which differ from each other. Kept between batches: hashing all centroids for
    /// each batch would take time in proportion to k^2. Not part of a checkpoint: after a resume, all are hashed at once.
    pub(super) known: DistinctRows,
}

impl Seeding<'_> {
    /// Centroids per cluster that the rounds of k-means|| draw.
    pub(super) const ROUNDS_DRAW: u64 = ROUNDS as u64 * OVERSAMPLING as u64;

    /// Compares all points with the last batch, and adds the next one. Returns false once at least
    /// as many as wanted, or all distinct points, are chosen and compared.
    pub(super) fn step(&mut self, state: &mut State) -> Result<bool> {
        self.catch_up(state)?;
        if state.chosen.len() >= self.wanted {
            return Ok(false);
        }
        let Some(batch) = self.draw(state)? else { return Ok(false) };
        let values = fetch(self.fit, self.shares, &batch)?;
        add(state, batch, values)?;
        Ok(true)
    }

    /// A round of k-means|| (Bahmani et al., VLDB 2012): compares all points with the last batch, and adds the distinct ones among
    /// as many points as the oversampling asks for, drawn independently by D^2. Returns false after the last round.
    pub(super) fn round(&mut self, state: &mut State) -> Result<bool> {
        self.catch_up(state)?;
        if state.rounds == ROUNDS {
            return Ok(false);
        }
        let mut random = start_stream(self.fit.seed, state.init, ROUNDS_STREAM + u64::from(state.rounds));
        let draws: Vec<f64> = (0..OVERSAMPLING * self.fit.clusters).map(|_| random.random()).collect();
        let Some((positions, _)) = self.candidates(state, &draws)? else { return Ok(false) };
        let values = fetch(self.fit, self.shares, &positions)?;
        self.known.extend(state.centroids.slice(ndarray::s![self.known.len().., ..]));
        let distinct: Vec<usize> =
            (0..positions.len()).filter(|&candidate| self.known.insert(values.row(candidate))).collect();
        let values = values.select(ndarray::Axis(0), &distinct);
        add(state, distinct.into_iter().map(|candidate| positions[candidate]).collect(), values)?;
        state.rounds += 1;
        Ok(true)
    }

    /// Chooses a first point, and compares all points with the last batch.
    fn catch_up(&self, state: &mut State) -> Result<()> {
        if state.chosen.is_empty() {
            state.chosen = uniform(&mut start_stream(self.fit.seed, state.init, 0), self.shares.points, 1);
            state.centroids = fetch(self.fit, self.shares, &state.chosen)?;
        }
        if state.compared < state.chosen.len() {
            self.compare(state)?;
            state.compared = state.chosen.len();
            state.position = 0;
        }
        Ok(())
    }

    fn compare(&self, state: &mut State) -> Result<()> {
        let points = self.fit.points;
        let batch = state.centroids.slice(ndarray::s![state.compared.., ..]);
        let job = Job {
            centre: state.centre.clone(),
            searched: vec![(0..).take(batch.nrows()).collect()],
            kept: points.kept(),
            ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(batch)])
        };
        let pass = Pass {
            points,
            backend: self.fit.backend,
            job: &job,
            checks_finite: state.compared == 0,
            watch: self.fit.watch,
            progress: self.progress,
            units: batch.nrows() as u64,
        };
        let compare = Compare {
            cursor: Cursor::new(points, state.position),
            position: &mut state.position,
            bounds: &mut state.bounds,
            // there are fewer than 2^32 clusters
            before: to_u32(state.compared),
            nonfinite: Nonfinite::default(),
        };
        let (compare, outcome) = pass.run(compare, search_finite);
        if !pass.checks_finite {
            return outcome;
        }
        compare.nonfinite.refuse(self.fit.communicator, points.len(), outcome)
    }

    /// Draws the next batch. Returns positions among all points, which differ from each other and from all chosen ones;
    /// `None` if no such point is left.
    fn draw(&mut self, state: &State) -> Result<Option<Vec<u64>>> {
        let taken = state.chosen.len();
        let most = (self.wanted - taken).min(taken.clamp(LEAST, MOST));
        let mut random = start_stream(self.fit.seed, state.init, taken as u64);
        let draws: Vec<f64> = (0..CANDIDATES * most).map(|_| random.random()).collect();
        let Some((positions, then)) = self.candidates(state, &draws)? else { return Ok(None) };
        let values = fetch(self.fit, self.shares, &positions)?;
        self.known.extend(state.centroids.slice(ndarray::s![self.known.len().., ..]));
        let mut batch: Vec<usize> = Vec::new();
        for (candidate, &then) in then.iter().enumerate() {
            let mut now = then;
            for &other in &batch {
                now = now.min(squared(values.row(candidate), values.row(other)));
            }
            // drawn for every candidate, so that later draws do not depend on which were rejected
            let accepted = random.random::<f64>() * then < now;
            // a device may measure a distance above 0 between equal rows
            if accepted && self.known.insert(values.row(candidate)) {
                batch.push(candidate);
            }
            if batch.len() == most {
                break;
            }
        }
        let batch: Vec<u64> = batch.into_iter().map(|candidate| positions[candidate]).collect();
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// Candidates among all points, drawn by D^2, and D^2 of each. `draws` are in [0, 1). `None` if D^2 is 0 everywhere.
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
            // distances are stored in float32 between passes
            let finding = Finding::new("the points are too far apart for float32 distances");
            let finding = finding.expected("distances below 3.4e38").hint("scale the embeddings down");
            return Err(Error::input(finding));
        }
        let start: f64 = totals[..communicator.rank()].iter().sum();
        let last = totals.iter().rposition(|&total| total > 0.0).unwrap_or(0);
        let end = if communicator.rank() == last { f64::INFINITY } else { start + totals[communicator.rank()] };
        // this process's draws, ascending
        let mut own: Vec<(f64, usize)> = draws.iter().map(|draw| draw * all).zip(0..).collect();
        own.retain(|(draw, _)| (start..end).contains(draw) && totals[communicator.rank()] > 0.0);
        own.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut found = vec![0.0; 2 * draws.len()];
        let mut put = |place: usize, point: u64, squared: f64| {
            found[place] = as_real(self.shares.own.start + point);
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
        // draws beyond the last point, due to rounding, select it
        own.for_each(|(_, place)| put(place, heavy.0, heavy.1));
        communicator.all_reduce(&mut found)?;
        let then = found.split_off(draws.len());
        Ok(Some((found.into_iter().map(whole).collect(), then)))
    }
}

/// Adds a batch of centroids.
fn add(state: &mut State, batch: Vec<u64>, values: Array2<f64>) -> Result<()> {
    state.centroids.append(ndarray::Axis(0), values.view()).map_err(|_| defect("columns differ"))?;
    state.chosen.extend(batch);
    Ok(())
}
