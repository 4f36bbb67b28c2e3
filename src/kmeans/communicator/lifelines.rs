//! TCP connections that carry no data. That one closes tells that its process has ended, and a last byte tells how. MPI itself
//! does not say so reliably: a message from a dead process on the same machine just never comes.

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
const FAREWELL: u8 = 1;
/// What a process writes that ends otherwise, for instance after a checkpoint.
const GOODBYE: u8 = 2;

/// Connections to all other processes.
pub(super) struct Lifelines(Streams);

/// What a connection says about its process.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Alive,
    /// It ends with an error of its own.
    Left,
    /// It ends for another reason.
    Ended,
    Lost(String),
}

impl Lifelines {
    pub(super) fn new(streams: Streams) -> Result<Lifelines> {
        let set = streams.iter().flatten().try_for_each(|stream| stream.set_nonblocking(true));
        set.map_err(|e| super::lost::lost(&e.to_string()))?;
        Ok(Lifelines(streams))
    }

    fn states(&self) -> impl Iterator<Item = State> {
        let mut last = [0];
        self.0.iter().flatten().map(move |stream| match stream.peek(&mut last) {
            Ok(0) => State::Lost("its connection is closed".to_owned()),
            Ok(_) if last == [GOODBYE] => State::Ended,
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
            Some(State::Ended) => Err(lost_unless_stopped("it was stopped", stopped)),
            Some(State::Lost(found)) => Err(lost_unless_stopped(found, stopped)),
        }
    }

    /// Tells the others that this process ends with an error of its own.
    pub(super) fn say_farewell(&self) {
        self.say(FAREWELL);
    }

    fn say(&self, byte: u8) {
        for mut stream in self.0.iter().flatten() {
            // it may be lost itself
            let _ = stream.write_all(&[byte]);
        }
    }

    /// Tells the others that this process ends, and waits until all end. Returns whether none is lost.
    pub(super) fn end_together(&self) -> bool {
        self.say(GOODBYE);
        self.0.iter().flatten().for_each(|stream| drop(stream.shutdown(Shutdown::Write)));
        let since = Instant::now();
        while since.elapsed() < PATIENCE && self.states().any(|state| state == State::Alive) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.states().all(|state| matches!(state, State::Left | State::Ended))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::base::error::{Error, Kind};

    /// The lifelines of two processes.
    fn pair() -> [Lifelines; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let ours = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
        let theirs = listener.accept().expect("accepts").0;
        [vec![None, Some(ours)], vec![Some(theirs), None]].map(|streams| Lifelines::new(streams).expect("sets"))
    }

    /// The error once there is one.
    fn ended(lines: &Lifelines, stopped: bool) -> Error {
        std::iter::repeat_with(|| lines.check(&|| stopped)).find_map(Result::err).expect("ends")
    }

    #[test]
    fn a_lost_process_is_told_from_one_that_ends_by_itself() {
        let [ours, theirs] = pair();
        assert!(ours.check(&|| true).is_ok() && theirs.check(&|| true).is_ok(), "both live");
        drop(theirs);
        assert_eq!(ended(&ours, false).kind(), Kind::Paused);
        assert!(!ours.end_together(), "the other is lost");

        let [ours, theirs] = pair();
        theirs.say_farewell();
        assert_eq!(ended(&ours, false).kind(), Kind::Failed);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| theirs.end_together());
            assert!(ours.end_together() && other.join().expect("no panic"), "both end by themselves");
        });

        let [ours, theirs] = pair();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| theirs.end_together());
            assert_eq!(ended(&ours, true).kind(), Kind::Interrupted, "a signal of its own comes first");
            assert!(ours.end_together() && other.join().expect("no panic"));
        });
    }
}
