//! Signals ask the run to stop; it does so between two tiles.
//!
//! Ctrl-C (SIGINT) and SIGHUP stop it and leave the folder clean. SIGTERM and SIGUSR1, which batch systems send before
//! they take a machine away, have it write a checkpoint first. StopRequest a second time by Ctrl-C, the process ends at once,
//! wherever it hangs; the next run clears what that leaves.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{Error, Result};

/// How the run was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// Not at all.
    No,
    /// To end.
    Stop,
    /// To write a checkpoint and end.
    Checkpoint,
}

/// Listens for signals that end a run from here on.
pub fn install() {
    // where no handler can be set the system's own ends the process, and the next run clears what it left
    if let Err(error) = system::listen_for_stop() {
        tracing::debug!("no handler for Ctrl-C: {error}");
    }
}

/// Listens for signals that ask for a checkpoint, too: to be called by what can write one, since nothing else would end
/// on them then.
pub fn install_checkpoints() {
    if let Err(error) = system::listen_for_checkpoint() {
        tracing::debug!("no handler for SIGTERM and SIGUSR1: {error}");
    }
}

/// What the user or the system asked for; Ctrl-C outdoes a checkpoint.
pub fn asked() -> StopRequest {
    match (system::stop().load(Ordering::Relaxed), system::checkpoint().load(Ordering::Relaxed)) {
        (true, _) => StopRequest::Stop,
        (false, true) => StopRequest::Checkpoint,
        (false, false) => StopRequest::No,
    }
}

/// Whether the run is to stop in either way.
pub fn requested() -> bool {
    asked() != StopRequest::No
}

/// Ends long work where the run is to stop.
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
            // in this order: the first signal finds the flag down and raises it, the second finds it raised
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&STOP))?;
            flag::register(signal, Arc::clone(&STOP))?;
        }
        Ok(())
    }

    pub(super) fn listen_for_checkpoint() -> std::io::Result<()> {
        // never at once: the second of these comes while the checkpoint that the first asked for is written
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
    /// Nothing here tells these apart, and a stopped run keeps its last checkpoint.
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
