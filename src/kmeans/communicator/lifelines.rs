//! TCP connections that carry no data: that one closes tells that its process has ended. MPI itself does not say so reliably: a
//! message from a dead process on the same machine just never comes.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::lost::{left, lost_unless_stopped};
use super::rendezvous::Streams;
use crate::base::error::Result;

/// How long a process that ends waits for the others to end. They may be writing checkpoints, and launchers kill all that are
/// left soon after the first has ended.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a process writes that ends with an error of its own.
const FAREWELL: [u8; 1] = [1];

/// Connections to all other processes.
pub(super) struct Lifelines(Streams);

/// What a connection says about its process.
#[derive(Debug, PartialEq)]
enum State {
    Alive,
    /// It ended with an error of its own.
    Left,
    Lost(String),
}

impl Lifelines {
    pub(super) fn new(streams: Streams) -> Result<Lifelines> {
        let set = streams.iter().flatten().try_for_each(|stream| stream.set_nonblocking(true));
        set.map_err(|e| super::lost::lost(&e.to_string()))?;
        Ok(Lifelines(streams))
    }

    fn states(&self) -> impl Iterator<Item = State> {
        self.0.iter().flatten().map(|stream| match stream.peek(&mut [0]) {
            Ok(0) => State::Lost("its connection is closed".to_owned()),
            Ok(_) => State::Left,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => State::Alive,
            Err(e) => State::Lost(e.to_string()),
        })
    }

    /// Fails if another process has ended.
    pub(super) fn check(&self, stopped: &dyn Fn() -> bool) -> Result<()> {
        let states: Vec<State> = self.states().filter(|state| *state != State::Alive).collect();
        // that a process left is the reason why others are lost
        match states.iter().find(|state| **state == State::Left).or(states.first()) {
            None | Some(State::Alive) => Ok(()),
            Some(State::Left) => {
                self.say_farewell();
                Err(left())
            }
            Some(State::Lost(found)) => {
                self.close();
                Err(lost_unless_stopped(found, stopped))
            }
        }
    }

    /// Tells the others that this process ends with an error of its own.
    pub(super) fn say_farewell(&self) {
        for mut stream in self.0.iter().flatten() {
            // it may be lost itself
            let _ = stream.write_all(&FAREWELL);
        }
    }

    fn close(&self) {
        self.0.iter().flatten().for_each(|stream| drop(stream.shutdown(Shutdown::Write)));
    }

    /// Tells the others that this process ends, and waits until all end.
    pub(super) fn end_together(&self) {
        self.close();
        let since = Instant::now();
        while since.elapsed() < PATIENCE && self.states().any(|state| state == State::Alive) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::base::error::{Error, Kind};

    fn pair() -> (Lifelines, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let ours = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
        (Lifelines::new(vec![None, Some(ours)]).expect("sets"), listener.accept().expect("accepts").0)
    }

    /// The state once it changes.
    fn changed(lines: &Lifelines) -> Error {
        loop {
            if let Err(error) = lines.check(&|| false) {
                return error;
            }
        }
    }

    #[test]
    fn a_process_that_ends_is_told_from_one_that_leaves_with_an_error() {
        let (lines, theirs) = pair();
        assert!(lines.check(&|| true).is_ok(), "it is alive");
        drop(theirs);
        assert_eq!(changed(&lines).kind(), Kind::Paused);
        lines.end_together();
        let (lines, theirs) = pair();
        let others = Lifelines::new(vec![Some(theirs), None]).expect("sets");
        others.say_farewell();
        others.close();
        assert_eq!(changed(&lines).kind(), Kind::Failed);
        // this one ends as well, so both do
        lines.end_together();
        others.end_together();
        let (lines, theirs) = pair();
        drop(theirs);
        let stopped = std::iter::repeat_with(|| lines.check(&|| true)).find_map(Result::err).expect("ends");
        assert_eq!(stopped.kind(), Kind::Interrupted, "a signal of its own comes first");
    }
}
