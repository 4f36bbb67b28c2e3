//! The folder `OUT/slurm/` of a run: settings, scripts, the record of what was submitted, logs, and each job's state.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::layout::Layout;
use super::submission::{FORMAT, METRICS_SETTINGS, Step, Submission};
use crate::base::error::{Error, Finding, Result};
use crate::base::time::rfc3339;
use crate::formats::atomic_file;
use crate::formats::folder::{LockedFolder, PARTS};
use crate::run::parts;

/// The state that a job's script recorded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// The job's number, or the array's; 0 for a run on this machine.
    pub(super) job: u64,
    pub(super) node: String,
    /// Its exit code; `None` while it runs and if it was killed.
    pub(super) ended: Option<u8>,
    /// What went wrong, if the script knows.
    pub(super) why: Option<String>,
    /// Seconds of all its starts whose end is known.
    pub(super) seconds: f64,
}

/// The latest state of every job of a run.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<String, Mark>);

impl Marks {
    /// The state of a step, or of one of its tasks; `None` if it has not started.
    pub(super) fn of(&self, step: Step, task: Option<u64>) -> Option<&Mark> {
        self.0.get(&mark_name(step, task))
    }

    /// Seconds of all jobs whose end is known, including those that were repeated.
    pub(super) fn seconds(&self) -> f64 {
        self.0.values().map(|mark| mark.seconds).sum()
    }

    /// The jobs that ran one of the steps, unordered; includes jobs submitted by hand.
    pub(super) fn jobs(&self, steps: &[Step]) -> Vec<u64> {
        let is_meant = |name: &str| {
            let step = name.split('-').next();
            steps.iter().any(|meant| step == Some(meant.name()))
        };
        let marks = self.0.iter().filter(|(name, mark)| mark.job != 0 && is_meant(name));
        let jobs: HashSet<u64> = marks.map(|(_, mark)| mark.job).collect();
        jobs.into_iter().collect()
    }
}

fn mark_name(step: Step, task: Option<u64>) -> String {
    task.map_or(step.name().to_owned(), |task| format!("{}-{task}", step.name()))
}

/// The folder `OUT/slurm`.
#[derive(Debug, Clone)]
pub struct JobFolder {
    out: PathBuf,
}

impl JobFolder {
    /// The folder of the run with output folder `out`, an absolute path.
    pub fn of(out: &Path) -> JobFolder {
        JobFolder { out: out.to_owned() }
    }

