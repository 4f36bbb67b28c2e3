//! One mail when all jobs of a sweep have ended. Slurm's own `--mail-type` would send one for every job.
//!
//! A tiny last job waits for all others (`afterany`), and Slurm mails that it has ended. The jobs that make clusterings submit
//! the runs on them later. They then make the waiting job wait for those as well: each does so before it ends, so the last
//! job can't start before.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::command;
use super::overview::Overview;
use super::queue;
use super::script;
use super::site::Site;
use crate::base::error::{Error, Finding, Result};
use crate::base::signals;
use crate::formats::atomic_file;
use crate::formats::folder::LockedFolder;

/// Folder in the sweep's folder.
const FOLDER: &str = "mail";

/// Makes the last job of the sweep wait for all its active jobs; submits it if it does not wait already. Returns its number;
/// `None` if the site wants no mail, or if no job is active.
///
/// # Errors
/// `Failed` if Slurm refuses the job or gives no answer, or if the folder can't be written.
pub fn mail_at_the_end(sweep: &Path, name: &str, site: &Site) -> Result<Option<u64>> {
    let Some(address) = &site.mail else { return Ok(None) };
    let folder = sweep.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|e| Error::io("can't make a folder of the sweep", &folder, &e))?;
    let _lock = wait_for_lock(&folder)?;
    // under the lock: whoever comes later sees all jobs of those before
    let Some(after) = active_jobs(sweep)? else { return Ok(None) };
    let number = folder.join("job");
    let waiting = fs::read_to_string(&number).ok().and_then(|text| text.trim().parse::<u64>().ok());
    if let Some(job) = waiting.filter(|job| waits_for(*job, &after)) {
        return Ok(Some(job));
    }
    let script = folder.join("mail.sh");
    write(&script, &script::mail(sweep, &folder, name, address, site)?)?;
    let line = ["sbatch", "--parsable", &format!("--dependency={after}"), &script.to_string_lossy()].map(str::to_owned);
    let job = queue::sbatch(&line, &format!("{name} (mail)"))?;
    write(&number, &format!("{job}\n")).inspect_err(|_| queue::cancel(&[job]))?;
    Ok(Some(job))
}

/// Two processes at once would both submit a last job.
fn wait_for_lock(folder: &Path) -> Result<LockedFolder> {
    loop {
        if let Some(lock) = LockedFolder::try_open(folder)? {
            return Ok(lock);
        }
        signals::go_on()?;
        sleep(Duration::from_millis(100));
    }
}

/// `afterany:12:13`: the active jobs of the sweep; `None` if there is none.
fn active_jobs(sweep: &Path) -> Result<Option<String>> {
    let Overview::Sweep(status) = Overview::of(sweep)? else { return Ok(None) };
    if let Some(why) = status.queue_unknown() {
        return Err(Error::failed(Finding::new("can't tell which jobs are queued or running").found(why)));
    }
    let jobs: Vec<String> = status.active_jobs().iter().map(u64::to_string).collect();
    Ok((!jobs.is_empty()).then(|| format!("afterany:{}", jobs.join(":"))))
}

/// Makes a waiting job wait for other jobs; false if it does not wait any more.
fn waits_for(job: u64, after: &str) -> bool {
    let mut update = Command::new("scontrol");
    update.args(["update", &format!("JobId={job}"), &format!("Dependency={after}")]);
    command::output(&mut update).is_ok_and(|output| output.status.success())
}

fn write(path: &Path, text: &str) -> Result<()> {
    atomic_file::replace(path, text.as_bytes()).map_err(|e| Error::io("can't write a file of the sweep", path, &e))
}
