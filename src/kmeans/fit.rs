//! Runs one k-means.

use std::time::Instant;

use ndarray::Array2;

use super::bounds::{Drifts, Slack};
use super::centre::near_middle;
use super::errors::defect;
use super::pass::Pass;
use super::recount::{in_doubt, recount};
use super::search::{Search, search};
use super::shares::Shares;
use super::state::{Phase, State};
use super::sums::whole;
use super::{Fit, Fitted, checkpoint, spherical, start};
use crate::backend::{Job, UNLABELLED};
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::MatrixView;
use crate::base::numeric::{as_real, to_usize};
use crate::engine::checkpoint_store::warn_if_failed;
use crate::engine::points::Points;
use crate::engine::progress::StageProgress;
use crate::engine::resident_points::ResidentPoints;

impl Fit<'_> {
    /// Clusters the points. All processes return the same result.
    ///
    /// # Errors
    /// `Usage` for fewer points than clusters; `Input` for non-finite points; `Paused` if the run was asked to stop and a
    /// checkpoint was stored; errors of the disk, the device and the communicator.
    pub fn run(&self) -> Result<Fitted> {
        let shares = Shares::exchange(self.communicator, self.points.len())?;
        self.check(&shares)?;
        let points = ResidentPoints::new(self.points, self.backend, 1);
        let fit = &Fit { points: &points, checkpoint: self.checkpoint.clone(), ..*self };
        let mut state = match checkpoint::load(fit)? {
            Some(state) => state,
            None => State::new(near_middle(fit)?, to_usize(points.len()), self.clusters)?,
        };
        let run = Run { fit, shares };
        run.all_starts(&mut state).map_err(|error| checkpoint::store_on_stop(fit, error, &state))
    }

    fn check(&self, shares: &Shares) -> Result<()> {
        let wrong = |what: &str, expected: String, found: String| {
            Err(Error::usage(Finding::new(what).expected(expected).found(found).hint("change the number of clusters")))
        };
        if self.clusters == 0 || self.clusters >= UNLABELLED as usize {
            return wrong("invalid number of clusters", format!("1 to {}", UNLABELLED - 1), self.clusters.to_string());
        }
        if self.clusters as u64 > shares.points {
            let expected = format!("at most one cluster per point: {}", shares.points);
            return wrong("there are more clusters than points", expected, format!("{} clusters", self.clusters));
        }
        Ok(())
    }
}

/// A k-means in progress.
pub(super) struct Run<'a> {
    pub(super) fit: &'a Fit<'a>,
    pub(super) shares: Shares,
}

