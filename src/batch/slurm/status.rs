//! The status of a run: from its files first, from the queue second.
//!
//! A part is done when its file exists and the checksum holds; nothing else counts. The queue says what is waiting or
//! running. For the rest, each job's script records its start and its exit code. Accounting (sacct) is not used: many
//! sites have none.

use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use super::failure::{self, Evidence};
use super::folder::{JobFolder, Mark, Marks};
use super::kmeans_progress;
use super::piece::{Piece, State};
use super::queue::{Entry, Queue};
use super::steps::shown;
use super::submission::{Step, Submission};
use crate::base::error::{Finding, Kind, Result};
use crate::formats::folder::RECORD;
use crate::plan::record::KmeansRecord;
use crate::run::parts::{self, PartState, Progress};

/// One shard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShardStatus {
    /// From 1.
    pub shard: u64,
    /// Its rows.
    pub rows: Range<u64>,
    /// Whether its first round is complete.
    pub first_done: bool,
    /// Whether its second round is complete; true if there is none.
    pub second_done: bool,
    /// Its state.
    #[serde(flatten)]
    pub piece: Piece,
}

/// A submitted run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// Sweep and run.
    pub name: String,
    /// The state of the whole run.
    pub state: State,
    /// Its shards; empty if it is one job.
    pub shards: Vec<ShardStatus>,
    /// The job that finishes it: the merge, or the run itself.
    pub last: Piece,
    /// Queued and running jobs.
    pub active_jobs: Vec<u64>,
    /// Why squeue gave no answer.
    pub queue_unknown: Option<String>,
    /// The folder it was submitted in, if it has been moved or copied since. Its jobs and scripts use that folder.
    pub moved_from: Option<PathBuf>,
    /// Whether it was started on this machine, without Slurm.
    pub local: bool,
    /// Whether it is done, but failed a gate.
    pub gate_failed: bool,
    /// Hours of all jobs whose end is known, also of those that were repeated.
    pub hours: f64,
}

impl RunStatus {
    /// The status of a run.
    ///
    /// # Errors
    /// `Failed` if its folder can't be listed.
    pub fn of(folder: &JobFolder, submission: &Submission) -> Result<RunStatus> {
        let marks = folder.marks();
        let queue = Queue::query(&jobs_of(submission, &marks));
        Self::of_one(folder, submission, marks, &queue)
    }

    /// The status of many runs, with one query to Slurm. An unreadable run does not affect the others.
    pub fn of_all(runs: &[(&JobFolder, &Submission)]) -> Vec<Result<RunStatus>> {
        let marks: Vec<Marks> = runs.iter().map(|(folder, _)| folder.marks()).collect();
        let jobs = runs.iter().zip(&marks).flat_map(|((_, submission), marks)| jobs_of(submission, marks));
        let queue = Queue::query(&jobs.collect::<Vec<u64>>());
        let both = runs.iter().zip(marks);
        both.map(|(&(folder, submission), marks)| Self::of_one(folder, submission, marks, &queue)).collect()
    }

    fn of_one(
        folder: &JobFolder,
        submission: &Submission,
        marks: Marks,
        queue: &Result<Queue, String>,
    ) -> Result<RunStatus> {
        let parts = parts::survey(folder.out())?;
        let complete = is_complete(folder, submission);
        let moved_from = folder.moved_from(submission);
        // its jobs use the other folder
        let elsewhere = moved_from.is_some().then(|| Ok(Queue::default()));
        let queue = elsewhere.as_ref().unwrap_or(queue);
        Ok(View { folder, submission, marks, queue, parts, complete, moved_from }.status())
    }

    /// Shards without a complete first round, and shards without a complete second round.
    pub fn open_shards(&self) -> (Vec<u64>, Vec<u64>) {
        let open = |done: fn(&ShardStatus) -> bool| {
            self.shards.iter().filter(|shard| !done(shard)).map(|shard| shard.shard).collect()
        };
        (open(|shard| shard.first_done), open(|shard| shard.second_done))
    }

    /// What to change before what failed is submitted again.
    pub(super) fn fixes(&self) -> impl Iterator<Item = &str> {
        let pieces = self.shards.iter().map(|shard| &shard.piece).chain([&self.last]);
        pieces.filter_map(|piece| piece.fix.as_deref())
    }

    /// The number of shards in a state.
    pub fn count(&self, state: State) -> usize {
        self.shards.iter().filter(|shard| shard.piece.state == state).count()
    }
}

/// Refuses to submit a run that was moved: its scripts name another folder.
pub fn refuse_moved(folder: &JobFolder, status: &RunStatus) -> Result<(), Finding> {
    let Some(there) = &status.moved_from else { return Ok(()) };
    let finding = Finding::new("the run was moved or copied, but its scripts use the old folder").file(folder.out());
    let hint = "continue in that folder, or start over in this one: clustrata submit SPEC --overwrite";
    Err(finding.found(shown(there)).hint(hint))
}

