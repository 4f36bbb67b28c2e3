//! Points with a NaN or an infinity: found by the first pass over all points, and refused.

use super::communicator::Communicator;
use super::sums::whole;
use crate::backend::{Lane, UNLABELLED};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;
use crate::engine::tiles::Tile;

/// How many are named.
const NAMED: usize = 10;

/// Those found so far.
#[derive(Debug, Default)]
pub(super) struct Broken {
    first: Vec<u64>,
    count: u64,
}

/// Has the lane look for them, and leaves a label (0) to all other points: what a search may be asked.
pub(super) fn label_finite(lane: &mut dyn Lane, tile: &mut Tile) -> Result<()> {
    tile.labels.clear();
    tile.labels.resize(tile.positions.len(), 0);
    lane.own_distances(&[&tile.labels], &mut tile.observation)?;
    tile.observation.nonfinite.iter().for_each(|&row| tile.labels[row as usize] = UNLABELLED);
    Ok(())
}

impl Broken {
    /// Those of one more tile.
    pub(super) fn extend(&mut self, tile: &Tile) {
        let bad = &tile.observation.nonfinite;
        self.count += bad.len() as u64;
        let room = NAMED.saturating_sub(self.first.len());
        self.first.extend(bad.iter().take(room).map(|&row| tile.positions[row as usize]));
    }

    /// Refuses them after a pass over this member's `points` with this `outcome`: on all members where one has some.
    pub(super) fn refuse(&self, communicator: &dyn Communicator, points: u64, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() {
            // nothing that holds such points may be kept as a state to go on from
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
            0 => format!("{all} such points among those of other members"),
            count => format!("{count} such points among {points}: {}{more}", named.join(", ")),
        };
        Error::input(
            Finding::new("the points to be clustered hold NaN or infinite values")
                .expected("finite values")
                .found(found)
                .hint("repair those rows, or leave them out with a subset"),
        )
    }
}
