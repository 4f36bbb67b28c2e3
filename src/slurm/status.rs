//! What became of a run: from its files first, from the queue second.
//!
//! A part is done when its file is there and its checksum holds; nothing else counts. The queue tells what waits and what
//! runs. For the rest there is what each job's script wrote about itself. Accounting (sacct) is never asked: many sites
//! have none.

use std::ops::Range;

use serde::Serialize;

use super::folder::{JobFolder, Step, Submission};
use super::queue::Queue;
use crate::error::{Finding, Result};
use crate::output::files::RECORD;
use crate::shard::{self, PartState, Progress};

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its result is there.
    Done,
    /// A job is at work on it.
    Running,
    /// A job for it waits.
    Queued,
    /// A job for it ended, or was killed, without a result.
    Failed,
    /// No job did, does or will do it.
    Missing,
}

impl State {
    /// In one word.
    pub fn text(self) -> &'static str {
        match self {
            State::Done => "done",
            State::Running => "running",
            State::Queued => "queued",
            State::Failed => "failed",
            State::Missing => "missing",
        }
    }
}

/// One shard, or a job that is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Piece {
    /// How far it is.
    pub state: State,
    /// What there is to say, for a person; empty where there is nothing.
    pub detail: String,
}

impl Piece {
    /// With what the files say put first.
    fn with(self, files: String) -> Piece {
        let said: Vec<String> = [files, self.detail].into_iter().filter(|text| !text.is_empty()).collect();
        Piece { detail: said.join("; "), ..self }
    }
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShardStatus {
    /// From 1.
    pub shard: u64,
    /// Its rows.
    pub rows: Range<u64>,
    /// Whether its first round is complete.
    pub first_done: bool,
    /// Whether its second is; true where there is none.
    pub second_done: bool,
    /// How far it is.
    #[serde(flatten)]
    pub piece: Piece,
}

/// A submitted run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// Grid and run.
    pub name: String,
    /// How far it is as a whole.
    pub state: State,
    /// Its shards; none where it is one job.
    pub shards: Vec<ShardStatus>,
    /// The job that finishes it: the merge, or the run itself.
    pub last: Piece,
    /// Jobs that wait or run.
    pub active_jobs: Vec<u64>,
    /// Why the queue could not be asked.
    pub queue_unknown: Option<String>,
}

impl RunStatus {
    /// Looks at a run.
    ///
    /// # Errors
    /// `Failed` where its folder can't be listed.
    pub fn of(folder: &JobFolder, submission: &Submission) -> Result<RunStatus> {
        Self::of_one(folder, submission, &Queue::ask(&jobs_of(submission)))
    }

    /// Looks at many runs, and asks Slurm once for all.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_all(runs: &[(JobFolder, Submission)]) -> Result<Vec<RunStatus>> {
        let jobs: Vec<u64> = runs.iter().flat_map(|(_, submission)| jobs_of(submission)).collect();
        let queue = Queue::ask(&jobs);
        runs.iter().map(|(folder, submission)| Self::of_one(folder, submission, &queue)).collect()
    }

    fn of_one(folder: &JobFolder, submission: &Submission, queue: &Result<Queue, String>) -> Result<RunStatus> {
        let parts = shard::survey(folder.out())?;
        let complete = folder.out().join(RECORD).is_file();
        Ok(View { folder, submission, queue, parts, complete }.status())
    }

    /// Shards whose first round is to be done, and those whose second is.
    pub fn open_shards(&self) -> (Vec<u64>, Vec<u64>) {
        let open = |done: fn(&ShardStatus) -> bool| {
            self.shards.iter().filter(|shard| !done(shard)).map(|shard| shard.shard).collect()
        };
        (open(|shard| shard.first_done), open(|shard| shard.second_done))
    }

    /// How many shards are in a state.
    pub fn count(&self, state: State) -> usize {
        self.shards.iter().filter(|shard| shard.piece.state == state).count()
    }
}

/// Refuses to submit beside jobs of the run that wait or run, and where nobody can tell whether there are any.
pub fn refuse_active(folder: &JobFolder, status: &RunStatus) -> Result<(), Finding> {
    let refused = |what, found: String| Err(Finding::new(what).file(folder.out()).found(found));
    if let Some(why) = &status.queue_unknown {
        let refused = refused("it is not known whether jobs of the run are still there", why.clone());
        return refused
            .map_err(|finding: Finding| finding.hint("ask where squeue works, or `clustrata retry --force`"));
    }
    if status.active_jobs.is_empty() {
        return Ok(());
    }
    let jobs = status.active_jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    refused("jobs of the run are still queued or running", format!("jobs {jobs}"))
        .map_err(|finding: Finding| finding.hint(format!("wait for them, or take them back: scancel {jobs}")))
}

