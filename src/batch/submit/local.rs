//! Runs on this machine, each in a process of its own.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::SystemTime;

use super::checked_run::CheckedRun;
use serde_json::Value;

use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::process::{self, End, Limits};
use crate::base::signals;
use crate::batch::sweep::Kmeans;

/// Evaluates a run, resuming from its last checkpoint if there is one. Returns false if it failed; it has then printed why,
/// and the other runs go ahead.
///
/// # Errors
/// `Interrupted` or `Paused` if it was stopped: then no other run is started.
pub(super) fn evaluate(checked: &CheckedRun) -> Result<bool> {
    tracing::info!("{}: started", checked.run.name);
    let started = SystemTime::now();
    let settings = checked.folder.file("metrics.yaml");
    let arguments = ["metrics".as_ref(), "--config".as_ref(), settings.as_os_str(), "--resume".as_ref()];
    let status = run(&arguments, checked.folder.out(), "resume with --local --retry")?;
    checked.folder.note_local(started, status.code())?;
    if !status.success() {
        tracing::warn!("{}: failed ({status})", checked.run.name);
    }
    Ok(status.success())
}

/// Makes a clustering, resuming from its last checkpoint if there is one.
///
/// # Errors
/// `Interrupted` or `Paused` if it was stopped; `Failed` if it failed, after printing why.
pub(super) fn make_clustering(kmeans: &Kmeans) -> Result<()> {
    let out = &kmeans.settings.out;
    let mut arguments = vec!["kmeans".into(), kmeans.config.clone().into_os_string()];
    arguments.extend(kmeans.parameters.iter().flat_map(|(key, value)| options(key, value)));
    arguments.extend(["--out".into(), out.clone().into_os_string(), "--resume".into()]);
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let status = run(&arguments, out, "the same command resumes from there")?;
    if status.success() {
        return Ok(());
    }
    let finding = Finding::new("the clustering could not be made").file(out).found(status.to_string());
    Err(Error::failed(finding.hint("see its message above")))
}

/// A parameter as options of the command line: one for each entry of a list of texts, such as paths with commas in them.
fn options(key: &str, value: &Value) -> Vec<OsString> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let option = |value: String| OsString::from(format!("--{key}={value}"));
    match value {
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().map(|value| option(text(value))).collect()
        }
        Value::Array(values) => vec![option(values.iter().map(text).collect::<Vec<_>>().join(","))],
        one => vec![option(text(one))],
    }
}

/// Runs this program. `out` and `hint` go into the message if it stopped after a checkpoint.
fn run(arguments: &[&OsStr], out: &Path, hint: &str) -> Result<ExitStatus> {
    let program = std::env::current_exe()
        .map_err(|e| Error::failed(Finding::new("can't find this program's own path").found(e.to_string())))?;
    // standard output is reserved for the table of all runs
    let child = Command::new(&program).args(arguments).stdout(Stdio::null()).spawn();
    let status = child
        .and_then(|mut child| wait(&mut child))
        .map_err(|e| Error::io("can't run the program again", &program, &e))?;
    let stopped = |kind: Kind| status.code() == Some(i32::from(kind.exit_code()));
    if stopped(Kind::Interrupted) {
        return Err(Error::interrupted());
    }
    if stopped(Kind::Paused) {
        let finding = Finding::new("stopped after a checkpoint").file(out);
        return Err(Error::new(Kind::Paused, finding.hint(hint)));
    }
    Ok(status)
}

/// Waits for a child to end. Forwards a stop signal to it once, as SIGTERM; on Ctrl-C the terminal has signalled it as well.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let (id, forwarded) = (child.id(), Cell::new(false));
    let forward = || {
        if signals::requested() && !forwarded.replace(true) {
            terminate(id);
        }
        // never killed: it stops by itself, after a checkpoint
        false
    };
    match process::wait(child, Limits { deadline: None, cancelled: &forward })? {
        End::Exited(status) => Ok(status),
        End::TimedOut | End::Cancelled => Err(ErrorKind::Interrupted.into()),
    }
}

#[cfg(unix)]
fn terminate(process: u32) {
    if let Err(error) = Command::new("kill").args(["-s", "TERM", &process.to_string()]).status() {
        tracing::warn!("can't stop process {process}: {error}");
    }
}

/// Other systems have no such signal: the terminal has signalled the child.
#[cfg(not(unix))]
fn terminate(_process: u32) {}
