//! Weights & Biases, through its own SDK: no crate speaks its protocol, so a Python process is fed the events.
//!
//! The SDK's environment holds as everywhere else (`WANDB_MODE`, `WANDB_PROJECT`, `WANDB_RUN_GROUP`, `WANDB_TAGS`,
//! `WANDB_NAME`, `WANDB_RUN_ID`, `WANDB_SWEEP_ID`, ...); what is set here beats it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::child::{self, End};
use crate::base::error::Finding;
use crate::formats::folder::TRACK_LOG;

/// The SDK's side.
const SCRIPT: &str = include_str!("wandb.py");
/// Its exit code where a Python has no wandb.
const NO_WANDB: i32 = 69;
/// What it has to say begins so.
const SAID: &str = "clustrata: ";
/// Names the Python to use; others are not tried then.
const PYTHON: &str = "CLUSTRATA_PYTHON";

/// Where a run is sent to.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// Instead of `WANDB_PROJECT`, or of `clustrata`.
    pub project: Option<String>,
    /// Instead of `WANDB_RUN_GROUP`.
    pub group: Option<String>,
    /// Instead of `WANDB_TAGS`.
    pub tags: Vec<String>,
    /// Instead of `WANDB_NAME`.
    pub name: Option<String>,
    /// The name where nobody gives one.
    pub default_name: String,
    /// How long it may take altogether.
    pub seconds: u64,
}

/// Sends the events of the run in `out`; its files are read where the events name them. Returns where they went.
///
/// # Errors
/// Why they were not sent: no Python, no wandb in it, no key, no network, no more time, or `stop`.
pub fn send(out: &Path, events: &[u8], target: &Target, stop: &dyn Fn() -> bool) -> Result<String, Finding> {
    let deadline = Instant::now() + Duration::from_secs(target.seconds);
    let options = serde_json::to_string(target).map_err(|e| failed(out, &e.to_string()))?;
    let (log, path) = open_log(out).map_err(|e| failed(out, &format!("the log can't be written: {e}")))?;
    let mut without = Vec::new();
    for python in pythons() {
        let mut command = Command::new(&python);
        command.arg("-c").arg(SCRIPT).arg(out).arg(&options).env("PYTHONIOENCODING", "utf-8");
        let end = match child::run(command, events.to_vec(), &log, deadline, stop) {
            Ok(end) => end,
            Err(e) => {
                without.push(format!("{}: {e}", python.display()));
                continue;
            }
        };
        let said = said(&path);
        return match end {
            End::Exited(status) if status.success() => Ok(said.unwrap_or_else(|| "sent".to_owned())),
            End::Exited(status) if status.code() == Some(NO_WANDB) => {
                without.extend(said);
                continue;
            }
            End::Exited(status) => Err(failed(&path, &said.unwrap_or_else(|| format!("Python ended with {status}")))),
            End::Late => Err(failed(&path, &format!("not done after {} s, so it was ended", target.seconds))),
            End::Stopped => Err(failed(&path, "asked to stop")),
        };
    }
    let hint = format!("pip install wandb pillow; {PYTHON} names the Python to use");
    Err(failed(&path, &without.join("; ")).hint(hint))
}

fn failed(file: &Path, found: &str) -> Finding {
    Finding::new("the run was not sent to Weights & Biases").file(file).found(found)
}

/// What may be a Python, the best first.
fn pythons() -> Vec<OsString> {
    match std::env::var_os(PYTHON).filter(|python| !python.is_empty()) {
        Some(python) => vec![python],
        None => ["python3", "python"].map(OsString::from).to_vec(),
    }
}

/// What the SDK says goes beside the run, or where that is only to be read, into a file of this process.
fn open_log(out: &Path) -> io::Result<(File, PathBuf)> {
    let beside = out.join(TRACK_LOG);
    if let Ok(file) = File::create(&beside) {
        return Ok((file, beside));
    }
    let elsewhere = std::env::temp_dir().join(format!("clustrata-{}-{TRACK_LOG}", std::process::id()));
    // whatever lies there under that name is not ours
    Ok((File::create_new(&elsewhere)?, elsewhere))
}

/// The last thing that the script said of itself.
fn said(log: &Path) -> Option<String> {
    let bytes = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(|line| line.strip_prefix(SAID)).next_back().map(str::to_owned)
}
