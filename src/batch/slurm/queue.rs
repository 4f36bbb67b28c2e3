//! Runs Slurm's commands: sbatch, squeue, scontrol, scancel.

use std::collections::HashSet;
use std::process::{Command, Output};

use serde_json::Value;

use super::command;
use super::layout::tasks_in;
use crate::base::error::{Error, Finding, Result};

/// Most job numbers on a command line. They form one argument, whose length is limited.
const MOST_NUMBERS: usize = 1000;

/// Variables that Slurm sets in array tasks and restarted jobs. Called from inside such a job, sbatch would pass them on
/// to the new job, whose script would then requeue the wrong job.
const OF_THE_OUTER_JOB: [&str; 3] = ["SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT"];

/// The jobs that Slurm reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Queue {
    entries: Vec<Entry>,
}

/// One job, or some tasks of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The job's number; an array's own number for its tasks.
    pub(super) job: u64,
    /// `None` for a job that isn't an array.
    tasks: Option<Vec<u64>>,
    /// In Slurm's words: PENDING, RUNNING, COMPLETED, ...
    pub(super) state: String,
    /// Why it is pending or failed; empty where Slurm gives no reason.
    pub(super) reason: String,
    /// The nodes it runs on; empty while it waits.
    pub(super) nodes: String,
}

impl Entry {
    /// Whether it is waiting or running.
    pub(super) fn is_active(&self) -> bool {
        const ACTIVE: [&str; 10] = [
            "PENDING",
            "RUNNING",
            "SUSPENDED",
            "CONFIGURING",
            "COMPLETING",
            "REQUEUED",
            "REQUEUE_HOLD",
            "RESIZING",
            "SIGNALING",
            "STAGE_OUT",
        ];
        ACTIVE.contains(&self.state.as_str())
    }

    /// Whether it waits for a person: Slurm holds a job that it could not launch.
    pub(super) fn is_held(&self) -> bool {
        self.state == "REQUEUE_HOLD" || self.reason.to_lowercase().contains("held")
    }

    /// Whether it is running.
    pub(super) fn is_running(&self) -> bool {
        self.is_active() && !matches!(self.state.as_str(), "PENDING" | "REQUEUED" | "REQUEUE_HOLD")
    }
}

impl Queue {
    /// Queries squeue for these jobs.
    ///
    /// # Errors
    /// The reason why squeue gave no answer.
    pub(super) fn query(jobs: &[u64]) -> Result<Queue, String> {
        if jobs.is_empty() {
            return Ok(Queue::default());
        }
        let mut command = Command::new("squeue");
        // otherwise long sets of tasks are truncated
        command.env("SLURM_BITSTR_LEN", "0").args(["--json", "--states=all"]);
        if jobs.len() <= MOST_NUMBERS {
            command.arg("--jobs").arg(jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(","));
        } else {
            command.arg("--me");
        }
        let output = command::output(&mut command).map_err(|e| command::failure("squeue", &e))?;
        if !output.status.success() {
            let said = said(&output);
            // Slurm has forgotten all of them
            return if is_unknown_job(&said) { Ok(Queue::default()) } else { Err(format!("squeue: {said}")) };
        }
        let value: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("squeue --json: {e}"))?;
        Queue::parse(&value, jobs)
    }

    /// Reads the answer of `squeue --json` and keeps `jobs`; some versions list all jobs regardless of `--jobs`. Others
    /// exit with 0 although they reached no controller, and list `errors` beside no jobs: that is a failure.
    pub(super) fn parse(value: &Value, jobs: &[u64]) -> Result<Queue, String> {
        let errors = value["errors"].as_array().into_iter().flatten().map(error_text);
        let errors: Vec<String> = errors.filter(|error| !is_unknown_job(error)).collect();
        if !errors.is_empty() {
            return Err(format!("squeue: {}", errors.join("; ")));
        }
        let all = value["jobs"].as_array().ok_or_else(|| "squeue --json lists no jobs".to_owned())?;
        let wanted: HashSet<u64> = jobs.iter().copied().collect();
        Ok(Queue { entries: all.iter().filter_map(entry).filter(|entry| wanted.contains(&entry.job)).collect() })
    }

    /// The entry of one of `jobs`, or of one task of an array. Running entries come first, then waiting ones.
    pub(super) fn find(&self, jobs: &[u64], task: Option<u64>) -> Option<&Entry> {
        let is_meant = |entry: &&Entry| {
            let covers = |tasks: &Vec<u64>| task.is_some_and(|task| tasks.contains(&task));
            jobs.contains(&entry.job) && entry.tasks.as_ref().map_or(task.is_none(), covers)
        };
        let meant = || self.entries.iter().filter(is_meant);
        meant()
            .find(|entry| entry.is_running())
            .or_else(|| meant().find(|entry| entry.is_active()))
            .or_else(|| meant().next_back())
    }

    /// Those of `jobs` that are waiting or running.
    pub(super) fn active(&self, jobs: &[u64]) -> Vec<u64> {
        let is_active = |job: &u64| self.entries.iter().any(|entry| entry.job == *job && entry.is_active());
        jobs.iter().copied().filter(is_active).collect()
    }
}