impl Run<'_> {
    /// Runs the remaining starts, and returns the best result.
    pub(super) fn all_starts(&self, state: &mut State) -> Result<Fitted> {
        let mut since = Instant::now();
        while state.init < self.fit.inits.max(1) {
            if state.phase == Phase::Seeding {
                let mut save = |state: &State| self.checkpoint_if_due(state, &mut since);
                start::seed(self.fit, &self.shares, state, &mut save)?;
            }
            let found = self.iterate(state, &mut since)?;
            state.next_start(found)?;
        }
        state.best.take().ok_or_else(|| defect("no start was made"))
    }

    fn iterate(&self, state: &mut State, since: &mut Instant) -> Result<Fitted> {
        let Fit { iterations, points, .. } = *self.fit;
        let progress =
            self.fit.watch.start_stage("k-means", points.len() * u64::from(iterations), points.row_bytes() as u64);
        let mut converged = false;
        while state.objectives.len() < iterations as usize && !converged {
            self.iteration(state, progress.as_ref())?;
            progress.iteration(state.objectives.len() as u64, u64::from(iterations));
            converged = self.has_converged(state);
            if !converged {
                self.checkpoint_if_due(state, since)?;
            }
        }
        let all = state.sums.over(self.fit.communicator)?;
        Ok(Fitted {
            empty: if state.objectives.is_empty() { 0 } else { all.empty() },
            centroids: std::mem::take(&mut state.centroids),
            objectives: std::mem::take(&mut state.objectives),
            moved: std::mem::take(&mut state.moved),
            searched: std::mem::take(&mut state.searched),
            converged,
            distinct: state.distinct,
        })
    }

    /// Assigns points to their nearest centroids, and moves the centroids to the means, or to norm 1 in their direction.
    fn iteration(&self, state: &mut State, progress: &dyn StageProgress) -> Result<()> {
        // the pass borrows the state mutably
        let centroids = std::mem::take(&mut state.centroids);
        let outcome = self.search_all(state, &centroids, progress);
        state.centroids = centroids;
        outcome?;
        // the sum over the processes is at least the largest of their largest squares
        let mut all = [as_real(state.moving), as_real(state.searching), state.change, state.farthest];
        self.fit.communicator.all_reduce(&mut all)?;
        let [moved, searched, change, farthest] = all;
        // rounding may make an objective of 0 negative
        let mut objective = (state.settled + change).max(0.0);
        if in_doubt(objective, self.shares.points, farthest, state.peak) {
            objective = self.measure(state, progress)?;
        }
        state.peak = state.peak.max(objective);
        let sums = state.sums.over(self.fit.communicator)?;
        let mut means = sums.means(&state.centroids);
        let norms = match self.fit.spherical {
            true => spherical::project(&mut means, &state.centroids, sums.counts()),
            false => vec![1.0; means.nrows()],
        };
        let gain = sums.gain(&state.centroids, &means, &norms);
        drop(sums);
        state.settled = objective - gain;
        state.bounds.drift(&Drifts::between(state.centroids.view(), means.view()));
        state.centroids = means;
        state.objectives.push(objective);
        state.moved.push(whole(moved));
        state.searched.push(whole(searched));
        (state.moving, state.searching, state.change) = (0, 0, 0.0);
        state.position = 0;
        Ok(())
    }

    /// Measures the state's sums anew, and returns the objective.
    fn measure(&self, state: &mut State, progress: &dyn StageProgress) -> Result<f64> {
        let (sums, squares) = recount(self.fit, state, &state.centroids, true, progress)?;
        let mut objective = [squares];
        self.fit.communicator.all_reduce(&mut objective)?;
        (state.sums, state.farthest, state.peak) = (sums, 0.0, 0.0);
        Ok(objective[0])
    }

    /// The pass of one iteration.
    fn search_all(&self, state: &mut State, centroids: &Array2<f64>, progress: &dyn StageProgress) -> Result<()> {
        let Fit { points, backend, watch, .. } = *self.fit;
        let job = Job {
            centre: state.centre.clone(),
            searched: vec![(0..).take(centroids.nrows()).collect()],
            sums: true,
            kept: points.kept(),
            ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(centroids.view())])
        };
        let checks_finite = state.objectives.is_empty();
        let pass = Pass { points, backend, job: &job, checks_finite, watch, progress, units: 1 };
        let slack = Slack::of(centroids.view(), backend.distance_error(points.dim()));
        let (reducer, outcome) = pass.run(Search::new(points, state), |lane, tile| search(lane, tile, slack));
        if checks_finite { reducer.nonfinite.refuse(self.fit.communicator, points.len(), outcome) } else { outcome }
    }

    /// Whether the last iteration gained less than the tolerance, or moved no point.
    fn has_converged(&self, state: &State) -> bool {
        let gained = match state.objectives[..] {
            // rounding may raise the objective a little, so tolerance 0 must not compare
            [.., before, now] => self.fit.tolerance > 0.0 && before - now < self.fit.tolerance * before,
            _ => false,
        };
        gained || state.moved.last() == Some(&0)
    }

    /// Stores a checkpoint if one is due. Rank 0 decides for all processes, so that their checkpoints match.
    fn checkpoint_if_due(&self, state: &State, since: &mut Instant) -> Result<()> {
        let Some(checkpoint) = &self.fit.checkpoint else { return Ok(()) };
        let mut due = [f64::from(u8::from(self.fit.communicator.rank() == 0 && since.elapsed() >= checkpoint.every))];
        self.fit.communicator.all_reduce(&mut due)?;
        if due[0] > 0.0 {
            warn_if_failed(checkpoint::store(self.fit, checkpoint, state));
            *since = Instant::now();
        }
        Ok(())
    }
}
