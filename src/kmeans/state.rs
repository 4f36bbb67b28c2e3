//! Everything that an unfinished k-means is: what a checkpoint keeps, and what going on needs.

use ndarray::Array2;

use super::Fitted;
use super::bounds::{Bounds, Drifts};
use super::sums::Sums;
use crate::base::error::Result;

/// What a start is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Its first centroids are chosen.
    Seeding,
    /// Lloyd's iterations.
    Iterating,
}

/// An unfinished k-means of one member. Whatever stops it, it holds what was done up to `position`.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Nearly the mean of all points.
    pub(super) centre: Vec<f64>,
    /// Number of the start under way, from 0 on.
    pub(super) init: u32,
    /// What it is doing.
    pub(super) phase: Phase,
    /// Of the pass under way: points before this one are done.
    pub(super) position: u64,
    /// Seeding: centroids that all points were compared with, of those there are.
    pub(super) compared: usize,
    /// What is known of the points. While seeding, `upper` is the distance to the nearest centroid as measured.
    pub(super) bounds: Bounds,
    /// Those that points are compared with.
    pub(super) centroids: Array2<f64>,
    /// Seeding: which of all points they are.
    pub(super) chosen: Vec<u64>,
    /// How far they came since the pass before.
    pub(super) drifts: Drifts,
    /// Of this member's points.
    pub(super) sums: Sums,
    /// Points of this member that changed their cluster in the pass under way.
    pub(super) moving: u64,
    /// Points of this member that were searched for in it.
    pub(super) searching: u64,
    /// What the objective is before anything moves in the pass under way.
    pub(super) settled: f64,
    /// How it changes by what moves in the pass under way, of this member.
    pub(super) change: f64,
    /// Of the iterations that are over.
    pub(super) objectives: Vec<f64>,
    /// The same.
    pub(super) moved: Vec<u64>,
    /// The same.
    pub(super) searched: Vec<u64>,
    /// Distinct points, where the start under way found fewer than clusters.
    pub(super) distinct: Option<u64>,
    /// The best of the starts that are over.
    pub(super) best: Option<Fitted>,
}

impl State {
    /// Before the first start.
    pub(super) fn new(centre: Vec<f64>, points: usize, clusters: usize) -> Result<Self> {
        let dim = centre.len();
        Ok(State {
            centre,
            init: 0,
            phase: Phase::Seeding,
            position: 0,
            compared: 0,
            bounds: Bounds::unknown(points),
            centroids: Array2::zeros((0, dim)),
            chosen: Vec::new(),
            drifts: Drifts::none(clusters),
            sums: Sums::none(clusters, dim)?,
            moving: 0,
            searching: 0,
            change: 0.0,
            settled: 0.0,
            objectives: Vec::new(),
            moved: Vec::new(),
            searched: Vec::new(),
            distinct: None,
            best: None,
        })
    }

    /// A start is over: keeps the better result, and begins the next one.
    pub(super) fn next_start(&mut self, found: Fitted) -> Result<()> {
        let objective = |fitted: &Fitted| fitted.objectives.last().copied().unwrap_or(f64::INFINITY);
        let best = self.best.take().filter(|best| objective(best) <= objective(&found)).unwrap_or(found);
        let mut bounds = std::mem::take(&mut self.bounds);
        bounds.forget();
        let (centre, clusters) = (std::mem::take(&mut self.centre), self.sums.counts().len());
        let fresh = State::new(centre, 0, clusters)?;
        *self = State { init: self.init + 1, best: Some(best), bounds, ..fresh };
        Ok(())
    }

    /// The first centroids are there; no point has been compared with them.
    pub(super) fn begin_iterating(&mut self, centroids: Array2<f64>) {
        self.phase = Phase::Iterating;
        self.position = 0;
        self.drifts = Drifts::none(centroids.nrows());
        self.centroids = centroids;
        self.bounds.forget();
        self.chosen.clear();
    }
}
