//! Processes that share the points of one k-means: each goes over rows of its own, and what they find adds up.

mod meeting;
mod network;

use crate::base::error::Result;
pub use meeting::Meeting;
pub use network::Network;

/// Members of a team make the same calls in the same order; each call returns once all have made it.
pub trait Team: Sync {
    /// Which member this is, from 0 on.
    fn rank(&self) -> usize;

    /// How many members there are.
    fn size(&self) -> usize;

    /// Adds `values`, equally long everywhere, up over all members in the order of their ranks: all get the same bits.
    ///
    /// # Errors
    /// Where a member is lost or the run is to stop.
    fn sum(&self, values: &mut [f64]) -> Result<()>;

    /// Brings what every member has to the first, in the order of their ranks; the others get nothing.
    ///
    /// # Errors
    /// As [`Team::sum`].
    fn collect(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// Gives all members what the first has.
    ///
    /// # Errors
    /// As [`Team::sum`].
    fn share(&self, bytes: &mut Vec<u8>) -> Result<()>;
}

/// A process on its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Team for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn sum(&self, _: &mut [f64]) -> Result<()> {
        Ok(())
    }

    fn collect(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![mine])
    }

    fn share(&self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
