//! Ctrl-C, SIGTERM and SIGHUP ask the run to stop; it does so between two tiles and leaves the folder clean. Asked a
//! second time, the process ends at once, wherever it hangs; the next run clears what that leaves.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens from here on.
pub fn install() {
    // where no handler can be set the system's own ends the process, and the next run clears what it left
    let heard = || {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    if let Err(error) = ctrlc::set_handler(heard) {
        tracing::debug!("no handler for Ctrl-C: {error}");
    }
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
