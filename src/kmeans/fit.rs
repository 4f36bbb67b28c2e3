//! One k-means from its start to its end.

use std::time::Instant;

use ndarray::{Array2, Axis};

use super::bounds::Drifts;
use super::centre::{Members, near_mean};
use super::distinct::{first_of_each, padded};
use super::plus_plus::Seeding;
use super::search::{Search, at, search};
use super::seed::{fetch, stream, uniform};
use super::state::{Phase, State};
use super::sums::whole;
use super::{Fit, Fitted, Init, checkpoint, merge};
use crate::backend::{Job, UNLABELLED};
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::MatrixView;
use crate::base::numeric::as_real;
use crate::engine::checkpoint::on_the_way;
use crate::engine::progress::StageProgress;
use crate::engine::tiles::Sweep;

impl Fit<'_> {
    /// Clusters the points. All members of the communicator find the same.
    ///
    /// # Errors
    /// `Usage` where there are fewer points than clusters, `Input` where points are not finite; `Paused` where the run was
    /// asked to stop and its state has been kept; what the disk, the device or the communicator says.
    pub fn run(&self) -> Result<Fitted> {
        let members = Members::meet(self.communicator, self.points.len())?;
        self.check(&members)?;
        let mut state = match checkpoint::load(self)? {
            Some(state) => state,
            None => State::new(near_mean(self)?, at(self.points.len()), self.clusters)?,
        };
        let run = Run { fit: self, members };
        run.all_starts(&mut state).map_err(|error| checkpoint::stopped(self, error, &state))
    }

    fn check(&self, members: &Members) -> Result<()> {
        let wrong = |what: &str, expected: String, found: String| {
            Err(Error::usage(Finding::new(what).expected(expected).found(found).hint("ask for another number")))
        };
        if self.clusters == 0 || self.clusters >= UNLABELLED as usize {
            return wrong(
                "a number of clusters is impossible",
                format!("1 to {}", UNLABELLED - 1),
                self.clusters.to_string(),
            );
        }
        if self.clusters as u64 > members.points {
            let expected = format!("at most as many as there are points: {}", members.points);
            return wrong("there are more clusters than points", expected, format!("{} clusters", self.clusters));
        }
        Ok(())
    }
}

/// Refuses centroids and points of different lengths.
pub(super) fn check_columns(points: usize, centroids: usize) -> Result<()> {
    if points == centroids {
        return Ok(());
    }
    let finding = Finding::new("points and centroids have different numbers of columns");
    Err(Error::input(
        finding.expected(points.to_string()).found(centroids.to_string()).hint("take those that belong together"),
    ))
}

/// A promise between parts of this program that was not kept.
pub(super) fn defect(what: &str) -> Error {
    Error::failed(Finding::new(format!("k-means: {what}")).hint("this is a defect of the program: please report it"))
}

/// A k-means under way.
pub(super) struct Run<'a> {
    pub(super) fit: &'a Fit<'a>,
    pub(super) members: Members,
}