/// Every job that was ever submitted for a run.
fn jobs_of(submission: &Submission) -> Vec<u64> {
    submission.jobs.iter().map(|job| job.job).collect()
}

/// All that is known of a run.
struct View<'a> {
    folder: &'a JobFolder,
    submission: &'a Submission,
    queue: &'a Result<Queue, String>,
    parts: Vec<PartState>,
    complete: bool,
}

impl View<'_> {
    fn status(&self) -> RunStatus {
        let layout = self.submission.layout;
        let in_parts = layout.shards > 1;
        let shards: Vec<ShardStatus> =
            if in_parts { (1..=layout.shards).map(|shard| self.shard(shard)).collect() } else { Vec::new() };
        let step = if in_parts { Step::Merge } else { Step::Whole };
        let last = match self.complete {
            true => Piece { state: State::Done, detail: String::new() },
            false if in_parts => self.told_by_jobs(&[step], None),
            false => {
                let all = self.parts.iter().find(|part| part.rows == (0..layout.rows));
                let files = all.map(|part| progress(part, part.first == Progress::Done)).unwrap_or_default();
                self.told_by_jobs(&[step], None).with(files)
            }
        };
        RunStatus {
            name: self.submission.name.clone(),
            state: whole(&shards, &last),
            shards,
            last,
            active_jobs: self.queue.as_ref().map_or(Vec::new(), |queue| queue.active(&jobs_of(self.submission))),
            queue_unknown: self.queue.as_ref().err().cloned(),
        }
    }

    fn shard(&self, shard: u64) -> ShardStatus {
        let rows = self.submission.layout.rows_of(shard);
        let part = self.parts.iter().find(|part| part.rows == rows);
        let done = |progress: &Progress| *progress == Progress::Done;
        // the parts may be gone once they are merged
        let first_done = self.complete || part.is_some_and(|part| done(&part.first));
        let second_done = self.complete || self.submission.rounds < 2 || part.is_some_and(|part| done(&part.second));
        let piece = if first_done && second_done {
            Piece { state: State::Done, detail: String::new() }
        } else {
            let task = self.submission.layout.task_of(shard);
            let files = part.map(|part| progress(part, first_done)).unwrap_or_default();
            self.told_by_jobs(&[Step::First, Step::Second], Some(task)).with(files)
        };
        ShardStatus { shard, rows, first_done, second_done, piece }
    }

    /// What the queue and the scripts say of a job without a result.
    fn told_by_jobs(&self, steps: &[Step], task: Option<u64>) -> Piece {
        let piece = |state, detail: String| Piece { state, detail };
        let jobs = self.submission.jobs.iter().filter(|job| steps.contains(&job.step)).map(|job| job.job);
        let jobs: Vec<u64> = jobs.collect();
        let entry = self.queue.as_ref().ok().and_then(|queue| queue.find(&jobs, task));
        if let Some(entry) = entry.filter(|entry| entry.is_active()) {
            let number = task.map_or(entry.job.to_string(), |task| format!("{}_{task}", entry.job));
            return match entry.is_running() {
                true => piece(State::Running, format!("job {number} on {}", entry.nodes)),
                false => piece(State::Queued, format!("job {number}: {}", entry.reason)),
            };
        }
        let step = steps[0];
        let Some(mark) = self.folder.mark(step, task) else {
            let why = entry.map(|entry| format!("job {} is {}", entry.job, entry.state.to_lowercase()));
            return piece(State::Missing, why.unwrap_or_default());
        };
        let log = self.folder.log(step, mark.job, task);
        let place = match mark.job {
            0 => "run with --local".to_owned(),
            job => format!("job {job} on {}, see {}", mark.node, log.display()),
        };
        match mark.ended {
            Some(0) => piece(State::Missing, String::new()),
            Some(code) => piece(State::Failed, format!("exit code {code}: {place}")),
            None if self.queue.is_err() => piece(State::Running, format!("running or killed: {place}")),
            None => {
                let why = entry.map_or("killed".to_owned(), |entry| entry.state.to_lowercase());
                piece(State::Failed, format!("{why}: {place}"))
            }
        }
    }
}

/// What the files say of a part that is not done.
fn progress(part: &PartState, first_done: bool) -> String {
    let (round, progress) = if first_done { ("second round", &part.second) } else { ("first round", &part.first) };
    match progress {
        Progress::Missing | Progress::Done => String::new(),
        Progress::Begun { done, .. } => format!("checkpoint at {:.0} % of the {round}", 100.0 * done),
        Progress::Damaged(why) => format!("{round} damaged: {why}"),
    }
}

