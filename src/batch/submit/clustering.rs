//! Makes the clustering that the runs of a spec evaluate, if the spec has a `kmeans` block: one job, which submits the runs
//! once the clustering is complete. The runs can't be checked before.

use std::path::Path;

use super::decision::{for_new_run, submitted_already};
use super::local;
use super::request::Request;
use super::saved_spec;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::batch::slurm::{self, JobFolder, RunStatus, Site, Submission};
use crate::batch::sweep::{Kmeans, Sweep};
use crate::run::kmeans;

/// Makes the clustering, or submits the job that does. Returns the text to print if the runs have to wait for it; `None`
/// if the clustering is complete.
pub(super) fn make_first(sweep: &Sweep, site: &Site, request: &Request) -> Result<Option<String>> {
    let Some(kmeans) = &sweep.kmeans else { return Ok(None) };
    let survey = kmeans::survey(&kmeans.settings)?;
    if survey.complete {
        return Ok(None);
    }
    check_early(sweep, request)?;
    kmeans.settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if request.local && !request.dry_run {
        saved_spec::save(sweep, &request.spec)?;
        local::make_clustering(kmeans)?;
        return Ok(None);
    }
    let job = Job::new(sweep, kmeans, survey.rows, site, request)?;
    let message = if request.dry_run {
        job.preview(request.local)?
    } else {
        saved_spec::save(sweep, &request.spec)?;
        job.submit(request)?
    };
    Ok(Some(format!("{message}\n\n{}", what_follows(sweep, request))))
}

/// Checks what can be checked of the runs without the clustering, before hours go into it.
fn check_early(sweep: &Sweep, request: &Request) -> Result<()> {
    let mut findings = Findings::new();
    for run in &sweep.runs {
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

fn what_follows(sweep: &Sweep, request: &Request) -> String {
    let first = sweep.runs.iter().map(|run| run.name.as_str()).take(3).collect::<Vec<_>>().join(", ");
    let more = if sweep.runs.len() > 3 { ", ..." } else { "" };
    let who = if request.local { "this command evaluates the runs" } else { "the job submits the runs" };
    let root = sweep.root.join(&sweep.name);
    format!("Once the clustering is complete, {who} of {}: {first}{more} ({})", root.display(), sweep.runs.len())
}

/// The job that makes the clustering.
struct Job {
    folder: JobFolder,
    submission: Submission,
    files: Vec<(&'static str, String)>,
}

impl Job {
    fn new(sweep: &Sweep, kmeans: &Kmeans, rows: u64, site: &Site, request: &Request) -> Result<Job> {
        let folder = JobFolder::of(&kmeans.settings.out);
        let work = slurm::Kmeans { processes: kmeans.tasks, then: own_arguments(request)? };
        let submission = Submission::of_kmeans(&format!("{}/kmeans", sweep.name), folder.out(), rows, work);
        let mut settings = kmeans.settings.to_yaml()?;
        if kmeans.settings.force {
            // the settings that a clustering keeps leave `force` out
            settings += "force: true\n";
        }
        let mut files = vec![("kmeans.yaml", settings)];
        files.extend(slurm::scripts(&submission, &folder, site)?);
        Ok(Job { folder, submission, files })
    }

    fn preview(&self, local: bool) -> Result<String> {
        let mut text = vec![format!("### {}: {}", self.submission.name, self.folder.out().display())];
        let shown = self.files.iter().filter(|(name, _)| !local || *name == "kmeans.yaml");
        text.extend(shown.map(|(name, file)| format!("# {name}\n{file}")));
        if !local {
            text.push(slurm::preview(&slurm::all(&self.submission), &self.submission, &self.folder)?.join("\n"));
        }
        Ok(text.join("\n\n"))
    }

    /// Submits the job, unless it is queued or running already.
    fn submit(mut self, request: &Request) -> Result<String> {
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
        format!("{}: {what}\nclustrata status {0} shows its progress", self.folder.out().display())
    }
}

/// This command's own arguments, for the job to repeat.
fn own_arguments(request: &Request) -> Result<Vec<String>> {
    let unusable = |found: String| Error::usage(Finding::new("the job spec has no usable path").found(found));
    let spec = std::path::absolute(&request.spec).map_err(|e| unusable(e.to_string()))?;
    let name = |spec: &Path| spec.to_str().map(str::to_owned);
    let spec = name(&spec).ok_or_else(|| unusable(format!("{}, which is not UTF-8", spec.display())))?;
    let flags = [(request.overwrite, "--overwrite"), (request.retry, "--retry")];
    let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag.to_owned());
    Ok(["submit".to_owned(), spec].into_iter().chain(flags).collect())
}
