//! A tracker through its Python package: no crate does what these packages do, so a Python process receives the events.
//!
//! A script ends with exit code 0 if the events were sent, 1 if not, and 69 if its Python lacks the package. Lines of its
//! output that begin with `clustrata: ` are messages for the user.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::base::error::Finding;
use crate::base::process::{self, End, Limits};
use crate::formats::folder::TRACK_LOG;

/// Exit code of a script whose Python lacks the package.
const NO_PACKAGE: i32 = 69;
/// Prefix of a script's own messages.
const PREFIX: &str = "clustrata: ";
/// Environment variable with the Python to use; no other is tried then.
const PYTHON: &str = "CLUSTRATA_PYTHON";

/// A tracker's Python package, and the script that hands the events to it.
#[derive(Debug)]
pub struct Sdk {
    /// The tracker's name, for people.
    pub label: &'static str,
    /// What `pip install` takes to install the package, and what else the script uses.
    pub packages: &'static str,
    /// The script: it is started with the folder of the run and a [`Target`] as JSON, and reads the events from its input.
    pub script: &'static str,
}

/// Where to send a run.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// Project that the settings name.
    pub project: Option<String>,
    /// Group that the settings name.
    pub group: Option<String>,
    /// Group of the run if neither they nor the tracker's own defaults name one.
    pub default_group: Option<String>,
    /// Tags in the settings.
    pub tags: Vec<String>,
    /// Name in the settings.
    pub name: Option<String>,
    /// Name of the run if neither they nor the tracker's own defaults name one.
    pub default_name: String,
    /// Time limit in seconds.
    pub seconds: u64,
}

/// Sends the events of the run in `out`, with the files that the events name. Returns where they went, in words.
///
/// # Errors
/// The reason why they were not sent: no Python, no such package in it, whatever the script says (no key, no network),
/// the time limit, or `cancelled`.
pub fn send(
    sdk: &Sdk,
    out: &Path,
    events: &[u8],
    target: &Target,
    cancelled: &dyn Fn() -> bool,
) -> Result<String, Finding> {
    let failed = |file: &Path, found: &str| {
        Finding::new(format!("the run was not sent to {}", sdk.label)).file(file).found(found)
    };
    let limits = Limits { deadline: Instant::now().checked_add(Duration::from_secs(target.seconds)), cancelled };
    let options = serde_json::to_string(target).map_err(|e| failed(out, &e.to_string()))?;
    let (log, path) = open_log(out).map_err(|e| failed(out, &format!("the log can't be written: {e}")))?;
    let mut unusable = Vec::new();
    for python in pythons() {
        let mut command = Command::new(&python);
        command.arg("-c").arg(sdk.script).arg(out).arg(&options).env("PYTHONIOENCODING", "utf-8");
        let to_log = || log.try_clone().map_err(|e| failed(&path, &format!("the log can't be written: {e}")));
        command.stdout(to_log()?).stderr(to_log()?);
        let end = match process::run(&mut command, events.to_vec(), limits) {
            Ok(end) => end,
            Err(e) => {
                unusable.push(format!("{}: {e}", python.display()));
                continue;
            }
        };
        let message = last_message(&path);
        return match end {
            End::Exited(status) if status.success() => Ok(message.unwrap_or_else(|| "sent".to_owned())),
            End::Exited(status) if status.code() == Some(NO_PACKAGE) => {
                unusable.extend(message);
                continue;
            }
            End::Exited(status) => {
                Err(failed(&path, &message.unwrap_or_else(|| format!("Python ended with {status}"))))
            }
            End::TimedOut => Err(failed(&path, &format!("not done after {} s, so it was stopped", target.seconds))),
            End::Cancelled => Err(failed(&path, "interrupted")),
        };
    }
    let hint = format!("pip install {}; set {PYTHON} to choose the Python", sdk.packages);
    Err(failed(&path, &unusable.join("; ")).hint(hint))
}

/// Candidates for a Python, best first.
fn pythons() -> Vec<OsString> {
    match std::env::var_os(PYTHON).filter(|python| !python.is_empty()) {
        Some(python) => vec![python],
        None => ["python3", "python"].map(OsString::from).to_vec(),
    }
}

/// Opens the SDK's log: in the run's folder, or in a temporary file if that folder is read-only.
fn open_log(out: &Path) -> io::Result<(File, PathBuf)> {
    let beside = out.join(TRACK_LOG);
    if let Ok(file) = File::create(&beside) {
        return Ok((file, beside));
    }
    let elsewhere = std::env::temp_dir().join(format!("clustrata-{}-{TRACK_LOG}", std::process::id()));
    // an existing file of that name is not ours
    Ok((File::create_new(&elsewhere)?, elsewhere))
}

/// The last message of the script itself.
fn last_message(log: &Path) -> Option<String> {
    let bytes = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(|line| line.strip_prefix(PREFIX)).next_back().map(str::to_owned)
}
