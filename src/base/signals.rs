//! Signals that stop a run. The run checks for them between two tiles.
//!
//! Ctrl-C (SIGINT) and SIGHUP stop the run and leave the folder clean. Batch systems send SIGTERM or SIGUSR1 before they
//! take a machine away; the run then writes a checkpoint before it stops. A second Ctrl-C ends the process at once, even
//! if it hangs. The next run removes what that leaves behind.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{Error, Result};

/// Whether, and how, the run has been asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// No signal has arrived.
    No,
    /// Stop now.
    Stop,
    /// Write a checkpoint, then stop.
    Checkpoint,
}

/// Starts to listen for SIGINT and SIGHUP.
pub fn install() {
    // Without a handler the system ends the process at once, and the next run removes what is left behind.
    if let Err(error) = system::listen_for_stop() {
        tracing::debug!("no handler for Ctrl-C: {error}");
    }
}

/// Starts to listen for SIGTERM and SIGUSR1. Call it only in a run that can write a checkpoint: any other run would
/// ignore these signals from then on.
pub fn install_checkpoints() {
    if let Err(error) = system::listen_for_checkpoint() {
        tracing::debug!("no handler for SIGTERM and SIGUSR1: {error}");
    }
}

/// The pending request. Ctrl-C takes precedence over a checkpoint.
pub fn asked() -> StopRequest {
    match (system::stop().load(Ordering::Relaxed), system::checkpoint().load(Ordering::Relaxed)) {
        (true, _) => StopRequest::Stop,
        (false, true) => StopRequest::Checkpoint,
        (false, false) => StopRequest::No,
    }
}

/// Whether the run has been asked to stop, with or without a checkpoint.
pub fn requested() -> bool {
    asked() != StopRequest::No
}

/// Returns an error once the run has been asked to stop, so that long work can end early with `?`.
///
/// # Errors
/// `Interrupted` once a signal has arrived.
pub fn go_on() -> Result<()> {
    if requested() { Err(Error::interrupted()) } else { Ok(()) }
}

#[cfg(unix)]
mod system {
    use std::sync::{Arc, LazyLock};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
    use signal_hook::flag;

    use super::AtomicBool;

    static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
    static CHECKPOINT: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

    pub(super) fn listen_for_stop() -> std::io::Result<()> {
        for signal in [SIGINT, SIGHUP] {
            // The order matters: the first signal finds the flag unset and sets it, the second one finds it set.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&STOP))?;
            flag::register(signal, Arc::clone(&STOP))?;
        }
        Ok(())
    }

    pub(super) fn listen_for_checkpoint() -> std::io::Result<()> {
        // These never end the process at once: a second one can arrive while the checkpoint is being written.
        for signal in [SIGTERM, SIGUSR1] {
            flag::register(signal, Arc::clone(&CHECKPOINT))?;
        }
        Ok(())
    }

    pub(super) fn stop() -> &'static AtomicBool {
        &STOP
    }

    pub(super) fn checkpoint() -> &'static AtomicBool {
        &CHECKPOINT
    }
}

#[cfg(not(unix))]
mod system {
    use super::{AtomicBool, Ordering};

    static STOP: AtomicBool = AtomicBool::new(false);
    /// Never set: these systems have no such signal. A stopped run keeps its last checkpoint.
    static CHECKPOINT: AtomicBool = AtomicBool::new(false);

    pub(super) fn listen_for_checkpoint() -> Result<(), ctrlc::Error> {
        Ok(())
    }

    pub(super) fn listen_for_stop() -> Result<(), ctrlc::Error> {
        ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })
    }

    pub(super) fn stop() -> &'static AtomicBool {
        &STOP
    }

    pub(super) fn checkpoint() -> &'static AtomicBool {
        &CHECKPOINT
    }
}
