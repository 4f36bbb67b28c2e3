//! A communicator over TCP, for processes on one or more hosts.
//!
//! Rank 0 computes the sums, in rank order. If a connection closes, its process is lost: all other processes notice at once
//! and end, as `srun` expects.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Communicator;
use super::lost::lost;
use super::rendezvous::Rendezvous;
use crate::base::double_double;
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;

/// How often a waiting process checks for cancellation.
const POLL: Duration = Duration::from_millis(200);
/// A signal reaches the processes one after another. A process that loses another one waits this long for its own signal.
const GRACE: Duration = Duration::from_secs(3);
/// Values per message.
const PIECE: usize = 1 << 16;
/// Bytes allocated before they arrive.
const LARGEST_PIECE: u64 = 1 << 24;

/// Connected processes.
pub struct TcpCommunicator<'a> {
    rank: usize,
    /// On rank 0: connections to all other ranks, in order. On other ranks: the connection to rank 0.
    streams: Mutex<Vec<TcpStream>>,
    size: usize,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> TcpCommunicator<'a> {
    /// Connects to the other processes.
    ///
    /// # Errors
    /// `Failed` if they do not connect in time; `Usage` if their settings differ; `Interrupted` if cancelled.
    pub fn join(rendezvous: &Rendezvous<'_>, cancelled: &'a (dyn Fn() -> bool + Sync)) -> Result<TcpCommunicator<'a>> {
        let streams =
            if rendezvous.rank == 0 { rendezvous.host(cancelled)? } else { vec![rendezvous.connect(cancelled)?] };
        for stream in &streams {
            let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(POLL)));
            set.and_then(|()| stream.set_write_timeout(Some(POLL))).map_err(|e| lost(&e))?;
        }
        Ok(TcpCommunicator { rank: rendezvous.rank, size: rendezvous.size, streams: Mutex::new(streams), cancelled })
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, stream: &mut TcpStream, out: &mut [u8]) -> Result<()> {
        let mut at = 0;
        while at < out.len() {
            match stream.read(&mut out[at..]) {
                Ok(0) => self.check(&ErrorKind::UnexpectedEof.into())?,
                Ok(count) => at += count,
                Err(e) => self.check(&e)?,
            }
        }
        Ok(())
    }

    fn send(&self, stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            match stream.write(&bytes[at..]) {
                Ok(0) => self.check(&ErrorKind::WriteZero.into())?,
                Ok(count) => at += count,
                Err(e) => self.check(&e)?,
            }
        }
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
        let since = Instant::now();
        while since.elapsed() < GRACE {
            if (self.cancelled)() {
                return Err(Error::interrupted());
            }
            std::thread::sleep(POLL / 10);
        }
        Err(lost(error))
    }

    fn send_values(&self, stream: &mut TcpStream, values: &[f64]) -> Result<()> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.send(stream, &bytes)
    }

    fn receive_values(&self, stream: &mut TcpStream, out: &mut [f64]) -> Result<()> {
        let mut bytes = vec![0; size_of_val(out)];
        self.receive(stream, &mut bytes)?;
        let values = bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
        out.iter_mut().zip(values).for_each(|(out, value)| *out = value);
        Ok(())
    }

    /// Replaces `planes`, arrays of equal length, by their sums over all ranks. Rank 0 adds the arrays of the other ranks
    /// with `add`, piece by piece and in rank order.
    fn reduce<const N: usize>(
        &self,
        mut planes: [&mut [f64]; N],
        add: impl Fn([&mut [f64]; N], [&[f64]; N]),
    ) -> Result<()> {
        let mut streams = self.streams();
        let length = planes.first().map_or(0, |plane| plane.len());
        let pieces = || (0..length).step_by(PIECE).map(|start| start..length.min(start + PIECE));
        for piece in pieces() {
            if self.rank > 0 {
                planes.iter().try_for_each(|plane| self.send_values(&mut streams[0], &plane[piece.clone()]))?;
                continue;
            }
            let mut theirs: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0; piece.len()]);
            for stream in &mut *streams {
                theirs.iter_mut().try_for_each(|plane| self.receive_values(stream, plane))?;
                let ours = planes.each_mut().map(|plane| &mut plane[piece.clone()]);
                add(ours, theirs.each_ref().map(Vec::as_slice));
            }
        }
        // all sums are received before any are sent back: otherwise ranks could block each other
        for (piece, plane) in pieces().flat_map(|piece| (0..N).map(move |plane| (piece.clone(), plane))) {
            let plane = &mut planes[plane][piece];
            match self.rank {
                0 => streams.iter_mut().try_for_each(|stream| self.send_values(stream, plane))?,
                _ => self.receive_values(&mut streams[0], plane)?,
            }
        }
        Ok(())
    }

    fn receive_bytes(&self, stream: &mut TcpStream) -> Result<Vec<u8>> {
        let mut length = [0; 8];
        self.receive(stream, &mut length)?;
        let length = u64::from_le_bytes(length);
        // Allocates only for bytes that arrive: a damaged length must not exhaust the memory.
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let at = bytes.len();
            let piece = to_usize((length - at as u64).min(LARGEST_PIECE));
            bytes.resize(at + piece, 0);
            self.receive(stream, &mut bytes[at..])?;
        }
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
        self.reduce([values], |[sums], [theirs]| sums.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += value))
    }

    fn all_reduce_double_double(&self, sums: &mut [f64], rests: &mut [f64]) -> Result<()> {
        self.reduce([sums, rests], |[sums, rests], [theirs, their_rests]| {
            double_double::add((sums, rests), (theirs, their_rests));
        })
    }

    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let mut streams = self.streams();
        if self.rank > 0 {
            self.send_bytes(&mut streams[0], &own)?;
            return Ok(Vec::new());
        }
        let mut all = vec![own];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connect<T: Send>(fingerprints: &[u8], act: impl Fn(&TcpCommunicator<'_>) -> T + Sync) -> Vec<Result<T>> {
        let folder = tempfile::tempdir().expect("a folder");
        let never = || false;
        std::thread::scope(|scope| {
            let (folder, never, act) = (folder.path(), &never, &act);
            let size = fingerprints.len();
            let processes = fingerprints.iter().enumerate().map(|(rank, &fingerprint)| {
                scope.spawn(move || {
                    let rendezvous = Rendezvous { folder, rank, size, fingerprint: [fingerprint; 32] };
                    TcpCommunicator::join(&rendezvous, never).map(|communicator| act(&communicator))
                })
            });
            let processes: Vec<_> = processes.collect();
            processes.into_iter().map(|process| process.join().expect("no panic")).collect()
        })
    }

    #[test]
    fn sums_agree_with_serial_sums_to_the_bit() {
        let value = |rank: usize, at: usize| 0.1 * (rank + 1) as f64 + (at as f64).sqrt();
        let count = 2 * PIECE + 7;
        let expected: Vec<f64> = (0..count).map(|at| value(0, at) + value(1, at) + value(2, at)).collect();
        let sums = connect(&[7; 3], |communicator| {
            let mut values: Vec<f64> = (0..count).map(|at| value(communicator.rank(), at)).collect();
            communicator.all_reduce(&mut values).expect("sums");
            communicator.all_reduce(&mut []).expect("sums nothing");
            values
        });
        for sums in sums {
            assert!(sums.expect("connects") == expected);
        }
    }

    #[test]
    fn bytes_are_gathered_on_rank_0_and_broadcast_from_it() {
        let found = connect(&[7; 3], |communicator| {
            let collected = communicator
                .gather(vec![u8::try_from(communicator.rank()).expect("small"); communicator.rank() * 100_000]);
            let mut shared = if communicator.rank() == 0 { vec![5; 300_000] } else { Vec::new() };
            communicator.broadcast(&mut shared).expect("shares");
            (collected.expect("collects"), shared)
        });
        let found: Vec<_> = found.into_iter().map(|found| found.expect("connects")).collect();
        assert!(found.iter().all(|(_, shared)| *shared == vec![5; 300_000]));
        assert!(found[0].0 == [vec![], vec![1; 100_000], vec![2; 200_000]]);
        assert!(found[1].0.is_empty() && found[2].0.is_empty());
    }

    #[test]
    fn processes_with_other_settings_are_refused() {
        let found = connect(&[7, 8], |_| ());
        for found in found {
            assert!(found.is_err_and(|error| error.to_string().contains("do not agree")));
        }
    }

    #[test]
    fn an_impossible_length_is_an_error() {
        let found = connect(&[7; 2], |communicator| {
            if communicator.rank() == 0 {
                return communicator.gather(Vec::new()).map(drop);
            }
            communicator.send(&mut communicator.streams()[0], &(u64::MAX >> 2).to_le_bytes())
        });
        let error = found.into_iter().next().expect("rank 0").expect("connects").expect_err("too long").to_string();
        assert!(error.contains("another process of this k-means is lost"), "{error}");
    }

    #[test]
    fn a_lost_process_is_noticed() {
        let found = connect(&[7; 3], |communicator| match communicator.rank() {
            2 => Ok(()),
            _ => communicator.all_reduce(&mut [1.0; 4]),
        });
        let lost = found.into_iter().map(|found| found.expect("connects")).filter(Result::is_err).count();
        assert_eq!(lost, 2);
    }
}
