//! Makes the clusterings that the runs of a spec evaluate, if the spec has a `kmeans` block: one job for each, which submits
//! the runs on it once the clustering is complete. These can't be checked before.

use std::path::Path;

use super::decision::{for_new_run, submitted_already};
use super::local;
use super::request::Request;
use crate::base::error::{Error, Finding, Findings, Kind, Result};
use crate::batch::slurm::{self, JobFolder, RunStatus, Site, Submission};
use crate::batch::sweep::{Kmeans, Run, Sweep};
use crate::formats::npy::shell_word;
use crate::run::kmeans;

/// A clustering that is not complete.
pub(super) struct Pending<'a> {
    pub(super) kmeans: &'a Kmeans,
    /// Its place in [`Sweep::kmeans`].
    index: usize,
    /// Rows of the embeddings.
    rows: u64,
}

/// The clusterings that are still to be made. Checks their inputs and, as far as it can, the runs that wait for them.
pub(super) fn pending<'a>(sweep: &'a Sweep, request: &Request) -> Result<Vec<Pending<'a>>> {
    let mut pending = Vec::new();
    for (index, kmeans) in sweep.kmeans.iter().enumerate() {
        let survey = kmeans::survey(&kmeans.settings)?;
        if !survey.complete {
            pending.push(Pending { kmeans, index, rows: survey.rows });
        }
    }
    check_early(&waiting(sweep, &pending).0, request)?;
    let mut warned: Vec<&str> = Vec::new();
    for warning in pending.iter().flat_map(|pending| &pending.kmeans.settings.warnings) {
        if !warned.contains(&warning.as_str()) {
            tracing::warn!("{warning}");
            warned.push(warning);
        }
    }
    Ok(pending)
}

/// The runs that wait for a clustering, and those that don't.
pub(super) fn waiting<'a>(sweep: &'a Sweep, pending: &[Pending]) -> (Vec<&'a Run>, Vec<&'a Run>) {
    let waits = |run: &&Run| pending.iter().any(|pending| run.kmeans == Some(pending.index));
    sweep.runs.iter().partition(waits)
}

/// Checks what can be checked of the runs without the clustering, before hours go into it.
fn check_early(runs: &[&Run], request: &Request) -> Result<()> {
    let mut findings = Findings::new();
    for run in runs {
        run.to_options()?.resolve()?;
        let folder = JobFolder::of(&run.folder);
        if !folder.is_there() {
            for_new_run(folder.out(), request)?.err().into_iter().for_each(|finding| findings.push_usage(finding));
        } else if !request.retry && !request.overwrite {
            findings.push_usage(submitted_already(folder.out()));
        }
    }
    findings.into_result()
}