/// How far a run is as a whole.
fn whole(shards: &[ShardStatus], last: &Piece) -> State {
    let has = |state| last.state == state || shards.iter().any(|shard| shard.piece.state == state);
    if last.state == State::Done {
        return State::Done;
    }
    let by_weight = [State::Running, State::Queued, State::Failed];
    by_weight.into_iter().find(|&state| has(state)).unwrap_or(State::Missing)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;
    use crate::slurm::{Layout, Submitted};

    /// A run of six shards in the array 12, whose merge is job 13.
    fn submission(rounds: u8) -> Submission {
        let mut submission = Submission::new("n", Layout::new(60, 6, 1001), rounds, None);
        for (step, job) in [(Step::First, 12), (Step::Merge, 13)] {
            submission.jobs.push(Submitted { step, job, array: None, at: String::new(), sbatch: Vec::new() });
        }
        submission
    }

    fn queue() -> Queue {
        let array = |id: u64, tasks: &str, state: &str| {
            json!({"job_id": id, "array_job_id": 12, "array_task_string": tasks, "job_state": state,
                   "state_reason": "Priority", "nodes": "n1"})
        };
        let merge = json!({"job_id": 13, "array_job_id": 0, "job_state": "PENDING", "state_reason": "Dependency"});
        let jobs = [array(20, "2", "RUNNING"), array(12, "3", "PENDING"), array(22, "5", "TIMEOUT"), merge];
        Queue::parse(&json!({"jobs": jobs}), &[12, 13])
    }

    fn part(shard: u64, first: Progress) -> PartState {
        PartState { rows: submission(1).layout.rows_of(shard), first, second: Progress::Missing }
    }

    /// A folder in which the scripts of tasks 2, 4 and 5 wrote about themselves.
    fn folder(base: &std::path::Path) -> JobFolder {
        let folder = JobFolder::of(base);
        folder.create(&[], &submission(1)).expect("a folder");
        for (task, text) in [(2, "begun 12 n1 t\n"), (4, "begun 12 n2 t\nended 3 t\n"), (5, "begun 12 n3 t\n")] {
            std::fs::write(folder.file("state").join(format!("shards-{task}")), text).expect("writes");
        }
        folder
    }

    fn status(queue: &Result<Queue, String>, rounds: u8, complete: bool) -> RunStatus {
        let base = tempfile::tempdir().expect("a folder");
        let begun = Progress::Begun { done: 0.4, at: SystemTime::UNIX_EPOCH };
        let parts = vec![part(1, Progress::Done), part(2, begun), part(6, Progress::Damaged("cut short".to_owned()))];
        View { folder: &folder(base.path()), submission: &submission(rounds), queue, parts, complete }.status()
    }

    fn states(status: &RunStatus) -> Vec<State> {
        status.shards.iter().map(|shard| shard.piece.state).collect()
    }

    #[test]
    fn files_come_first_then_the_queue_then_what_scripts_wrote() {
        use State::{Done, Failed, Missing, Queued, Running};
        let found = status(&Ok(queue()), 1, false);
        assert_eq!(states(&found), [Done, Running, Queued, Failed, Failed, Missing]);
        assert_eq!((found.state, found.last.state), (Running, Queued));
        assert_eq!(found.active_jobs, [12, 13]);
        let detail = |shard: usize| found.shards[shard - 1].piece.detail.as_str();
        assert_eq!(detail(2), "checkpoint at 40 % of the first round; job 12_2 on n1");
        assert!(detail(4).starts_with("exit code 3: job 12 on n2, see "), "{}", detail(4));
        assert!(detail(5).starts_with("timeout: job 12 on n3"), "{}", detail(5));
        assert_eq!(detail(6), "first round damaged: cut short");
        assert_eq!(found.open_shards(), (vec![2, 3, 4, 5, 6], Vec::new()));
        assert!(refuse_active(&JobFolder::of(std::path::Path::new("out")), &found).is_err());
    }

    #[test]
    fn a_second_round_is_open_where_the_first_is_done() {
        let found = status(&Ok(Queue::default()), 2, false);
        assert_eq!(found.open_shards(), (vec![2, 3, 4, 5, 6], vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(found.shards[0].piece.state, State::Missing);
        assert_eq!(found.state, State::Failed);
    }

    #[test]
    fn a_record_says_that_all_is_done() {
        let found = status(&Ok(queue()), 2, true);
        assert!(states(&found).iter().all(|&state| state == State::Done) && found.state == State::Done);
    }

    #[test]
    fn without_a_queue_the_files_alone_tell() {
        let found = status(&Err("squeue is not on this machine".to_owned()), 1, false);
        assert_eq!(found.shards[1].piece.state, State::Running);
        assert!(found.shards[1].piece.detail.contains("running or killed"), "{found:?}");
        assert_eq!(found.shards[3].piece.state, State::Failed);
        assert!(refuse_active(&JobFolder::of(std::path::Path::new("out")), &found).is_err());
    }
}
