//! Points with a NaN, an infinity or a value beyond float32's range, and rows of zeros that can't be normalised. The first
//! pass over all points finds them, and they are refused.

use super::communicator::Communicator;
use super::sums::whole;
use super::tile::Tile;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;

/// What to do about refused points.
const HINT: &str = "repair those points (numbered from 0 within the subset or shard), leave them out with a subset, or \
                    scale the embeddings down";

/// What to do about rows of zeros.
const HINT_FOR_ZEROS: &str = "remove those points (numbered from 0 within the subset or shard), leave them out with a subset, \
                              or leave out --normalize";

/// Number of points listed in the message.
const NAMED: usize = 10;

/// Non-finite points found so far.
#[derive(Debug, Default)]
pub(super) struct Nonfinite {
    first: Vec<u64>,
    count: u64,
    /// How many of them are zeros that could not be normalised.
    zeros: u64,
}

impl Nonfinite {
    /// Adds those of one tile.
    pub(super) fn extend(&mut self, tile: &Tile) {
        self.zeros += tile.zeros;
        for position in tile.nonfinite.iter().map(|&row| tile.positions[row as usize]) {
            self.count += 1;
            if self.first.len() < NAMED {
                self.first.push(position);
            }
        }
    }

    /// Called after a pass with this `outcome` over this process's `points`. Fails on all processes if one has found
    /// non-finite points.
    pub(super) fn refuse(&self, communicator: &dyn Communicator, points: u64, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() {
            // a state with non-finite points must not be stored as a checkpoint
            return if self.count > 0 { Err(self.refusal(points, self.count)) } else { outcome };
        }
        let mut all = [as_real(self.count)];
        communicator.all_reduce(&mut all)?;
        if all[0] > 0.0 { Err(self.refusal(points, whole(all[0]))) } else { Ok(()) }
    }

    fn refusal(&self, points: u64, all: u64) -> Error {
        let named: Vec<String> = self.first.iter().map(u64::to_string).collect();
        let more = if self.count > named.len() as u64 { ", ..." } else { "" };
        let found = match self.count {
            0 => format!("{all} such points in other processes"),
            count => format!("{count} such points among {points}: {}{more}", named.join(", ")),
        };
        let only_zeros = self.zeros > 0 && self.zeros == self.count;
        let finding = match only_zeros {
            true => Finding::new("the points to be clustered hold rows of zeros, which have no direction")
                .expected("a value other than 0 in every row, which --normalize divides by its norm"),
            false => {
                let also = if self.zeros > 0 { ", and rows of zeros, which have no direction" } else { "" };
                let what = "the points to be clustered hold NaN or infinite values, or values beyond float32";
                Finding::new(format!("{what}{also}")).expected("finite values up to 3.4e38")
            }
        };
        Error::input(finding.found(found).hint(if only_zeros { HINT_FOR_ZEROS } else { HINT }))
    }
}
