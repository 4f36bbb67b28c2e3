use std::path::Path;
use std::time::SystemTime;

use serde_json::json;

use super::*;
use crate::batch::slurm::{Layout, Submitted};

/// A run of six shards in the array 12, whose merge is job 13.
fn submission(rounds: u8) -> Submission {
    let mut submission = Submission::new("n", Path::new("/out"), Layout::new(60, 6, 1001), rounds, None);
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
    Queue::parse(&json!({"jobs": jobs}), &[12, 13]).expect("an answer")
}

fn part(shard: u64, first: Progress) -> PartState {
    PartState { rows: submission(1).layout.rows_of(shard), first, second: Progress::Missing }
}

/// A folder in which the scripts of tasks 2, 4 and 5 wrote about themselves.
fn folder(base: &Path) -> JobFolder {
    let folder = JobFolder::of(base);
    folder.create(&[], &submission(1)).expect("a folder");
    for (task, text) in [(2, "begun 12 n1 t\n"), (4, "begun 12 n2 t\nended 3 t\n"), (5, "begun 12 n3 t\n")] {
        std::fs::write(folder.file("state").join(format!("shards-{task}")), text).expect("writes");
    }
    folder
}

fn status(queue: &Result<Queue, String>, rounds: u8, complete: bool) -> RunStatus {
    let base = tempfile::tempdir().expect("a folder");
    let started = Progress::Started { done: 0.4, at: SystemTime::UNIX_EPOCH };
    let parts =
        vec![part(1, Progress::Done), part(2, started), part(6, Progress::Damaged("cut short\n(more)".to_owned()))];
    let folder = folder(base.path());
    let marks = folder.marks();
    View { folder: &folder, submission: &submission(rounds), marks, queue, parts, complete, moved_from: None }.status()
}

fn states(status: &RunStatus) -> Vec<State> {
    status.shards.iter().map(|shard| shard.piece.state).collect()
}

#[test]
fn files_come_first_then_the_queue_then_what_scripts_wrote() {
    use State::{Done, Failed, Queued, Running};
    let found = status(&Ok(queue()), 1, false);
    assert_eq!(states(&found), [Done, Running, Queued, Failed, Failed, Failed]);
    assert_eq!((found.state, found.last.state), (Running, Queued));
    assert_eq!(found.active_jobs, [12, 13]);
    let detail = |shard: usize| found.shards[shard - 1].piece.detail.as_str();
    assert_eq!(detail(2), "checkpoint at 40 % of the first round; job 12_2 on n1");
    assert!(detail(4).starts_with("exit code 3: job 12 on n2, see "), "{}", detail(4));
    assert!(detail(5).starts_with("timeout (no checkpoint was written): job 12 on n3"), "{}", detail(5));
    assert_eq!(detail(6), "first round damaged: cut short");
    assert_eq!(found.open_shards(), (vec![2, 3, 4, 5, 6], Vec::new()));
    assert!(refuse_active(&JobFolder::of(Path::new("out")), &found).is_err());
}

#[test]
fn a_held_job_says_how_it_goes_on() {
    let job = |id: u64, reason: &str| json!({"job_id": id, "array_job_id": 12, "array_task_id": id, "job_state": "PENDING", "state_reason": reason});
    let jobs = json!({"jobs": [job(2, "launch_failed_requeued_held"), job(3, "JobHeldUser"), job(4, "Priority")]});
    let found = status(&Queue::parse(&jobs, &[12, 13]), 1, false);
    let detail = |shard: usize| found.shards[shard - 1].piece.detail.as_str();
    assert!(detail(2).ends_with("scontrol release 12_2") && detail(3).ends_with("scontrol release 12_3"), "{found:?}");
    assert!(detail(4).ends_with("Priority"), "{}", detail(4));
}

#[test]
fn a_second_round_is_open_where_the_first_is_done() {
    let found = status(&Ok(Queue::default()), 2, false);
    assert_eq!(found.open_shards(), (vec![2, 3, 4, 5, 6], vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(
        (found.shards[0].piece.state, found.shards[0].piece.detail.as_str()),
        (State::Missing, "first round done")
    );
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
    assert!(refuse_active(&JobFolder::of(Path::new("out")), &found).is_err());
}

#[test]
fn a_job_submitted_by_hand_is_seen_by_its_mark() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = folder(base.path());
    std::fs::write(folder.file("state").join("shards-2"), "begun 77 n1 t\n").expect("writes");
    let jobs = json!({"jobs": [
        {"job_id": 78, "array_job_id": 77, "array_task_id": 2, "job_state": "RUNNING", "nodes": "n1"},
        {"job_id": 77, "array_job_id": 77, "array_task_string": "6", "job_state": "PENDING"},
        {"job_id": 90, "array_job_id": 12, "array_task_id": 2, "job_state": "TIMEOUT"},
    ]});
    let submission = submission(1);
    let look = |jobs: &serde_json::Value| {
        let asked = jobs_of(&submission, &folder.marks());
        assert_eq!(asked, [12, 13, 77]);
        let queue = Queue::parse(jobs, &asked);
        let (marks, parts) = (folder.marks(), Vec::new());
        View {
            folder: &folder,
            submission: &submission,
            marks,
            queue: &queue,
            parts,
            complete: false,
            moved_from: None,
        }
        .status()
    };
    let found = look(&jobs);
    assert_eq!(found.active_jobs, [77]);
    assert_eq!((found.shards[1].piece.state, found.shards[5].piece.state), (State::Running, State::Queued));
    // once job 77 is gone, how job 12 ended says nothing about it
    let found = look(&json!({"jobs": [jobs["jobs"][2]]}));
    assert!(
        found.shards[1].piece.detail.starts_with(
            "killed (Slurm no longer knows why: cancelled, out of memory, or a node failed): job 77 on n1"
        ),
        "{:?}",
        found.shards[1]
    );
    assert!(found.active_jobs.is_empty());
}