    /// The run's folder.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.out.join("slurm").join(name)
    }

    fn job_file(&self) -> PathBuf {
        self.file("job.json")
    }

    /// Whether the run was submitted, or started on this machine.
    pub fn is_there(&self) -> bool {
        self.job_file().exists()
    }

    /// Path of a job's log: `%A` and `%a` stand for the numbers of the array and the task, `%j` for the job's.
    pub(super) fn log_pattern(&self, step: Step) -> String {
        let logs = self.file("logs").to_string_lossy().replace('%', "%%");
        let numbers = if matches!(step, Step::First | Step::Second) { "%A_%a" } else { "%j" };
        format!("{logs}/{}-{numbers}.log", step.name())
    }

    /// The log of a job, or of a task of it.
    pub(super) fn log(&self, step: Step, job: u64, task: Option<u64>) -> PathBuf {
        let task = task.map_or(String::new(), |task| format!("_{task}"));
        self.file("logs").join(format!("{}-{job}{task}.log", step.name()))
    }

    /// Writes settings, scripts and `job.json`, and creates the folders that jobs write to.
    ///
    /// # Errors
    /// `Failed` if the folder can't be written.
    pub fn create(&self, files: &[(&str, String)], submission: &Submission) -> Result<()> {
        for folder in ["logs", "state"] {
            let path = self.file(folder);
            fs::create_dir_all(&path).map_err(|e| Error::io("can't make a folder of the run", &path, &e))?;
        }
        for (name, text) in files {
            write(&self.file(name), text)?;
        }
        self.write(submission)
    }

    /// Removes what [`create`](Self::create) and the jobs wrote, including the run's parts. Keeps everything else.
    ///
    /// # Errors
    /// `Failed` if something can't be removed.
    pub fn remove(&self) -> Result<()> {
        for part in parts::survey(&self.out)? {
            remove_files_in(&parts::folder_of(&self.out, &part.rows))?;
        }
        let _ = fs::remove_dir(self.out.join(PARTS));
        for folder in ["logs", "state"] {
            remove_files_in(&self.file(folder))?;
        }
        // job.json last: without it, the folder doesn't count as a submitted run
        for name in [METRICS_SETTINGS, "metrics.sh", "shards.sh", "merge.sh", "job.json"] {
            remove_file(&self.file(name))?;
        }
        // stays if it holds other files
        let _ = fs::remove_dir(self.out.join("slurm"));
        Ok(())
    }

    /// Reads `job.json`.
    ///
    /// # Errors
    /// `Usage` if nothing was submitted; `Input` if the file is damaged.
    pub fn read(&self) -> Result<Submission> {
        let path = self.job_file();
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::usage(
                Finding::new("the folder holds no submitted run")
                    .file(&self.out)
                    .expected("slurm/job.json in it")
                    .hint("name a folder that `clustrata submit` created"),
            ),
            _ => Error::io("can't read the record of the submission", &path, &e),
        })?;
        let damaged = |found: String| {
            let finding = Finding::new("the record of the submission is damaged").file(&path).found(found);
            Error::input(finding.hint("start the run over: clustrata submit SPEC --overwrite"))
        };
        let submission: Submission = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        let Layout { shards, tasks, rows } = submission.layout;
        if submission.format != FORMAT || shards == 0 || tasks == 0 || tasks > shards || shards > rows {
            return Err(damaged(format!("format {}, {shards} shards, {tasks} tasks", submission.format)));
        }
        Ok(submission)
    }

    /// Writes `job.json`.
    pub fn write(&self, submission: &Submission) -> Result<()> {
        let text = serde_json::to_string_pretty(submission)
            .map_err(|e| Error::failed(Finding::new("can't write job.json").found(e.to_string())))?;
        write(&self.job_file(), &(text + "\n"))
    }

    /// The settings that the scripts use.
    pub fn settings(&self) -> Option<String> {
        fs::read_to_string(self.file(METRICS_SETTINGS)).ok()
    }

    /// Records, as a script does, a run on this machine that has ended.
    ///
    /// # Errors
    /// `Failed` if the folder can't be written.
    pub fn note_local(&self, started: SystemTime, exit_code: Option<i32>) -> Result<()> {
        let time = |at| rfc3339(at).unwrap_or_default();
        let code = exit_code.map_or("-".to_owned(), |code| code.to_string());
        let path = self.file("state").join(Step::Whole.name());
        let earlier = fs::read_to_string(&path).unwrap_or_default();
        let (started, ended) = (time(started), time(SystemTime::now()));
        write(&path, &format!("{earlier}begun 0 - {started}\nended {code} {ended}\n"))
    }

    /// The states that the scripts recorded.
    pub(super) fn marks(&self) -> Marks {
        let entries = fs::read_dir(self.file("state")).into_iter().flatten().flatten();
        let mark = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, parse_mark(&fs::read_to_string(entry.path()).ok()?)?))
        };
        Marks(entries.filter_map(mark).collect())
    }

    /// Locks the run against other `submit` and `retry` processes: two at once would both find no active job. Creates the
    /// folder if it is missing. Dropping the lock then removes it, unless `keep` was called.
    ///
    /// # Errors
    /// `Failed` if another process holds the lock, or the folder can't be written.
    pub fn lock(&self) -> Result<LockedFolder> {
        let folder = self.out.join("slurm");
        if folder.is_dir() {
            return LockedFolder::try_open(&folder)?.ok_or_else(|| self.busy());
        }
        LockedFolder::open(&folder)
    }

    /// The error that another process is submitting the run.
    pub fn busy(&self) -> Error {
        let finding = Finding::new("another `submit` or `retry` is working on the run").file(&self.out);
        Error::failed(finding.hint("wait until it has ended, then check `clustrata status`"))
    }

    /// The folder in which the run was submitted, if it has been moved since.
    pub fn moved_from(&self, submission: &Submission) -> Option<PathBuf> {
        let is_here = match (self.out.canonicalize(), submission.out.canonicalize()) {
            (Ok(here), Ok(there)) => here == there,
            _ => self.out == submission.out,
        };
        (!is_here).then(|| submission.out.clone())
    }
}

/// The last start in a state file, which has three kinds of lines: `begun JOB NODE TIME`, `why TEXT` and `ended CODE TIME`.
fn parse_mark(text: &str) -> Option<Mark> {
    let mut last: Option<Mark> = None;
    let mut begun = None;
    for line in text.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split(' ');
        match (kind, &mut last) {
            ("begun", _) => {
                let (job, node) = (words.next()?.parse().ok()?, words.next()?.to_owned());
                begun = words.next().and_then(|at| humantime::parse_rfc3339(at).ok());
                let seconds = last.map_or(0.0, |earlier| earlier.seconds);
                last = Some(Mark { job, node, ended: None, why: None, seconds });
            }
            ("ended", Some(mark)) => {
                mark.ended = words.next().and_then(|code| code.parse().ok());
                let ended = words.next().and_then(|at| humantime::parse_rfc3339(at).ok());
                let took = begun.take().and_then(|begun| ended?.duration_since(begun).ok());
                mark.seconds += took.map_or(0.0, |took| took.as_secs_f64());
            }
            ("why", Some(mark)) => mark.why = Some(rest.to_owned()),
            (_, Some(_)) => {}
            (_, None) => return None,
        }
    }
    last
}

/// Writes a file atomically.
fn write(path: &Path, text: &str) -> Result<()> {
    atomic_file::replace(path, text.as_bytes()).map_err(|e| Error::io("can't write a file of the run", path, &e))
}

fn remove_files_in(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("can't list a folder of the run", folder, &e)),
    };
    for entry in entries.flatten() {
        remove_file(&entry.path())?;
    }
    fs::remove_dir(folder).map_err(|e| Error::io("can't remove a folder of the run", folder, &e))
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("can't remove a file of the run", path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
