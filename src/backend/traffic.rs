//! Counts of the work and data that a device was given. Unlike times, counts hardly vary between runs, so tests can
//! compare them.

use std::fmt;

/// Counts since the device was opened, or the difference of two such counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Traffic {
    /// Bytes copied from the host to the device.
    pub bytes_up: u64,
    /// Bytes copied from the device to the host.
    pub bytes_down: u64,
    /// Submissions to the device's queue.
    pub submits: u64,
    /// Dispatches of kernels.
    pub dispatches: u64,
    /// Buffers allocated.
    pub allocations: u64,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Traffic { bytes_up, bytes_down, submits, dispatches, allocations } = self;
        write!(f, "{bytes_up} bytes up, {bytes_down} bytes down, {submits} submissions, {dispatches} dispatches, ")?;
        write!(f, "{allocations} allocations")
    }
}

impl Traffic {
    /// What was added since `before`.
    pub fn since(self, before: Traffic) -> Traffic {
        Traffic {
            bytes_up: self.bytes_up.saturating_sub(before.bytes_up),
            bytes_down: self.bytes_down.saturating_sub(before.bytes_down),
            submits: self.submits.saturating_sub(before.submits),
            dispatches: self.dispatches.saturating_sub(before.dispatches),
            allocations: self.allocations.saturating_sub(before.allocations),
        }
    }
}
