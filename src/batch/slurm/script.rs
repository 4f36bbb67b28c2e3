//! The scripts, from the templates in `slurm/`.

use std::borrow::Cow;
use std::path::Path;

use super::folder::JobFolder;
use super::layout::array_of;
use super::resources::Resources;
use super::site::Site;
use super::submission::{Step, Submission};
use super::words;
use crate::base::error::{Error, Finding, Result};

const SHARDS: &str = include_str!("../../../slurm/shards.sh");
const MERGE: &str = include_str!("../../../slurm/merge.sh");
const METRICS: &str = include_str!("../../../slurm/metrics.sh");
const KMEANS: &str = include_str!("../../../slurm/kmeans.sh");
const HEAD: &str = include_str!("../../../slurm/head.sh");
const MAIL: &str = include_str!("../../../slurm/mail.sh");
const COMMON: &str = include_str!("../../../slurm/common.sh");

/// The scripts of a run by their names.
///
/// # Errors
/// `Usage` for a path that is not UTF-8, or that Slurm can't handle.
pub fn scripts(submission: &Submission, folder: &JobFolder, site: &Site) -> Result<Vec<(&'static str, String)>> {
    let out = checked_path(folder)?;
    let steps: &[Step] =
        if submission.layout.shards == 1 { &[submission.only_step()] } else { &[Step::First, Step::Merge] };
    steps.iter().map(|&step| Ok((step.script(), script(step, submission, folder, site, &out)?))).collect()
}

/// The `--output` option for sbatch's command line, if an `#SBATCH` line can't contain it, for example because of a newline.
pub(super) fn output_option(folder: &JobFolder, step: Step) -> Option<String> {
    let option = output(folder, step);
    words::sbatch(&option).is_none().then_some(option)
}

fn output(folder: &JobFolder, step: Step) -> String {
    format!("--output={}", folder.log_pattern(step))
}

fn script(step: Step, submission: &Submission, folder: &JobFolder, site: &Site, out: &str) -> Result<String> {
    let (template, resources) = match step {
        Step::Kmeans => (KMEANS, &site.kmeans_resources),
        Step::Whole => (METRICS, &site.shard_resources),
        Step::First | Step::Second => (SHARDS, &site.shard_resources),
        Step::Merge => (MERGE, &site.merge_resources),
    };
    let scratch = match &site.scratch {
        // the program expands its variables on the node, and keeps them in the settings that it saves
        Some(path) => format!(" --scratch {}", words::shell(path)?),
        None => String::new(),
    };
    let head = fill(
        HEAD,
        &[
            ("STATE", &state(step, out)?),
            ("RUN", &words::shell(out)?),
            ("SETTINGS", step.settings()),
            ("BINARY", &binary(site)?),
            ("MOST_REQUEUES", &if site.requeue { site.max_requeues } else { 0 }.to_string()),
            ("COMMON", COMMON.trim_end()),
            ("ENVIRONMENT", &environment(site)?),
        ],
    );
    let then = submission.kmeans.iter().flat_map(|kmeans| &kmeans.then);
    let then = then.map(|word| words::shell(word)).collect::<Result<Vec<_>>>()?.join(" ");
    Ok(fill(
        template,
        &[
            ("SBATCH", &sbatch_lines(step, submission, folder, site, resources)),
            ("HEAD", head.trim_end()),
            ("SHARDS", &submission.layout.shards.to_string()),
            ("TASKS", &submission.layout.tasks.to_string()),
            ("SCRATCH", &scratch),
            ("REMOVE_PARTS", if site.keep_parts { "" } else { " --remove-parts" }),
            ("PROCESSES", &processes(submission).to_string()),
            ("THEN", &then),
        ],
    ))
}

/// The program as shell words.
fn binary(site: &Site) -> Result<String> {
    Ok(site.binary.iter().map(|word| words::shell(word)).collect::<Result<Vec<_>>>()?.join(" "))
}