/// Whether Slurm has no (or no longer any) record of the jobs.
fn is_unknown_job(said: &str) -> bool {
    said.to_lowercase().contains("invalid job id")
}

/// The text of an entry of `errors`: a string, or an object with `description` and `error`.
fn error_text(error: &Value) -> String {
    let texts =
        ["description", "error"].into_iter().filter_map(|key| error[key].as_str()).filter(|text| !text.is_empty());
    let texts: Vec<&str> = error.as_str().into_iter().chain(texts).collect();
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

fn entry(job: &Value) -> Option<Entry> {
    // a string up to Slurm 22.05; since then a list of the state and its flags
    let state = match &job["job_state"] {
        Value::String(state) => state.clone(),
        Value::Array(states) => {
            let mut states = states.iter().filter_map(Value::as_str);
            let base = states.next()?;
            // a job that is ending or requeued is still active
            states
                .find(|flag| matches!(*flag, "COMPLETING" | "REQUEUED" | "REQUEUE_HOLD" | "CONFIGURING"))
                .unwrap_or(base)
                .to_owned()
        }
        _ => return None,
    };
    let text = |name: &str| job[name].as_str().filter(|text| *text != "None").unwrap_or_default().to_owned();
    let array = number(&job["array_job_id"]).filter(|&id| id != 0);
    let tasks = match (number(&job["array_task_id"]), job["array_task_string"].as_str()) {
        _ if array.is_none() => None,
        (_, Some(tasks)) if !tasks.is_empty() => Some(tasks_in(tasks)),
        (Some(task), _) => Some(vec![task]),
        (None, _) => None,
    };
    let job = array.or_else(|| number(&job["job_id"]))?;
    Some(Entry { job, tasks, state, reason: text("state_reason"), nodes: text("nodes") })
}

/// A number, or its form in newer versions: `{"set": true, "number": 3}`.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| if value["set"] == Value::Bool(true) { value["number"].as_u64() } else { None })
}

/// Runs sbatch and returns the job's number. `what` names the job in errors.
pub(super) fn sbatch(line: &[String], what: &str) -> Result<u64> {
    let [program, arguments @ ..] = line else { return Err(Error::failed(Finding::new("no command to submit with"))) };
    let mut command = Command::new(program);
    for name in OF_THE_OUTER_JOB {
        command.env_remove(name);
    }
    let output = command::output(command.args(arguments)).map_err(|e| cannot_run(program, &e))?;
    let refused = |found: String| {
        let finding = Finding::new(format!("sbatch refused a job of {what}")).found(found);
        Error::failed(finding.hint(
            "correct the `slurm` block of the spec (--dry-run shows the scripts), then clustrata submit SPEC --retry",
        ))
    };
    if !output.status.success() {
        return Err(refused(said(&output)));
    }
    // with several clusters: `number;cluster`
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.lines().rev().find_map(|line| line.split(';').next()?.trim().parse().ok());
    number.ok_or_else(|| refused(format!("no job number in {:?}", text.trim())))
}

/// Cancels jobs; best effort.
pub(super) fn cancel(jobs: &[u64]) {
    if jobs.is_empty() {
        return;
    }
    let done = command::output(Command::new("scancel").args(jobs.iter().map(u64::to_string)));
    if !done.is_ok_and(|output| output.status.success()) {
        tracing::warn!(
            "can't cancel the jobs {jobs:?}: scancel {}",
            jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
        );
    }
}

