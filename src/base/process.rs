//! Child processes with a time limit, which can be cancelled.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Interval between two checks of whether a child has ended.
const POLL: Duration = Duration::from_millis(10);
/// How long a killed child is waited for. One that hangs in a dead file system does not even die of SIGKILL.
const DEATH: Duration = Duration::from_secs(1);

/// When a child is killed before it ends by itself.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// The time limit, if there is one.
    pub deadline: Option<Instant>,
    /// Checked about every 10 ms; cancels the child once it returns true.
    pub cancelled: &'a dyn Fn() -> bool,
}

impl Limits<'_> {
    /// A time limit from now on, without cancellation.
    pub fn within(time: Duration) -> Self {
        Limits { deadline: Instant::now().checked_add(time), cancelled: &|| false }
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Killed at its deadline.
    TimedOut,
    /// Killed because it was cancelled.
    Cancelled,
}

/// Runs a command within `limits` and feeds it `input`. Standard output and error go where the command says. At a limit,
/// the child is killed with all processes it started. Ctrl-C in a terminal reaches this process alone.
///
/// # Errors
/// The command can't be started.
pub fn run(command: &mut Command, input: Vec<u8>, limits: Limits<'_>) -> io::Result<End> {
    let mut child = spawn(command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() }))?;
    feed(&mut child, input);
    wait(&mut child, limits)
}

/// As [`Command::output`], but within `limits`.
///
/// # Errors
/// The command can't be started; `TimedOut` or `Interrupted` if it was killed at a limit.
pub fn output(command: &mut Command, limits: Limits<'_>) -> io::Result<Output> {
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    match wait(&mut child, limits)? {
        End::Exited(status) => Ok(Output { status, stdout: join(stdout)?, stderr: join(stderr)? }),
        // the readers are not joined: a process that escaped the group may hold the pipes open
        End::TimedOut => Err(ErrorKind::TimedOut.into()),
        End::Cancelled => Err(ErrorKind::Interrupted.into()),
    }
}

/// Waits for a child that [`run`] or [`output`] did not start. At a limit, kills it and its process group, if it leads one.
///
/// # Errors
/// The child can't be waited for.
pub fn wait(child: &mut Child, limits: Limits<'_>) -> io::Result<End> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Exited(status));
        }
        let late = limits.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if late || (limits.cancelled)() {
            kill(child);
            return Ok(if late { End::TimedOut } else { End::Cancelled });
        }
        thread::sleep(POLL);
    }
}

/// Starts a command as the leader of a process group, so that it can be killed with all processes it starts.
fn spawn(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command.spawn()
}

/// Writes the input on a thread that nobody joins: a child that does not read would block us.
fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        thread::spawn(move || stdin.write_all(&input));
    }
}

/// Reads a pipe on a thread: a child would block on a full one.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn join(reader: JoinHandle<io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    reader.join().unwrap_or_else(|_| Err(io::Error::other("the output can't be read")))
}

/// Kills the child and its process group. Best effort: a failure leaves a stray process and loses nothing.
fn kill(child: &mut Child) {
    let _ = group_killer(child.id()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = child.kill();
    let deadline = Instant::now() + DEATH;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        thread::sleep(POLL);
    }
}

/// The shell's `kill`, which exists everywhere; std kills single processes only.
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn output_is_captured_on_both_pipes() {
        // more than a pipe holds
        let script = "head -c 200000 /dev/zero; echo oh >&2; exit 3";
        let output = output(&mut shell(script), Limits::within(LONG)).expect("runs");
        assert_eq!((output.status.code(), output.stdout.len(), output.stderr), (Some(3), 200_000, b"oh\n".to_vec()));
        let missing = super::output(&mut Command::new("/no/such/program"), Limits::within(LONG));
        assert_eq!(missing.map_err(|e| e.kind()).unwrap_err(), ErrorKind::NotFound);
    }

    #[test]
    fn input_is_fed_and_need_not_be_read() {
        let input = vec![b'x'; 200_000];
        let mut count = shell("test $(wc -c) = 200000");
        let end = run(&mut count, input.clone(), Limits::within(LONG)).expect("runs");
        assert!(matches!(end, End::Exited(status) if status.success()), "{end:?}");
        let end = run(&mut shell("exit 0"), input, Limits::within(LONG)).expect("runs");
        assert!(matches!(end, End::Exited(status) if status.success()), "{end:?}");
    }

    #[test]
    fn the_process_group_is_killed_at_a_limit() {
        let clock = Instant::now();
        // a grandchild holds the pipe open unless it is killed as well
        let late = output(&mut shell("sleep 60 & sleep 60"), Limits::within(Duration::from_millis(50)));
        assert_eq!(late.map_err(|e| e.kind()).unwrap_err(), ErrorKind::TimedOut);
        let limits = Limits { deadline: None, cancelled: &|| true };
        assert_eq!(run(&mut shell("sleep 60"), Vec::new(), limits).expect("runs"), End::Cancelled);
        assert!(clock.elapsed() < LONG, "{:?}", clock.elapsed());
    }
}
