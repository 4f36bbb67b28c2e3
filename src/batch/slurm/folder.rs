//! What lies in a run's folder for Slurm: `OUT/slurm/` with the settings, the scripts, what was submitted, logs, and what
//! became of each job.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::AtomicFile;
use crate::formats::folder::LockedFolder;
use crate::plan::record::rfc3339;
use crate::run::parts;

/// Changes when `job.json` can no longer be read as before.
const FORMAT: u32 = 1;

/// Settings of `metrics --config`.
const METRICS_SETTINGS: &str = "metrics.yaml";
/// CONFIG of `kmeans`.
const KMEANS_SETTINGS: &str = "kmeans.yaml";

/// One of the jobs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The clustering, and what submits the runs that judge it.
    Kmeans,
    /// The run in one job.
    Whole,
    /// The shards' first round: the pass over the embeddings.
    First,
    /// Their second round, for figures that need the first results of all rows.
    Second,
    /// What adds the shards up.
    Merge,
}

impl Step {
    /// File name of its script.
    pub fn script(self) -> &'static str {
        match self {
            Step::Kmeans => "kmeans.sh",
            Step::Whole => "metrics.sh",
            Step::First | Step::Second => "shards.sh",
            Step::Merge => "merge.sh",
        }
    }

    /// File name of the settings that the script reads.
    pub(super) fn settings(self) -> &'static str {
        match self {
            Step::Kmeans => KMEANS_SETTINGS,
            Step::Whole | Step::First | Step::Second | Step::Merge => METRICS_SETTINGS,
        }
    }

    /// Name of a job's files of logs and state, where it is no array.
    pub(super) fn name(self) -> &'static str {
        self.script().trim_end_matches(".sh")
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Step::Kmeans => "clustering",
            Step::Whole => "run",
            Step::First => "shards",
            Step::Second => "shards, second round",
            Step::Merge => "merge",
        }
    }
}

/// A job that sbatch took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// What it does.
    pub step: Step,
    /// Its number.
    pub job: u64,
    /// Its tasks, as sbatch reads them; none where it is no array.
    pub array: Option<String>,
    /// When it was submitted, RFC 3339, UTC.
    pub at: String,
    /// The command line.
    pub sbatch: Vec<String>,
}

/// One part of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 1.
    pub shard: u64,
    /// The array task that does it.
    pub task: u64,
    /// From the first up to and without the second.
    pub rows: [u64; 2],
}

/// What a job does that makes a clustering, not a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kmeans {
    /// Processes that share the work.
    pub processes: u64,
    /// Arguments of this program, which is started with them once the clustering is complete.
    pub then: Vec<String>,
}

/// `job.json`: what was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    format: u32,
    /// The program's version.
    pub version: String,
    /// Sweep and run.
    pub name: String,
    /// The run's folder, which the scripts name; a run that was moved or copied lies elsewhere.
    pub out: PathBuf,
    /// How the rows are spread.
    #[serde(flatten)]
    pub layout: Layout,
    /// Passes over the shards: 2 where figures need the first results of all rows.
    pub rounds: u8,
    /// Array tasks that may run at the same time.
    pub max_running: Option<u64>,
    /// Where the folder is a clustering's that is made, and no run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kmeans: Option<Kmeans>,
    /// The shards and their rows.
    pub parts: Vec<Part>,
    /// The jobs, in the order of submission; those of retries as well.
    pub jobs: Vec<Submitted>,
}

impl Submission {
    /// Nothing is submitted yet.
    pub fn new(name: &str, out: &Path, layout: Layout, rounds: u8, max_running: Option<u64>) -> Submission {
        let part = |shard| {
            let rows = layout.rows_of(shard);
            Part { shard, task: layout.task_of(shard), rows: [rows.start, rows.end] }
        };
        Submission {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: name.to_owned(),
            out: out.to_owned(),
            layout,
            rounds,
            max_running,
            kmeans: None,
            parts: (1..=layout.shards).map(part).collect(),
            jobs: Vec::new(),
        }
    }

    /// Of a clustering of so many `rows`.
    pub fn of_kmeans(name: &str, out: &Path, rows: u64, kmeans: Kmeans) -> Submission {
        let alone = Layout { rows, shards: 1, tasks: 1 };
        Submission { kmeans: Some(kmeans), ..Submission::new(name, out, alone, 1, None) }
    }

    /// What its job does, where it is but one.
    pub(super) fn only_step(&self) -> Step {
        if self.kmeans.is_some() { Step::Kmeans } else { Step::Whole }
    }
}

/// What a job's script wrote about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Of the array, where there is one; 0 for a run on this machine.
    pub(super) job: u64,
    pub(super) node: String,
    /// Its exit code; none while it runs, and where it was killed.
    pub(super) ended: Option<u8>,
}

/// What all jobs of a run wrote about themselves last.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<String, Mark>);

impl Marks {
    /// Of a step, or a task of it; none where it did not begin.
    pub(super) fn of(&self, step: Step, task: Option<u64>) -> Option<&Mark> {
        self.0.get(&mark_name(step, task))
    }

    /// The jobs that did a step, in no order: those that were submitted by hand as well.
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
    /// Of the run that is written to `out`, an absolute path.
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

    /// Whether the run was submitted, or begun on this machine.
    pub fn is_there(&self) -> bool {
        self.job_file().exists()
    }

