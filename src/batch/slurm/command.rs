//! Runs Slurm's commands with a time limit.

use std::io::{self, ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A controller that takes longer is taken to be down; Slurm's own commands would wait for minutes.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How often to look whether the command has ended.
const POLL: Duration = Duration::from_millis(10);

/// As [`Command::output`], for a command that ends within [`TIME_LIMIT`].
///
/// # Errors
/// `NotFound` where the program is not on this machine; `TimedOut` where it took too long and was killed.
pub(super) fn output(command: &mut Command) -> io::Result<Output> {
    output_within(command, TIME_LIMIT)
}

/// An error of [`output`] in words, beginning with the program's name.
pub(super) fn failure(program: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{program} is not on this machine"),
        ErrorKind::TimedOut => format!("{program} did not answer in {} s", TIME_LIMIT.as_secs()),
        _ => format!("{program} can't be run: {error}"),
    }
}

fn output_within(command: &mut Command, limit: Duration) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let status = match wait(&mut child, limit)? {
        Some(status) => status,
        None => {
            child.kill()?;
            child.wait()?;
            // grandchildren may still hold the pipes, so don't join the readers
            return Err(ErrorKind::TimedOut.into());
        }
    };
    Ok(Output { status, stdout: read(stdout)?, stderr: read(stderr)? })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Reads on a thread of its own: a full pipe would block the process.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn read(reader: JoinHandle<io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    reader.join().unwrap_or_else(|_| Err(io::Error::other("its output could not be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_command_that_exceeds_its_time_limit_is_killed() {
        let bash = |line: &str, limit| output_within(Command::new("bash").args(["-c", line]), limit);
        let endless = bash("exec sleep 1000", Duration::from_millis(50));
        assert!(endless.is_err_and(|e| e.kind() == ErrorKind::TimedOut));
        // more than a pipe holds
        let much = bash("head -c 300000 /dev/zero; echo no >&2; exit 3", Duration::MAX).expect("it ends");
        assert_eq!((much.stdout.len(), much.stderr.as_slice(), much.status.code()), (300_000, &b"no\n"[..], Some(3)));
    }
}
