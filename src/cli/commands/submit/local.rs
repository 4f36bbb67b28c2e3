//! Runs on this machine, each in a process of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::ready::Ready;
use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::signals;
use crate::batch::sweep::Kmeans;

/// How often it is looked whether a run has ended, and whether it is to be stopped.
const GLANCE: Duration = Duration::from_millis(50);

/// Does a run from its settings, from its last checkpoint on where it has one. False where it failed, which it told of
/// itself; the others are done all the same.
///
/// # Errors
/// `Interrupted` or `Paused` where it was stopped: then the others are not begun.
pub(super) fn judge(ready: &Ready) -> Result<bool> {
    tracing::info!("{}: begins", ready.run.name);
    let settings = ready.folder.file("metrics.yaml");
    let arguments = ["metrics".as_ref(), "--config".as_ref(), settings.as_os_str(), "--resume".as_ref()];
    let status = run(&arguments, ready.folder.out(), "go on with --local --retry")?;
    if !status.success() {
        tracing::warn!("{}: failed ({status})", ready.run.name);
        ready.folder.note_failure(status.code())?;
    }
    Ok(status.success())
}

/// Makes the clustering that the runs judge, from its last checkpoint on where it has one.
///
/// # Errors
/// `Interrupted` or `Paused` where it was stopped; `Failed` where it failed, which it told of itself.
pub(super) fn cluster(kmeans: &Kmeans) -> Result<()> {
    let (config, out) = (&kmeans.config, &kmeans.settings.out);
    let arguments = ["kmeans".as_ref(), config.as_os_str(), "--out".as_ref(), out.as_os_str(), "--resume".as_ref()];
    let status = run(&arguments, out, "the same command again goes on from there")?;
    if status.success() {
        return Ok(());
    }
    let finding = Finding::new("the clustering could not be made").file(out).found(status.to_string());
    Err(Error::failed(finding.hint("what it said stands above")))
}

/// Runs this program; `out` and `hint` are for the message where it stopped after a checkpoint.
fn run(arguments: &[&OsStr], out: &Path, hint: &str) -> Result<ExitStatus> {
    let program = std::env::current_exe()
        .map_err(|e| Error::failed(Finding::new("can't tell where this program lies").found(e.to_string())))?;
    // standard output is for the table of all runs
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

/// Waits for it to end. A terminal sends Ctrl-C to it as well; a signal to this process alone is handed on.
fn wait(child: &mut Child) -> std::io::Result<ExitStatus> {
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if signals::requested() && !told {
            told = true;
            #[cfg(unix)]
            Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status()?;
        }
        thread::sleep(GLANCE);
    }
}