    /// Where a job writes what it prints: `%A` and `%a` stand for the numbers of the array and the task, `%j` for the job's.
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

    /// Writes the settings and scripts and what is to be submitted; makes the folders that the jobs write to.
    ///
    /// # Errors
    /// `Failed` where the folder can't be written.
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

    /// Removes what [`create`](Self::create) and the jobs wrote, the parts of the run too, and nothing else.
    ///
    /// # Errors
    /// `Failed` where something can't be removed.
    pub fn remove(&self) -> Result<()> {
        for part in parts::survey(&self.out)? {
            remove_files_in(&parts::folder_of(&self.out, &part.rows))?;
        }
        let _ = fs::remove_dir(self.out.join("parts"));
        for folder in ["logs", "state"] {
            remove_files_in(&self.file(folder))?;
        }
        // job.json last: without it the folder is no submitted run
        for name in [METRICS_SETTINGS, "metrics.sh", "shards.sh", "merge.sh", "job.json"] {
            remove_file(&self.file(name))?;
        }
        // another's files keep it
        let _ = fs::remove_dir(self.out.join("slurm"));
        Ok(())
    }

    /// What was submitted.
    ///
    /// # Errors
    /// `Usage` where nothing was; `Input` where the file is not what was written.
    pub fn read(&self) -> Result<Submission> {
        let path = self.job_file();
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::usage(
                Finding::new("the folder holds no submitted run")
                    .file(&self.out)
                    .expected("slurm/job.json in it")
                    .hint("name a folder that `clustrata submit` made"),
            ),
            _ => Error::io("can't read what was submitted", &path, &e),
        })?;
        let damaged = |found: String| {
            let finding = Finding::new("the record of what was submitted can't be read").file(&path).found(found);
            Error::input(finding.hint("begin the run anew: clustrata submit SPEC --overwrite"))
        };
        let submission: Submission = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        let Layout { shards, tasks, rows } = submission.layout;
        if submission.format != FORMAT || shards == 0 || tasks == 0 || tasks > shards || shards > rows {
            return Err(damaged(format!("format {}, {shards} shards, {tasks} tasks", submission.format)));
        }
        Ok(submission)
    }

    /// Writes down what was submitted so far.
    pub fn write(&self, submission: &Submission) -> Result<()> {
        let text = serde_json::to_string_pretty(submission)
            .map_err(|e| Error::failed(Finding::new("can't write job.json").found(e.to_string())))?;
        write(&self.job_file(), &(text + "\n"))
    }

    /// The settings that the scripts use.
    pub fn settings(&self) -> Option<String> {
        fs::read_to_string(self.file(METRICS_SETTINGS)).ok()
    }

    /// Writes down, as a script does, that a run on this machine failed.
    ///
    /// # Errors
    /// `Failed` where the folder can't be written.
    pub fn note_failure(&self, exit_code: Option<i32>) -> Result<()> {
        let (at, code) = (rfc3339(SystemTime::now()), exit_code.map_or("-".to_owned(), |code| code.to_string()));
        write(&self.file("state").join(Step::Whole.name()), &format!("begun 0 - {at}\nended {code} {at}\n"))
    }

    /// What the scripts wrote about themselves.
    pub(super) fn marks(&self) -> Marks {
        let entries = fs::read_dir(self.file("state")).into_iter().flatten().flatten();
        let mark = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, parse_mark(&fs::read_to_string(entry.path()).ok()?)?))
        };
        Marks(entries.filter_map(mark).collect())
    }

    /// Keeps every other `submit` and `retry` of the run out as long as it lives: two at once would both find that
    /// nothing is at work. Makes the folder where it is missing; it goes again unless the lock is told to keep it.
    ///
    /// # Errors
    /// `Failed` where another process holds it, or the folder can't be written.
    pub fn lock(&self) -> Result<LockedFolder> {
        let folder = self.out.join("slurm");
        if folder.is_dir() {
            return LockedFolder::try_open(&folder)?.ok_or_else(|| self.busy());
        }
        LockedFolder::open(&folder)
    }

    /// That another process submits the run.
    pub fn busy(&self) -> Error {
        let finding = Finding::new("another `submit` or `retry` is at work on the run").file(&self.out);
        Error::failed(finding.hint("wait until it has ended, and look at `clustrata status`"))
    }

    /// The folder that the run was submitted in, where it is another one.
    pub fn moved_from(&self, submission: &Submission) -> Option<PathBuf> {
        let is_here = match (self.out.canonicalize(), submission.out.canonicalize()) {
            (Ok(here), Ok(there)) => here == there,
            _ => self.out == submission.out,
        };
        (!is_here).then(|| submission.out.clone())
    }
}

fn parse_mark(text: &str) -> Option<Mark> {
    let mut lines = text.lines().map(|line| line.split(' '));
    let mut begun = lines.next()?;
    if begun.next() != Some("begun") {
        return None;
    }
    let (job, node) = (begun.next()?.parse().ok()?, begun.next()?.to_owned());
    let ended =
        lines.find_map(|mut words| if words.next() == Some("ended") { words.next()?.parse().ok() } else { None });
    Some(Mark { job, node, ended })
}

/// A script or record that is there is whole.
fn write(path: &Path, text: &str) -> Result<()> {
    let written = AtomicFile::create(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.commit()
    });
    written.map_err(|e| Error::io("can't write a file of the run", path, &e))
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