/// Refuses to submit while jobs of the run are queued or running, or if that is unknown.
pub fn refuse_active(folder: &JobFolder, status: &RunStatus) -> Result<(), Finding> {
    let refused = |what, found: String| Finding::new(what).file(folder.out()).found(found);
    if let Some(why) = &status.queue_unknown {
        let refused = refused("can't tell whether jobs of the run are still queued or running", why.clone());
        return Err(refused.hint("submit where squeue works"));
    }
    if status.active_jobs.is_empty() {
        return Ok(());
    }
    let jobs = status.active_jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    let refused = refused("jobs of the run are still queued or running", format!("jobs {jobs}"));
    Err(refused.hint(format!("wait for them, or cancel them: scancel {jobs}")))
}

/// Every job ever submitted for a run. Includes jobs submitted by hand, once they have started.
fn jobs_of(submission: &Submission, marks: &Marks) -> Vec<u64> {
    jobs_of_steps(submission, marks, &[Step::Kmeans, Step::Whole, Step::First, Step::Second, Step::Merge])
}

fn jobs_of_steps(submission: &Submission, marks: &Marks, steps: &[Step]) -> Vec<u64> {
    let submitted = submission.jobs.iter().filter(|job| steps.contains(&job.step)).map(|job| job.job);
    let mut jobs: Vec<u64> = submitted.chain(marks.jobs(steps)).collect();
    jobs.sort_unstable();
    jobs.dedup();
    jobs
}

/// Everything that the status of a run is derived from.
struct View<'a> {
    folder: &'a JobFolder,
    submission: &'a Submission,
    marks: Marks,
    queue: &'a Result<Queue, String>,
    parts: Vec<PartState>,
    complete: bool,
    moved_from: Option<PathBuf>,
}

impl View<'_> {
    fn status(&self) -> RunStatus {
        let layout = self.submission.layout;
        let in_parts = layout.shards > 1;
        let shards: Vec<ShardStatus> =
            if in_parts { (1..=layout.shards).map(|shard| self.shard(shard)).collect() } else { Vec::new() };
        let step = if in_parts { Step::Merge } else { self.submission.only_step() };
        let last = match self.complete {
            true => Piece::new(State::Done, self.failed_gate(step)),
            false if in_parts => self.of_jobs(&[step], None, false),
            false => {
                let all = self.parts.iter().find(|part| part.rows == (0..layout.rows));
                let files = match step {
                    Step::Kmeans => kmeans_progress::progress(self.folder.out()),
                    _ => all.map(|part| progress(part, part.first == Progress::Done)).unwrap_or_default(),
                };
                let damaged = all.is_some_and(|part| is_damaged(part, part.first == Progress::Done));
                self.of_jobs(&[step], None, !files.is_empty()).with(files, damaged)
            }
        };
        RunStatus {
            name: self.submission.name.clone(),
            gate_failed: !last.detail.is_empty() && last.state == State::Done,
            hours: self.marks.seconds() / 3600.0,
            state: whole(&shards, &last),
            shards,
            last,
            active_jobs: self
                .queue
                .as_ref()
                .map_or(Vec::new(), |queue| queue.active(&jobs_of(self.submission, &self.marks))),
            queue_unknown: self.queue.as_ref().err().cloned(),
            moved_from: self.moved_from.clone(),
            local: self.submission.jobs.is_empty()
                && self.marks.of(Step::Whole, None).is_some_and(|mark| mark.job == 0),
        }
    }

    fn shard(&self, shard: u64) -> ShardStatus {
        let rows = self.submission.layout.rows_of(shard);
        let part = self.parts.iter().find(|part| part.rows == rows);
        let done = |progress: &Progress| *progress == Progress::Done;
        // `merge` may have removed the parts
        let first_done = self.complete || part.is_some_and(|part| done(&part.first));
        let second_done = self.complete || self.submission.rounds < 2 || part.is_some_and(|part| done(&part.second));
        let piece = if first_done && second_done {
            Piece::new(State::Done, String::new())
        } else {
            let task = self.submission.layout.task_of(shard);
            let files = part.map(|part| progress(part, first_done)).unwrap_or_default();
            let damaged = part.is_some_and(|part| is_damaged(part, first_done));
            self.of_jobs(&[Step::First, Step::Second], Some(task), !files.is_empty()).with(files, damaged)
        };
        ShardStatus { shard, rows, first_done, second_done, piece }
    }

    /// Why the last job of a complete run did not exit with 0; empty if it did. The exit code of a failed gate comes after the
    /// results.
    fn failed_gate(&self, step: Step) -> String {
        let Some(mark) = self.marks.of(step, None).filter(|mark| mark.ended == Some(Kind::Gate.exit_code())) else {
            return String::new();
        };
        let log = self.folder.log(step, mark.job, None);
        let gate = failure::last_error(&log).unwrap_or_else(|| "a gate failed".to_owned());
        if mark.job == 0 { gate } else { format!("{gate}: see {}", log.display()) }
    }

    /// The state of a job without a result, from the queue and the scripts' records.
    fn of_jobs(&self, steps: &[Step], task: Option<u64>, has_checkpoint: bool) -> Piece {
        let jobs = jobs_of_steps(self.submission, &self.marks, steps);
        let entry = self.queue.as_ref().ok().and_then(|queue| queue.find(&jobs, task));
        if let Some(entry) = entry.filter(|entry| entry.is_active()) {
            let number = task.map_or(entry.job.to_string(), |task| format!("{}_{task}", entry.job));
            return match entry.is_running() {
                true => Piece::new(State::Running, format!("job {number} on {}", entry.nodes)),
                false if entry.is_held() => {
                    let release = format!("it is held until somebody says: scontrol release {number}");
                    Piece::new(State::Queued, format!("job {number}: {}; {release}", entry.reason))
                }
                false => Piece::new(State::Queued, format!("job {number}: {}", entry.reason)),
            };
        }
        let mark = self.marks.of(steps[0], task);
        // a later job that was cancelled, as those after a failure are, says nothing
        let began = |entry: &Entry| mark.is_some_and(|mark| mark.job >= entry.job || entry.state != "FAILED");
        if let Some(entry) = entry.filter(|entry| !began(entry)) {
            return self.never_began(entry, steps[0], task);
        }
        match mark {
            Some(mark) => self.of_mark(mark, steps[0], task, has_checkpoint),
            None if jobs.is_empty() => Piece::new(State::NotSubmitted, String::new()),
            None => Piece::new(State::Missing, String::new()),
        }
    }

    /// The state of a job that has ended without a line of its script.
    fn never_began(&self, entry: &Entry, step: Step, task: Option<u64>) -> Piece {
        if entry.state != "FAILED" {
            return Piece::new(State::Missing, format!("job {} {}", entry.job, ended_how(&entry.state)));
        }
        let log = self.folder.log(step, entry.job, task);
        Piece::failed(failure::never_began(&entry.nodes, &log), &format!("job {}", entry.job))
    }

    /// The state of a job without a result that has begun and is no longer there.
    fn of_mark(&self, mark: &Mark, step: Step, task: Option<u64>, has_checkpoint: bool) -> Piece {
        let log = self.folder.log(step, mark.job, task);
        let place = match mark.job {
            0 => "run with --local".to_owned(),
            job => format!("job {job} on {}, see {}", mark.node, log.display()),
        };
        match mark.ended {
            Some(0) => Piece::new(State::Missing, String::new()),
            None if self.queue.is_err() => Piece::new(State::Running, format!("running or killed: {place}")),
            _ => {
                // how another job ended says nothing about this one
                let entry = self.queue.as_ref().ok().and_then(|queue| queue.find(&[mark.job], task));
                let state = entry.map(|entry| entry.state.as_str());
                Piece::failed(failure::explain(&Evidence { mark, state, log: &log, has_checkpoint }), &place)
            }
        }
    }
}

