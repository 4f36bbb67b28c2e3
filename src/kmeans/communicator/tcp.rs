//! A team of processes on one host or many, joined by TCP.
//!
//! Sums are made by the first member, in the order of the ranks. A connection that closes is a member lost: all others hear
//! of it at once and end, as the system that started them (`srun`) would have it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Communicator, Rendezvous};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;

/// How often a wait looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(200);
/// A signal that ends all members reaches them one after another: who misses one waits so long for its own.
const GRACE: Duration = Duration::from_secs(3);
/// Values are sent and added up in pieces.
const PIECE: usize = 1 << 16;

/// Members that are connected.
pub struct TcpCommunicator<'a> {
    rank: usize,
    /// To every other member, by rank, on the first; to the first, on the others.
    streams: Mutex<Vec<TcpStream>>,
    size: usize,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> TcpCommunicator<'a> {
    /// Meets the other members.
    ///
    /// # Errors
    /// `Failed` where they do not come, or have other settings.
    pub fn join(meeting: &Rendezvous<'_>, cancelled: &'a (dyn Fn() -> bool + Sync)) -> Result<TcpCommunicator<'a>> {
        let streams = if meeting.rank == 0 { meeting.host(cancelled)? } else { vec![meeting.connect(cancelled)?] };
        for stream in &streams {
            let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(LOOK)));
            set.and_then(|()| stream.set_write_timeout(Some(LOOK))).map_err(|e| lost(&e))?;
        }
        Ok(TcpCommunicator { rank: meeting.rank, size: meeting.size, streams: Mutex::new(streams), cancelled })
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, stream: &mut TcpStream, out: &mut [u8]) -> Result<()> {
        let mut at = 0;
        while at < out.len() {
            match stream.read(&mut out[at..]) {
                Ok(0) => self.go_on(&ErrorKind::UnexpectedEof.into())?,
                Ok(count) => at += count,
                Err(e) => self.go_on(&e)?,
            }
        }
        Ok(())
    }

    fn send(&self, stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            match stream.write(&bytes[at..]) {
                Ok(0) => self.go_on(&ErrorKind::WriteZero.into())?,
                Ok(count) => at += count,
                Err(e) => self.go_on(&e)?,
            }
        }
        Ok(())
    }

    /// Nothing is wrong with having to wait, unless the run is to stop.
    fn go_on(&self, error: &io::Error) -> Result<()> {
        if (self.cancelled)() {
            return Err(Error::interrupted());
        }
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => return Ok(()),
            _ => {}
        }
        let since = Instant::now();
        while since.elapsed() < GRACE {
            if (self.cancelled)() {
                return Err(Error::interrupted());
            }
            std::thread::sleep(LOOK / 10);
        }
        Err(lost(error))
    }

    fn receive_bytes(&self, stream: &mut TcpStream) -> Result<Vec<u8>> {
        let mut length = [0; 8];
        self.receive(stream, &mut length)?;
        // what a member of this very program announces, and has in its own memory
        let mut bytes = vec![0; to_usize(u64::from_le_bytes(length))];
        self.receive(stream, &mut bytes)?;
        Ok(bytes)
    }

    fn send_bytes(&self, stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        self.send(stream, &(bytes.len() as u64).to_le_bytes())?;
        self.send(stream, bytes)
    }
}