/// Makes the clusterings on this machine, one after another. Returns those that failed, unless it was the only one.
///
/// # Errors
/// `Interrupted` or `Paused` after a signal; that of the only clustering.
pub(super) fn make_here<'a>(pending: Vec<Pending<'a>>) -> Result<Vec<Pending<'a>>> {
    let only = pending.len() == 1;
    let mut failed = Vec::new();
    for clustering in pending {
        match local::make_clustering(clustering.kmeans) {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::Failed && !only => {
                tracing::warn!("{}: {error}", clustering.kmeans.name);
                failed.push(clustering);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(failed)
}

/// What happens to the runs that wait, for the user.
pub(super) fn what_follows(sweep: &Sweep, pending: &[Pending], request: &Request) -> String {
    let runs: Vec<&str> = waiting(sweep, pending).0.into_iter().map(|run| run.name.as_str()).collect();
    let first = runs.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let more = if runs.len() > 3 { ", ..." } else { "" };
    let (what, whose) = if pending.len() > 1 { ("a clustering", "its") } else { ("the clustering", "the") };
    let who = if request.local { "this command evaluates".to_owned() } else { "the job submits".to_owned() };
    let root = sweep.root.join(&sweep.name);
    format!("Once {what} is complete, {who} {whose} runs of {}: {first}{more} ({})", root.display(), runs.len())
}

/// The job that makes a clustering.
pub(super) struct Job {
    folder: JobFolder,
    submission: Submission,
    files: Vec<(&'static str, String)>,
}

impl Job {
    pub(super) fn new(sweep: &Sweep, pending: &Pending, site: &Site, request: &Request) -> Result<Job> {
        let kmeans = pending.kmeans;
        let folder = JobFolder::of(&kmeans.settings.out);
        // the jobs of the other clusterings submit the other runs
        let only = (sweep.kmeans.len() > 1 || request.clustering.is_some()).then(|| folder.out());
        let work = slurm::Kmeans { processes: kmeans.tasks, then: own_arguments(request, only)? };
        let name = format!("{}/{}", sweep.name, kmeans.name);
        let submission = Submission::of_kmeans(&name, folder.out(), pending.rows, work);
        let mut settings = kmeans.settings.to_yaml()?;
        if kmeans.settings.force {
            // the settings that a clustering keeps leave `force` out
            settings += "force: true\n";
        }
        let mut files = vec![("kmeans.yaml", settings)];
        files.extend(slurm::scripts(&submission, &folder, site)?);
        Ok(Job { folder, submission, files })
    }

    pub(super) fn preview(&self, local: bool) -> Result<String> {
        let mut text = vec![format!("### {}: {}", self.submission.name, self.folder.out().display())];
        let shown = self.files.iter().filter(|(name, _)| !local || *name == "kmeans.yaml");
        text.extend(shown.map(|(name, file)| format!("# {name}\n{file}")));
        if !local {
            text.push(slurm::preview(&slurm::all(&self.submission), &self.submission, &self.folder)?.join("\n"));
        }
        Ok(text.join("\n\n"))
    }

    /// Submits the job, unless it is queued or running already.
    pub(super) fn submit(mut self, request: &Request) -> Result<String> {
        let mut lock = self.folder.lock()?;
        if self.folder.is_there() {
            match self.folder.read() {
                Ok(earlier) => {
                    if let Some(message) = self.take_over(earlier)? {
                        return Ok(message);
                    }
                }
                Err(_) if request.overwrite => {}
                Err(error) => return Err(error),
            }
        }
        self.folder.create(&self.files, &self.submission)?;
        lock.keep();
        let planned = slurm::all(&self.submission);
        let jobs = slurm::submit(&planned, &mut self.submission, &self.folder)?;
        let jobs = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        Ok(self.message(&format!("job {jobs} makes the clustering")))
    }

    /// Takes over the record of earlier jobs of the clustering. Returns the text to print if one of them is still active.
    fn take_over(&mut self, earlier: Submission) -> Result<Option<String>> {
        let status = RunStatus::of(&self.folder, &earlier)?;
        if !status.active_jobs.is_empty() {
            let state = format!("{} ({})", status.state.text(), status.last.detail);
            return Ok(Some(
                self.message(&format!("the job that makes the clustering is {state}; nothing was submitted")),
            ));
        }
        slurm::refuse_active(&self.folder, &status).map_err(Error::usage)?;
        self.submission.jobs = earlier.jobs;
        Ok(None)
    }

    fn message(&self, what: &str) -> String {
        format!(
            "{}: {what}\nclustrata status {} shows its progress",
            self.folder.out().display(),
            shell_word(self.folder.out())
        )
    }
}

/// This command's own arguments, for the job to repeat; with `only` for the runs on that clustering.
fn own_arguments(request: &Request, only: Option<&Path>) -> Result<Vec<String>> {
    let spec = std::path::absolute(&request.spec)
        .map_err(|e| Error::usage(Finding::io("the job spec has no usable path", &request.spec, &e)))?;
    let text = |path: &Path| {
        let refused = || Finding::new("a path in a job's script must be UTF-8").file(path).hint("use another name");
        path.to_str().map(str::to_owned).ok_or_else(|| Error::usage(refused()))
    };
    let mut arguments = vec!["submit".to_owned(), text(&spec)?];
    arguments.extend(request.flags().map(str::to_owned));
    if let Some(clustering) = only {
        arguments.extend(["--clustering".to_owned(), text(clustering)?]);
    }
    Ok(arguments)
}
