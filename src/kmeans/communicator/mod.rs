//! Processes that share the points of one k-means: each goes over rows of its own, and what they find adds up.

mod rendezvous;
mod tcp;

use crate::base::error::Result;
pub use rendezvous::Rendezvous;
pub use tcp::TcpCommunicator;

/// Members of a communicator make the same calls in the same order; each call returns once all have made it.
pub trait Communicator: Sync {
    /// Which member this is, from 0 on.
    fn rank(&self) -> usize;

    /// How many members there are.
    fn size(&self) -> usize;

    /// Adds `values`, equally long everywhere, up over all members in the order of their ranks: all get the same bits.
    ///
    /// # Errors
    /// Where a member is lost or the run is to stop.
    fn all_reduce(&self, values: &mut [f64]) -> Result<()>;

    /// Brings what every member has to the first, in the order of their ranks; the others get nothing.
    ///
    /// # Errors
    /// As [`Communicator::sum`].
    fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// Gives all members what the first has.
    ///
    /// # Errors
    /// As [`Communicator::sum`].
    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<()>;
}

/// A process on its own.
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

    fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![mine])
    }

    fn broadcast(&self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
