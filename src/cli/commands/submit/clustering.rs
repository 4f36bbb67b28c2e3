//! The clustering that the runs of a spec judge, where the spec has it made first: one job, which submits the runs once it
//! has ended. Until then nobody can check them.

use std::path::Path;

use super::local;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::batch::slurm::{self, JobFolder, RunStatus, Site, Submission};
use crate::batch::sweep::{Kmeans, Sweep};
use crate::cli::args::SubmitArgs;
use crate::run::kmeans;

/// Sees to it that the clustering is there, or is made. A text where the runs have to wait for it.
pub(super) fn make_first(sweep: &Sweep, site: &Site, args: &SubmitArgs) -> Result<Option<String>> {
    let Some(kmeans) = &sweep.kmeans else { return Ok(None) };
    let survey = kmeans::survey(&kmeans.settings)?;
    if survey.complete {
        return Ok(None);
    }
    foresee(sweep, args)?;
    kmeans.settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if args.local && !args.dry_run {
        local::cluster(kmeans)?;
        return Ok(None);
    }
    let job = Job::new(sweep, kmeans, survey.rows, site, args)?;
    let told = if args.dry_run { job.preview(args.local) } else { job.submit(args) }?;
    Ok(Some(format!("{told}\n\n{}", what_follows(sweep, args))))
}

/// What can be said of the runs without the clustering, before hours go into it.
fn foresee(sweep: &Sweep, args: &SubmitArgs) -> Result<()> {
    let mut findings = Findings::new();
    for run in &sweep.runs {
        run.to_options()?.resolve()?;
        let folder = JobFolder::of(&run.folder);
        if !folder.is_there() {
            super::plan_first(folder.out(), args)?.err().into_iter().for_each(|finding| findings.push_usage(finding));
        } else if !args.retry && !args.overwrite {
            findings.push_usage(super::submitted_already(folder.out()));
        }
    }
    findings.into_result()
}

fn what_follows(sweep: &Sweep, args: &SubmitArgs) -> String {
    let first = sweep.runs.iter().map(|run| run.name.as_str()).take(3).collect::<Vec<_>>().join(", ");
    let more = if sweep.runs.len() > 3 { ", ..." } else { "" };
    let who = if args.local { "this command does the runs" } else { "the job submits the runs" };
    let root = sweep.root.join(&sweep.name);
    format!("Once the clustering is complete, {who} of {}: {first}{more} ({})", root.display(), sweep.runs.len())
}

/// What makes the clustering, ready to be submitted.
struct Job {
    folder: JobFolder,
    submission: Submission,
    files: Vec<(&'static str, String)>,
}

impl Job {
    fn new(sweep: &Sweep, kmeans: &Kmeans, rows: u64, site: &Site, args: &SubmitArgs) -> Result<Job> {
        let folder = JobFolder::of(&kmeans.settings.out);
        let work = slurm::Kmeans { processes: kmeans.tasks, then: again(args)? };
        let submission = Submission::of_kmeans(&format!("{}/kmeans", sweep.name), folder.out(), rows, work);
        let mut settings = kmeans.settings.to_yaml()?;
        if kmeans.settings.force {
            // what is written into a clustering never says so
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

    /// Submits the job, unless it waits or runs already.
    fn submit(mut self, args: &SubmitArgs) -> Result<String> {
        let mut lock = self.folder.lock()?;
        if self.folder.is_there() {
            match self.folder.read() {
                Ok(earlier) => {
                    if let Some(told) = self.go_on_with(earlier)? {
                        return Ok(told);
                    }
                }
                Err(_) if args.overwrite => {}
                Err(error) => return Err(error),
            }
        }
        self.folder.create(&self.files, &self.submission)?;
        lock.keep();
        let planned = slurm::all(&self.submission);
        let jobs = slurm::submit(&planned, &mut self.submission, &self.folder)?;
        let jobs = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        Ok(self.told(&format!("job {jobs} makes the clustering")))
    }

    /// Looks what became of earlier jobs of the clustering; a text where one of them is at work.
    fn go_on_with(&mut self, earlier: Submission) -> Result<Option<String>> {
        let status = RunStatus::of(&self.folder, &earlier)?;
        if !status.active_jobs.is_empty() {
            let state = format!("{} ({})", status.state.text(), status.last.detail);
            return Ok(Some(
                self.told(&format!("the job that makes the clustering is {state}; nothing was submitted")),
            ));
        }
        slurm::refuse_active(&self.folder, &status).map_err(Error::usage)?;
        self.submission.jobs = earlier.jobs;
        Ok(None)
    }

    fn told(&self, what: &str) -> String {
        format!("{}: {what}\nclustrata status {0} tells how far it is", self.folder.out().display())
    }
}

/// The arguments of this command, for the job.
fn again(args: &SubmitArgs) -> Result<Vec<String>> {
    let unusable = |found: String| Error::usage(Finding::new("the job spec has no usable path").found(found));
    let spec = std::path::absolute(&args.spec).map_err(|e| unusable(e.to_string()))?;
    let name = |spec: &Path| spec.to_str().map(str::to_owned);
    let spec = name(&spec).ok_or_else(|| unusable(format!("{}, which is not UTF-8", spec.display())))?;
    let flags = [(args.overwrite, "--overwrite"), (args.retry, "--retry")];
    let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag.to_owned());
    Ok(["submit".to_owned(), spec].into_iter().chain(flags).collect())
}