impl Communicator for TcpCommunicator<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_reduce(&self, values: &mut [f64]) -> Result<()> {
        let mut streams = self.streams();
        let mut bytes = Vec::new();
        for piece in values.chunks_mut(PIECE) {
            if self.rank > 0 {
                bytes.clear();
                piece.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
                self.send(&mut streams[0], &bytes)?;
                continue;
            }
            bytes.resize(size_of_val(piece), 0);
            for stream in &mut *streams {
                self.receive(stream, &mut bytes)?;
                let theirs = bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
                piece.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += value);
            }
        }
        // a second round, so that nobody waits to send while the first waits to be read
        for piece in values.chunks_mut(PIECE) {
            bytes.clear();
            if self.rank == 0 {
                piece.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
                streams.iter_mut().try_for_each(|stream| self.send(stream, &bytes))?;
                continue;
            }
            bytes.resize(size_of_val(piece), 0);
            self.receive(&mut streams[0], &mut bytes)?;
            let sums = bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
            piece.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum);
        }
        Ok(())
    }

    fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let mut streams = self.streams();
        if self.rank > 0 {
            self.send_bytes(&mut streams[0], &mine)?;
            return Ok(Vec::new());
        }
        let mut all = vec![mine];
        for stream in &mut *streams {
            all.push(self.receive_bytes(stream)?);
        }
        Ok(all)
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let mut streams = self.streams();
        if self.rank == 0 {
            return streams.iter_mut().try_for_each(|stream| self.send_bytes(stream, bytes));
        }
        *bytes = self.receive_bytes(&mut streams[0])?;
        Ok(())
    }
}

pub(super) fn lost(error: &io::Error) -> Error {
    Error::failed(
        Finding::new("another process of this k-means is lost")
            .found(error.to_string())
            .hint("see what it said; all of them with --resume go on from the last checkpoint"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet<T: Send>(agreements: &[u8], act: impl Fn(&TcpCommunicator<'_>) -> T + Sync) -> Vec<Result<T>> {
        let folder = tempfile::tempdir().expect("a folder");
        let never = || false;
        std::thread::scope(|scope| {
            let (folder, never, act) = (folder.path(), &never, &act);
            let size = agreements.len();
            let members = agreements.iter().enumerate().map(|(rank, &agreement)| {
                scope.spawn(move || {
                    let meeting = Rendezvous { folder, rank, size, agreement: [agreement; 32] };
                    TcpCommunicator::join(&meeting, never).map(|communicator| act(&communicator))
                })
            });
            let members: Vec<_> = members.collect();
            members.into_iter().map(|member| member.join().expect("no panic")).collect()
        })
    }

    #[test]
    fn sums_are_those_of_all_members_to_the_bit() {
        let value = |rank: usize, at: usize| 0.1 * (rank + 1) as f64 + (at as f64).sqrt();
        let count = 2 * PIECE + 7;
        let expected: Vec<f64> = (0..count).map(|at| value(0, at) + value(1, at) + value(2, at)).collect();
        let sums = meet(&[7; 3], |communicator| {
            let mut values: Vec<f64> = (0..count).map(|at| value(communicator.rank(), at)).collect();
            communicator.all_reduce(&mut values).expect("sums");
            communicator.all_reduce(&mut []).expect("sums nothing");
            values
        });
        for sums in sums {
            assert!(sums.expect("met") == expected);
        }
    }

    #[test]
    fn bytes_go_to_the_first_and_from_it() {
        let found = meet(&[7; 3], |communicator| {
            let collected = communicator
                .gather(vec![u8::try_from(communicator.rank()).expect("small"); communicator.rank() * 100_000]);
            let mut shared = if communicator.rank() == 0 { vec![5; 300_000] } else { Vec::new() };
            communicator.broadcast(&mut shared).expect("shares");
            (collected.expect("collects"), shared)
        });
        let found: Vec<_> = found.into_iter().map(|found| found.expect("met")).collect();
        assert!(found.iter().all(|(_, shared)| *shared == vec![5; 300_000]));
        assert!(found[0].0 == [vec![], vec![1; 100_000], vec![2; 200_000]]);
        assert!(found[1].0.is_empty() && found[2].0.is_empty());
    }

    #[test]
    fn members_with_other_settings_are_refused() {
        let found = meet(&[7, 8], |_| ());
        for found in found {
            assert!(found.is_err_and(|error| error.to_string().contains("do not agree")));
        }
    }

    #[test]
    fn a_member_that_leaves_is_missed() {
        let found = meet(&[7; 3], |communicator| match communicator.rank() {
            2 => Ok(()),
            _ => communicator.all_reduce(&mut [1.0; 4]),
        });
        let lost = found.into_iter().map(|found| found.expect("met")).filter(Result::is_err).count();
        assert_eq!(lost, 2);
    }
}
