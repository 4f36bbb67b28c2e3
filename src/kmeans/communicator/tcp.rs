//! A communicator over TCP, for processes on one or more hosts. Each process has a connection to every other one.
//!
//! If a connection closes, its process is lost: all other processes notice at once and end, as `srun` expects.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::collectives::{Communicator, Exchanged};
use super::lost::{left, lost, lost_unless_stopped, misfit};
use super::rendezvous::{Rendezvous, Streams};
use crate::base::error::{Error, Kind, Result};

/// How often a waiting process checks for cancellation.
const POLL: Duration = Duration::from_millis(200);
/// In place of a length: the process ends with an error.
const FAREWELL: u64 = u64::MAX;

/// Connected processes.
pub struct TcpCommunicator<'a> {
    rank: usize,
    /// By rank; `None` for this process.
    streams: Streams,
    /// Held during an exchange: messages of two exchanges must not mix.
    turn: Mutex<()>,
    sent: AtomicU64,
    received: AtomicU64,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> TcpCommunicator<'a> {
    /// Connects to the other processes.
    ///
    /// # Errors
    /// `Failed` if they do not connect in time; `Usage` if their settings differ; `Interrupted` if cancelled.
    pub fn join(rendezvous: &Rendezvous<'_>, cancelled: &'a (dyn Fn() -> bool + Sync)) -> Result<TcpCommunicator<'a>> {
        let streams = rendezvous.meet(cancelled)?;
        for stream in streams.iter().flatten() {
            let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(POLL)));
            set.and_then(|()| stream.set_write_timeout(Some(POLL))).map_err(|e| lost(&e.to_string()))?;
        }
        let (turn, sent, received) = Default::default();
        Ok(TcpCommunicator { rank: rendezvous.rank, streams, turn, sent, received, cancelled })
    }

    /// Sends a message: its length, and its bytes.
    fn send(&self, mut stream: &TcpStream, bytes: &[u8]) -> Result<()> {
        let message = [&(bytes.len() as u64).to_ne_bytes(), bytes].concat();
        let mut at = 0;
        while at < message.len() {
            match stream.write(&message[at..]) {
                Ok(0) => self.check(&ErrorKind::WriteZero.into())?,
                Ok(count) => at += count,
                Err(e) => self.check(&e)?,
            }
        }
        self.sent.fetch_add(message.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Receives a message of a known length.
    fn receive(&self, stream: &TcpStream, bytes: &mut [u8]) -> Result<()> {
        let mut length = [0; 8];
        self.fill(stream, &mut length)?;
        match (u64::from_ne_bytes(length), bytes.len() as u64) {
            (FAREWELL, _) => Err(self.fail(left())),
            (found, expected) if found != expected => Err(self.fail(misfit(expected, found))),
            _ => self.fill(stream, bytes),
        }
    }

    fn fill(&self, mut stream: &TcpStream, out: &mut [u8]) -> Result<()> {
        let mut at = 0;
        while at < out.len() {
            match stream.read(&mut out[at..]) {
                Ok(0) => self.check(&ErrorKind::UnexpectedEof.into())?,
                Ok(count) => at += count,
                Err(e) => self.check(&e)?,
            }
        }
        self.received.fetch_add(out.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Returns if the operation can be retried. Fails if the run is cancelled or the connection is lost.
    fn check(&self, error: &io::Error) -> Result<()> {
        if (self.cancelled)() {
            return Err(Error::interrupted());
        }
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => return Ok(()),
            _ => {}
        }
        // a process that waits for this one must not wait for its grace as well
        self.close();
        Err(lost_unless_stopped(&error.to_string(), self.cancelled))
    }

    /// Ends the communication because of an error that is no lost process.
    fn fail(&self, error: Error) -> Error {
        self.leave();
        error
    }

    fn close(&self) {
        self.streams.iter().flatten().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// The other ranks as they come after this one, and as they come before it. If all send in the first order and receive in
    /// the second, each rank has one partner at a time in each direction, and no two wait for each other.
    fn partners(&self) -> impl Iterator<Item = (usize, &TcpStream)> + Clone {
        let after = (self.rank + 1..self.streams.len()).chain(0..self.rank);
        after.filter_map(|rank| self.streams[rank].as_ref().map(|stream| (rank, stream)))
    }
}

impl Communicator for TcpCommunicator<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.streams.len()
    }

    fn exchange(&self, outgoing: &[&[u8]], incoming: &mut [&mut [u8]]) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let to = self.partners().filter(|(rank, _)| !outgoing[*rank].is_empty());
        let from: Vec<_> = self.partners().filter(|(rank, _)| !incoming[*rank].is_empty()).collect();
        let send = || to.clone().try_for_each(|(rank, stream)| self.send(stream, outgoing[rank]));
        if from.is_empty() {
            return send();
        }
        std::thread::scope(|scope| {
            let sender = to.clone().next().map(|_| scope.spawn(send));
            let received = from.into_iter().rev().try_for_each(|(rank, stream)| self.receive(stream, incoming[rank]));
            let sent =
                sender.map_or(Ok(()), |sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            match (received, sent) {
                // that a process left says more than that its connection is closed
                (Err(received), Err(sent)) if received.kind() == Kind::Paused => Err(sent),
                (received, sent) => received.and(sent),
            }
        })
    }

    fn exchanged(&self) -> Exchanged {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Exchanged { bytes_sent: of(&self.sent), bytes_received: of(&self.received) }
    }

    fn leave(&self) {
        for mut stream in self.streams.iter().flatten() {
            // it may be lost itself
            let _ = stream.write_all(&FAREWELL.to_ne_bytes());
        }
        self.close();
    }
}