impl Run<'_> {
    /// What is left of all starts, and the best of them.
    pub(super) fn all_starts(&self, state: &mut State) -> Result<Fitted> {
        let mut since = Instant::now();
        while state.init < self.fit.inits.max(1) {
            if state.phase == Phase::Seeding {
                self.seed(state, &mut since)?;
            }
            let found = self.iterate(state, &mut since)?;
            state.next_start(found)?;
        }
        state.best.take().ok_or_else(|| defect("no start was made"))
    }

    fn seed(&self, state: &mut State, since: &mut Instant) -> Result<()> {
        let Fit { clusters, seed, .. } = *self.fit;
        let random = self.fit.init == Init::Random;
        if random && state.chosen.is_empty() {
            let chosen = uniform(&mut stream(seed, state.init, 0), self.members.points, clusters);
            let rows = fetch(self.fit, &self.members, &chosen)?;
            let first = first_of_each(rows.view());
            state.centroids = rows.select(Axis(0), &first);
            state.chosen = first.into_iter().map(|place| chosen[place]).collect();
        }
        if random && state.chosen.len() == clusters {
            let centroids = std::mem::take(&mut state.centroids);
            state.begin_iterating(centroids);
            return Ok(());
        }
        // k-means++ draws twice as many as wanted, to be merged; of a random start it only replaces repeated rows
        let wanted = if random { clusters } else { at(self.members.points.min(2 * clusters as u64)) };
        let progress = self.fit.watch.begin("k-means++", self.fit.points.len() * wanted as u64, 0);
        let seeding = Seeding { fit: self.fit, members: &self.members, wanted, progress: progress.as_ref() };
        while seeding.step(state)? {
            self.keep_now_and_then(state, since)?;
        }
        let found = state.chosen.len();
        state.distinct = (found < clusters).then_some(found as u64);
        let centroids = match found > clusters {
            true => merge::merged(self.fit, state, progress.as_ref())?,
            false => padded(&state.centroids, clusters),
        };
        state.begin_iterating(centroids);
        Ok(())
    }

    fn iterate(&self, state: &mut State, since: &mut Instant) -> Result<Fitted> {
        let Fit { iterations, points, .. } = *self.fit;
        let progress = self.fit.watch.begin("k-means", points.len() * u64::from(iterations), points.row_bytes() as u64);
        let mut converged = false;
        while state.objectives.len() < iterations as usize && !converged {
            self.iteration(state, progress.as_ref())?;
            converged = self.has_converged(state);
            if !converged {
                self.keep_now_and_then(state, since)?;
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

    /// Finds the nearest centroids, and moves these to the means of their points.
    fn iteration(&self, state: &mut State, progress: &dyn StageProgress) -> Result<()> {
        // beside the state, which the pass changes
        let centroids = std::mem::take(&mut state.centroids);
        let outcome = self.search_all(state, &centroids, progress);
        state.centroids = centroids;
        outcome?;
        let mut all = [as_real(state.moving), as_real(state.searching), state.change];
        self.fit.communicator.all_reduce(&mut all)?;
        let [moved, searched, change] = all;
        let sums = state.sums.over(self.fit.communicator)?;
        let means = sums.means(&state.centre, &state.centroids);
        let gain = sums.gain(&state.centroids, &means);
        drop(sums);
        // rounding may leave less than nothing of an objective that is 0
        let objective = (state.settled + change).max(0.0);
        state.settled = objective - gain;
        state.drifts = Drifts::between(state.centroids.view(), means.view());
        state.centroids = means;
        state.objectives.push(objective);
        state.moved.push(whole(moved));
        state.searched.push(whole(searched));
        (state.moving, state.searching, state.change) = (0, 0, 0.0);
        state.position = 0;
        Ok(())
    }

    /// The pass of an iteration.
    fn search_all(&self, state: &mut State, centroids: &Array2<f64>, progress: &dyn StageProgress) -> Result<()> {
        let Fit { points, backend, watch, .. } = *self.fit;
        let job = Job {
            centre: state.centre.clone(),
            searched: vec![(0..).take(centroids.nrows()).collect()],
            sums: true,
            ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(centroids.view())])
        };
        let sweep = Sweep { points, backend, job: &job, watch, progress, units: 1 };
        let first = state.objectives.is_empty();
        let pass = Search::new(state, centroids.view());
        let (pass, outcome) = sweep.run(pass, |lane, tile| search(lane, tile, first));
        if first { pass.broken.refuse(self.fit.communicator, points.len(), outcome) } else { outcome }
    }

    /// Whether the last iteration gained less than the tolerance, or left nothing that another one could change.
    fn has_converged(&self, state: &State) -> bool {
        let gained = match state.objectives[..] {
            [.., before, now] => before - now < self.fit.tolerance * before,
            _ => false,
        };
        gained || state.moved.last() == Some(&0)
    }

    /// Writes a checkpoint where it is time; all members do, or none, so that theirs go together.
    fn keep_now_and_then(&self, state: &State, since: &mut Instant) -> Result<()> {
        let Some(checkpoint) = &self.fit.checkpoint else { return Ok(()) };
        let mut due = [f64::from(u8::from(self.fit.communicator.rank() == 0 && since.elapsed() >= checkpoint.every))];
        self.fit.communicator.all_reduce(&mut due)?;
        if due[0] > 0.0 {
            on_the_way(checkpoint::store(self.fit, checkpoint, state));
            *since = Instant::now();
        }
        Ok(())
    }
}
