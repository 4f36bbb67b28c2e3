//! A process that is given its time and no more.

use std::fs::File;
use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a killed process is waited for. One that hangs in a dead file system can't even be killed.
const DEATH: Duration = Duration::from_secs(1);

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Its time was over, and it was killed.
    Late,
    /// The run was asked to stop, and it was killed.
    Stopped,
}

/// Starts `command`, feeds it `input`, lets it write to `log`, and ends it at `deadline` or when `stop` says so, with all
/// processes of its group.
///
/// # Errors
/// Where it can't be started.
pub(super) fn run(
    mut command: Command,
    input: Vec<u8>,
    log: &File,
    deadline: Instant,
    stop: &dyn Fn() -> bool,
) -> io::Result<End> {
    command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    // a group of its own: so it can be ended with all that it started, and Ctrl-C reaches us alone
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // on a thread, which nobody waits for: a process that doesn't read would hold us up
        std::thread::spawn(move || stdin.write_all(&input));
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Exited(status));
        }
        let late = Instant::now() >= deadline;
        if late || stop() {
            kill(&mut child);
            return Ok(if late { End::Late } else { End::Stopped });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Ends the process and its group; nothing is lost where that fails, so it is not told.
fn kill(child: &mut Child) {
    let _ = group_killer(child.id()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = child.kill();
    let deadline = Instant::now() + DEATH;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The shell's own `kill`, which is everywhere; std ends single processes only.
#[cfg(unix)]
fn group_killer(group: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("kill -KILL -{group}")]);
    command
}

#[cfg(not(unix))]
fn group_killer(process: u32) -> Command {
    let mut command = Command::new("taskkill");
    command.args(["/T", "/F", "/PID", &process.to_string()]);
    command
}
