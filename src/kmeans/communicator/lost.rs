//! Errors about the other processes.

use std::time::{Duration, Instant};

use crate::base::error::{Error, Finding, Kind};

/// A signal reaches the processes one after another. A process that loses another one waits this long for its own signal.
const GRACE: Duration = Duration::from_secs(3);

/// Another process is lost. The run can be resumed, so the exit code says so.
pub(super) fn lost(found: &str) -> Error {
    Error::new(
        Kind::Paused,
        Finding::new("another process of this k-means is lost").found(found).hint(
            "see the output of that process; start all processes with --resume to continue from the last checkpoint",
        ),
    )
}

/// As [`lost`], unless this process is told to stop as well: then it is interrupted.
pub(super) fn lost_unless_stopped(found: &str, stopped: &dyn Fn() -> bool) -> Error {
    let since = Instant::now();
    while since.elapsed() < GRACE {
        if stopped() {
            return Error::interrupted();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    lost(found)
}

/// Another process ended with an error of its own. Resuming may meet the same error, so the exit code is another.
pub(super) fn left() -> Error {
    Error::failed(
        Finding::new("another process of this k-means ended with an error")
            .hint("see the output of that process; once it is repaired, start all processes with --resume"),
    )
}

/// Another process sent something else than expected.
pub(super) fn misfit(expected: u64, found: u64) -> Error {
    Error::failed(
        Finding::new("another process of this k-means sent a message of the wrong length")
            .expected(format!("{expected} bytes"))
            .found(format!("{found} bytes"))
            .hint("start all processes with the same program"),
    )
}
