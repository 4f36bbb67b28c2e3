//! What the device reports outside of any call: its loss, and errors that no scope caught.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::{Error, Finding, Result};

/// The first thing that went wrong on a device; from then on nothing it returns is trusted.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<Finding>>>);

impl Fault {
    /// Records device loss and uncaptured errors of `device`, instead of wgpu's default of panicking.
    pub(super) fn watch(device: &wgpu::Device) -> Fault {
        let fault = Fault::default();
        let lost = fault.clone();
        device.set_device_lost_callback(move |reason, message| {
            lost.record(
                Finding::new("the GPU was lost")
                    .found(format!("{reason:?}: {message}"))
                    .hint("look for GPU errors in the system's log; run again with --resume, or with --device cpu"),
            );
        });
        let uncaptured = fault.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| uncaptured.record(describe(&error))));
        fault
    }

    /// Keeps the first finding: later ones are its consequences.
    pub(super) fn record(&self, finding: Finding) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(finding);
    }

    /// The error recorded so far, if there is one.
    pub(super) fn check(&self) -> Result<()> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(finding) => Err(Error::failed(finding.clone())),
            None => Ok(()),
        }
    }
}

/// Names a wgpu error.
fn describe(error: &wgpu::Error) -> Finding {
    match error {
        wgpu::Error::OutOfMemory { source } => out_of_memory(&source.to_string()),
        wgpu::Error::Validation { description, .. } => {
            Finding::new("the GPU driver interface refused a call (validation error)")
                .found(description.clone())
                .hint("this is a defect of this program: report it with this message, and use --device cpu meanwhile")
        }
        wgpu::Error::Internal { description, .. } => Finding::new("the GPU driver failed (internal error)")
            .found(description.clone())
            .hint("update the driver, or use --device cpu"),
    }
}

fn out_of_memory(detail: &str) -> Finding {
    Finding::new("the GPU is out of memory")
        .found(detail)
        .hint("lower --tile-rows, end other programs that use this GPU, or use --device cpu")
}

/// An error that the device raised inside [`scoped`].
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) finding: Box<Finding>,
    /// Whether less memory would have done.
    pub(super) out_of_memory: bool,
}

/// Runs `make` and returns its value, or the first error that the device raised meanwhile.
pub(super) fn scoped<T>(device: &wgpu::Device, make: impl FnOnce() -> T) -> std::result::Result<T, Raised> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let value = make();
    // Out-of-memory first: invalid buffers that follow from it are validation errors.
    let errors = [validation.pop(), internal.pop(), memory.pop()].map(pollster::block_on);
    match errors.iter().rev().flatten().next() {
        Some(error) => {
            let out_of_memory = matches!(error, wgpu::Error::OutOfMemory { .. });
            Err(Raised { finding: Box::new(describe(error)), out_of_memory })
        }
        None => Ok(value),
    }
}
