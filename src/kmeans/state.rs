//! The state of an unfinished k-means: the content of a checkpoint.

use ndarray::Array2;

use super::Fitted;
use super::bounds::Bounds;
use super::sums::Sums;
use crate::base::error::Result;

/// Phase of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Choosing initial centroids.
    Seeding,
    /// Lloyd's iterations.
    Iterating,
}

/// State of an unfinished k-means in one process. It is valid at any interruption: work up to `position` is included.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Estimated middle of all points, `[d]`.
    pub(super) centre: Vec<f64>,
    /// Number of the current start, from 0.
    pub(super) init: u32,
    /// Its phase.
    pub(super) phase: Phase,
    /// Position of the current pass: points before it are done.
    pub(super) position: u64,
    /// Seeding: number of centroids with which all points have been compared.
    pub(super) compared: usize,
    /// Seeding: number of rounds of k-means|| that have drawn.
    pub(super) rounds: u32,
    /// Labels and bounds of the points. While seeding, `upper` is the measured distance to the nearest centroid.
    pub(super) bounds: Bounds,
    /// Current centroids, `[k, d]`.
    pub(super) centroids: Array2<f64>,
    /// Seeding: positions of the centroids among all points.
    pub(super) chosen: Vec<u64>,
    /// Sums of this process's points.
    pub(super) sums: Sums,
    /// Points of this process that changed their cluster in the current pass.
    pub(super) moving: u64,
    /// Points of this process that were compared with the centroids in the current pass.
    pub(super) searching: u64,
    /// Objective before the current pass, with the points in their old clusters.
    pub(super) settled: f64,
    /// Change of the objective in the current pass, by this process's points.
    pub(super) change: f64,
    /// Largest squared distance of this process's points that changed their cluster since everything was summed.
    pub(super) farthest: f64,
    /// Largest objective since everything was summed.
    pub(super) peak: f64,
    /// Objective of each finished iteration.
    pub(super) objectives: Vec<f64>,
    /// Points that changed their cluster, per finished iteration.
    pub(super) moved: Vec<u64>,
    /// Points compared with the centroids, per finished iteration.
    pub(super) searched: Vec<u64>,
    /// Number of distinct points if the current start found fewer than the number of clusters.
    pub(super) distinct: Option<u64>,
    /// Result of the best finished start.
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
            rounds: 0,
            bounds: Bounds::unknown(points),
            centroids: Array2::zeros((0, dim)),
            chosen: Vec::new(),
            sums: Sums::none(clusters, dim)?,
            moving: 0,
            searching: 0,
            change: 0.0,
            settled: 0.0,
            farthest: 0.0,
            peak: 0.0,
            objectives: Vec::new(),
            moved: Vec::new(),
            searched: Vec::new(),
            distinct: None,
            best: None,
        })
    }

    /// Ends a start: keeps the better result and begins the next start.
    pub(super) fn next_start(&mut self, found: Fitted) -> Result<()> {
        let objective = |fitted: &Fitted| fitted.objectives.last().copied().unwrap_or(f64::INFINITY);
        let best = self.best.take().filter(|best| objective(best) <= objective(&found)).unwrap_or(found);
        let mut bounds = std::mem::take(&mut self.bounds);
        bounds.reset();
        let (centre, clusters) = (std::mem::take(&mut self.centre), self.sums.counts().len());
        let fresh = State::new(centre, 0, clusters)?;
        *self = State { init: self.init + 1, best: Some(best), bounds, ..fresh };
        Ok(())
    }

    /// Begins the iterations with initial centroids.
    pub(super) fn start_iterating(&mut self, centroids: Array2<f64>) {
        self.phase = Phase::Iterating;
        self.position = 0;
        self.centroids = centroids;
        self.bounds.reset();
        self.chosen.clear();
    }
}