/// Slurm's `MaxArraySize`: array indices are below it.
///
/// # Errors
/// `Failed` if Slurm is not on this machine, or does not answer.
pub fn max_array_size() -> Result<u64> {
    let output = command::output(Command::new("scontrol").args(["show", "config"]));
    let output = output.map_err(|e| cannot_run("scontrol", &e))?;
    if !output.status.success() {
        let hint = "submit where squeue and sinfo work; --dry-run shows the scripts, --local runs everything here";
        return Err(Error::failed(Finding::new("Slurm does not answer").found(said(&output)).hint(hint)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"));
    let size = line.and_then(|rest| rest.trim_start_matches([' ', '=']).trim().parse().ok());
    size.ok_or_else(|| Error::failed(Finding::new("scontrol show config names no MaxArraySize")))
}

fn cannot_run(program: &str, error: &std::io::Error) -> Error {
    Error::failed(
        Finding::new(format!("can't run {program}")).found(command::failure(program, error)).hint(
            "submit from a machine with Slurm's commands; --dry-run shows the scripts, --local runs everything here",
        ),
    )
}

/// The error output of a failed command, in one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    if text.is_empty() { output.status.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old() -> Value {
        serde_json::json!({"jobs": [
            {"job_id": 13, "array_job_id": 12, "array_task_id": 1, "array_task_string": "", "job_state": "RUNNING",
             "state_reason": "None", "nodes": "n1"},
            {"job_id": 12, "array_job_id": 12, "array_task_id": null, "array_task_string": "2-4%2", "job_state": "PENDING",
             "state_reason": "JobArrayTaskLimit", "nodes": ""},
            {"job_id": 20, "array_job_id": 0, "array_task_id": null, "array_task_string": "", "job_state": "FAILED",
             "state_reason": "NonZeroExitCode", "nodes": "n2"},
            {"job_id": 99, "array_job_id": 0, "job_state": "RUNNING"},
        ]})
    }

    /// As Slurm 23.11 and newer write it.
    fn new() -> Value {
        let number =
            |n: Option<u64>| serde_json::json!({"set": n.is_some(), "infinite": false, "number": n.unwrap_or(0)});
        serde_json::json!({"jobs": [
            {"job_id": 13, "array_job_id": number(Some(12)), "array_task_id": number(Some(1)), "array_task_string": "",
             "job_state": ["RUNNING"], "state_reason": "None", "nodes": "n1"},
            {"job_id": 12, "array_job_id": number(Some(12)), "array_task_id": number(None), "array_task_string": "2-4%2",
             "job_state": ["PENDING"], "state_reason": "JobArrayTaskLimit", "nodes": ""},
            {"job_id": 20, "array_job_id": number(Some(0)), "array_task_id": number(None), "array_task_string": "",
             "job_state": ["FAILED"], "state_reason": "NonZeroExitCode", "nodes": "n2"},
        ]})
    }

    #[test]
    fn the_old_and_the_new_format_are_read() {
        let (old, new) = (Queue::parse(&old(), &[12, 20]), Queue::parse(&new(), &[12, 20]));
        assert_eq!(old, new);
        let old = old.expect("an answer");
        assert_eq!(old.active(&[12, 20]), [12]);
        let state = |jobs: &[u64], task| old.find(jobs, task).map(|entry| entry.state.as_str());
        assert_eq!(state(&[12], Some(1)), Some("RUNNING"));
        assert_eq!(state(&[12], Some(4)), Some("PENDING"));
        assert_eq!(state(&[12], Some(5)), None);
        assert_eq!(state(&[20], None), Some("FAILED"));
        assert_eq!(state(&[99], None), None, "another user's job");
    }

    #[test]
    fn a_completing_job_is_active() {
        let job = serde_json::json!({"jobs": [{"job_id": 3, "job_state": ["FAILED", "COMPLETING"]}]});
        assert_eq!(Queue::parse(&job, &[3]).map(|queue| queue.active(&[3])), Ok(vec![3]));
    }

    #[test]
    fn an_answer_with_errors_is_a_failure() {
        let answer = |errors: Value| Queue::parse(&serde_json::json!({"jobs": [], "errors": errors}), &[3]);
        let unreachable = serde_json::json!([{"error": "Unable to contact slurm controller", "error_number": 1}]);
        assert!(answer(unreachable).is_err_and(|why| why.contains("Unable to contact")));
        assert!(answer(serde_json::json!([{"error_number": 1}])).is_err());
        assert!(Queue::parse(&serde_json::json!({"errors": []}), &[3]).is_err(), "no list of jobs");
        let forgotten = serde_json::json!([{"description": "", "error": "Invalid job id specified"}]);
        assert_eq!(answer(forgotten), Ok(Queue::default()));
        assert_eq!(answer(serde_json::json!([])), Ok(Queue::default()));
    }
}
