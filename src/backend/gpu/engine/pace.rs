//! Sizes submissions by the time they take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::units::wide;

/// Columns come in multiples of this many: the columns of a workgroup.
pub(crate) const PACE_COLUMNS: u32 = 32;

/// How much work one submission gets, in pairs of octets. Operating systems stop a GPU that doesn't respond for seconds, but
/// every submission has a fixed cost. So the amount follows the time that the last submission took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    pairs: u64,
    /// Start of the current submission, and its pairs of octets.
    started: Option<(Instant, u64)>,
}

impl Pace {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_millis(200);
    const LEAST: u64 = 1 << 20;

    /// What a device of `rate` operations per second does in this time is a safe first submission.
    const FIRST: f64 = 0.01;
    /// Operations of a pair of octets: a subtraction, a multiplication and an addition per column.
    const OPERATIONS: f64 = 24.0;

    pub(crate) fn new() -> Pace {
        Pace { pairs: 1 << 24, started: None }
    }

    /// Starts where earlier work on the device ended, if there was any.
    pub(crate) fn learned(learned: &AtomicU64) -> Pace {
        let Pace { pairs, started } = Pace::new();
        Pace { pairs: pairs.max(learned.load(Ordering::Relaxed)), started }
    }

    /// Leaves what was learned to later work on the device.
    pub(crate) fn teach(&self, learned: &AtomicU64) {
        learned.store(self.pairs, Ordering::Relaxed);
    }

    /// For a device of about `rate` operations per second.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count far below 2^64")]
    pub(crate) fn at(rate: f64) -> Pace {
        let pairs = (rate * Self::FIRST / Self::OPERATIONS) as u64;
        Pace { pairs: pairs.max(Pace::new().pairs), started: None }
    }

    /// Columns of the next submission, for `rows` rows of `octets` octets: a multiple of [`PACE_COLUMNS`], at least one.
    pub(crate) fn columns(&self, rows: u32, octets: u32) -> u64 {
        let columns = self.pairs / (u64::from(rows) * u64::from(octets)).max(1);
        let tile = u64::from(PACE_COLUMNS);
        (columns / tile).max(1) * tile
    }

    /// Call before submitting `rows` by `columns` pairs of rows of `octets` octets.
    pub(crate) fn start(&mut self, rows: u32, columns: usize, octets: u32) {
        let pairs = u64::from(rows).saturating_mul(wide(columns)).saturating_mul(u64::from(octets));
        self.started = Some((Instant::now(), pairs));
    }

    /// Call once the submission has completed.
    pub(crate) fn stop(&mut self) {
        if let Some((started, pairs)) = self.started.take() {
            self.adapt(started.elapsed(), pairs);
        }
    }

    fn adapt(&mut self, took: Duration, pairs: u64) {
        // A submission that was short because little work was left says nothing about longer ones.
        if took < Self::SHORTEST && pairs >= self.pairs / 2 {
            self.pairs = self.pairs.saturating_mul(2);
        } else if took > Self::LONGEST {
            self.pairs = (self.pairs / 2).max(Self::LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_device_starts_with_more_work() {
        assert_eq!(Pace::at(0.0), Pace::new());
        assert_eq!(Pace::at(15e9), Pace::new(), "a software rasterizer");
        assert!(Pace::at(5e12).columns(1000, 96) > 10 * Pace::new().columns(1000, 96));
    }

    #[test]
    fn submissions_follow_the_time_they_take() {
        let mut pace = Pace::new();
        let before = pace.columns(1000, 96);
        pace.adapt(Duration::from_millis(10), 1000);
        assert_eq!(pace.columns(1000, 96), before, "little work must not grow the amount");
        pace.adapt(Duration::from_millis(10), u64::MAX);
        assert!(pace.columns(1000, 96) > before);
        pace.adapt(Duration::from_millis(100), u64::MAX);
        let settled = pace.columns(1000, 96);
        pace.adapt(Duration::from_millis(100), u64::MAX);
        assert_eq!(pace.columns(1000, 96), settled);
        let learned = AtomicU64::new(0);
        assert_eq!(Pace::learned(&learned), Pace::new());
        pace.teach(&learned);
        assert_eq!(Pace::learned(&learned).columns(1000, 96), settled);
        for _ in 0..100 {
            pace.adapt(Duration::from_secs(1), 0);
        }
        assert_eq!(pace.columns(u32::MAX, 96), u64::from(PACE_COLUMNS));
    }
}