/// The script of the job that waits for all others of a sweep, in `folder`.
///
/// # Errors
/// `Usage` for a path that is not UTF-8.
pub(super) fn mail(sweep: &Path, folder: &Path, name: &str, address: &str, site: &Site) -> Result<String> {
    let text = |path: &Path| {
        let finding = Finding::new("the sweep's folder is not UTF-8, so no script can name it").file(path);
        path.to_str().map(str::to_owned).ok_or_else(|| Error::usage(finding.hint("choose another folder")))
    };
    let mut options = vec![
        format!("--job-name={}", words::job_name(name)),
        format!("--output={}/mail-%j.log", text(folder)?.replace('%', "%%")),
    ];
    options.extend(site.merge_resources.for_a_moment());
    options.extend([format!("--mail-user={address}"), "--mail-type=END".to_owned()]);
    let lines = options.iter().filter_map(|option| Some(format!("#SBATCH {}", words::sbatch(option)?)));
    let lines: Vec<String> = lines.collect();
    Ok(fill(
        MAIL,
        &[
            ("SBATCH", &lines.join("\n")),
            ("ENVIRONMENT", &environment(site)?),
            ("BINARY", &binary(site)?),
            ("SWEEP", &words::shell(&text(sweep)?)?),
        ],
    ))
}

/// Processes of a job that run at the same time.
fn processes(submission: &Submission) -> u64 {
    submission.kmeans.as_ref().map_or(1, |kmeans| kmeans.processes)
}

/// The job's state file as a shell word. Each array task has its own.
fn state(step: Step, out: &str) -> Result<String> {
    let task = if step == Step::First { "-$SLURM_ARRAY_TASK_ID" } else { "" };
    Ok(words::shell(&format!("{out}/slurm/state/{}", step.name()))? + task)
}

/// The run's folder as text that sbatch accepts. In the name of a log, sbatch gives a backslash another meaning.
fn checked_path(folder: &JobFolder) -> Result<Cow<'_, str>> {
    let refused = |what| Error::usage(Finding::new(what).file(folder.out()).hint("choose another folder"));
    match folder.out().to_str() {
        None => Err(refused("the run's folder is not UTF-8, so no script can name it")),
        // on Windows a backslash separates folders, as a slash does
        Some(out) if cfg!(windows) => Ok(Cow::Owned(out.replace('\\', "/"))),
        Some(out) if out.contains('\\') => {
            Err(refused("Slurm can't write logs to a folder with a backslash in its name"))
        }
        Some(out) => Ok(Cow::Borrowed(out)),
    }
}

fn sbatch_lines(step: Step, submission: &Submission, folder: &JobFolder, site: &Site, resources: &Resources) -> String {
    let mut options = vec![format!("--job-name={}", words::job_name(&submission.name))];
    if step == Step::First {
        let tasks: Vec<u64> = (1..=submission.layout.tasks).collect();
        options.push(format!("--array={}", array_of(&tasks, site.max_running)));
    }
    // a retry from another directory must run the environment lines in the original one
    options.extend(
        site.directory
            .as_ref()
            .and_then(|at| Some(format!("--chdir={}", at.to_str()?)))
            .filter(|option| words::sbatch(option).is_some()),
    );
    // a requeued job appends to its log
    options.extend([output(folder, step), "--open-mode=append".to_owned()]);
    options.push(if site.requeue { "--requeue" } else { "--no-requeue" }.to_owned());
    if site.signal > 0 {
        options.push(format!("--signal=B:USR1@{}", site.signal));
    }
    options.extend(match processes(submission) {
        1 => resources.0.clone(),
        processes => resources.per_process(processes),
    });
    let line = |option: &String| match words::sbatch(option) {
        Some(word) => format!("#SBATCH {word}"),
        None => "# an sbatch line can't contain the folder's name: pass --output yourself".to_owned(),
    };
    options.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What runs before the program: exports of the variables, then the user's lines of shell code, verbatim.
fn environment(site: &Site) -> Result<String> {
    let mut lines = Vec::new();
    for (name, value) in &site.variables {
        lines.push(format!("export {name}={}", words::shell(value)?));
    }
    lines.extend(site.environment.iter().cloned());
    Ok(lines.join("\n"))
}

/// Replaces each `@NAME@` in `template` in a single pass: inserted text is not expanded again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let value = after
            .split_once('@')
            .and_then(|(name, after)| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, after)));
        match value {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('@');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests;
