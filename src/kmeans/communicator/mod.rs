//! Communication between the processes of one k-means. Each process works on its own points, and the sums are combined.

mod lost;
mod rendezvous;
mod tcp;

use crate::base::error::Result;
pub use rendezvous::Rendezvous;
pub use tcp::TcpCommunicator;

/// Collective operations. All processes must make the same calls in the same order; each call waits for the other processes.
pub trait Communicator: Sync {
    /// Rank of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn size(&self) -> usize;

    /// Sums `values` over all processes, element by element and in rank order. All processes receive the same bits. The
    /// length must be the same on all.
    ///
    /// # Errors
    /// `Failed` if a process is lost; `Interrupted` if the run is cancelled.
    fn all_reduce(&self, values: &mut [f64]) -> Result<()>;

    /// [`Communicator::all_reduce`] in double-double arithmetic: a value is `sums + rests`, where `rests` holds what a
    /// float64 sum loses.
    ///
    /// # Errors
    /// As [`Communicator::all_reduce`].
    fn all_reduce_double_double(&self, sums: &mut [f64], rests: &mut [f64]) -> Result<()>;

    /// Collects the bytes of all processes on rank 0, in rank order. The other ranks receive nothing.
    ///
    /// # Errors
    /// As [`Communicator::all_reduce`].
    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// Replaces `bytes` by those of rank 0.
    ///
    /// # Errors
    /// As [`Communicator::all_reduce`].
    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<()>;
}

/// A single process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SingleProcess;

impl Communicator for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_reduce(&self, _: &mut [f64]) -> Result<()> {
        Ok(())
    }

    fn all_reduce_double_double(&self, _: &mut [f64], _: &mut [f64]) -> Result<()> {
        Ok(())
    }

    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![own])
    }

    fn broadcast(&self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