/// How a job ended, as the rest of a sentence.
fn ended_how(state: &str) -> String {
    match state {
        "COMPLETED" => "completed".to_owned(),
        "CANCELLED" => "was cancelled".to_owned(),
        "PREEMPTED" => "was preempted".to_owned(),
        "TIMEOUT" => "timed out".to_owned(),
        "OUT_OF_MEMORY" => "ran out of memory".to_owned(),
        other => format!("ended as {}", other.to_lowercase()),
    }
}

/// Whether the result exists.
fn is_complete(folder: &JobFolder, submission: &Submission) -> bool {
    match &submission.kmeans {
        None => folder.out().join(RECORD).is_file(),
        Some(_) => KmeansRecord::of(folder.out()).is_ok_and(|record| record.is_some_and(|record| record.complete)),
    }
}

/// The progress of an unfinished part, from its files.
fn progress(part: &PartState, first_done: bool) -> String {
    let (round, progress) = if first_done { ("second round", &part.second) } else { ("first round", &part.first) };
    match progress {
        Progress::Missing if first_done => "first round done".to_owned(),
        Progress::Missing | Progress::Done => String::new(),
        Progress::Started { done, .. } => format!("checkpoint at {:.0} % of the {round}", 100.0 * done),
        Progress::Damaged(why) => format!("{round} damaged: {}", why.lines().next().unwrap_or_default()),
    }
}

/// Whether the file of the part's next round exists but is damaged.
fn is_damaged(part: &PartState, first_done: bool) -> bool {
    matches!(if first_done { &part.second } else { &part.first }, Progress::Damaged(_))
}

/// The state of the whole run.
fn whole(shards: &[ShardStatus], last: &Piece) -> State {
    let has = |state| last.state == state || shards.iter().any(|shard| shard.piece.state == state);
    if last.state == State::Done {
        return State::Done;
    }
    let by_weight = [State::Running, State::Queued, State::Failed];
    let never =
        last.state == State::NotSubmitted && shards.iter().all(|shard| shard.piece.state == State::NotSubmitted);
    let rest = if never { State::NotSubmitted } else { State::Missing };
    by_weight.into_iter().find(|&state| has(state)).unwrap_or(rest)
}

#[cfg(test)]
mod tests;
