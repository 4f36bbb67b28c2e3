//! Errors of the device: its loss, errors outside of any scope, and scoped errors.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::{Error, Finding, Result};

/// The first error of a device. From then on, nothing that the device returns is trusted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<Finding>>>);

impl Fault {
    /// Records device loss and uncaptured errors of `device`, instead of wgpu's default of panicking.
    pub(crate) fn watch(device: &wgpu::Device) -> Fault {
        let fault = Fault::default();
        let lost = fault.clone();
        device.set_device_lost_callback(move |reason, message| {
            lost.record(
                Finding::new("the GPU was lost")
                    .found(format!("{reason:?}: {message}"))
                    .hint("check the system log for GPU errors; run again with --resume, or with --device cpu"),
            );
        });
        let uncaptured = fault.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| uncaptured.record(describe(&error))));
        fault
    }

    /// Keeps the first finding; later ones are its consequences.
    pub(crate) fn record(&self, finding: Finding) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(finding);
    }

    /// Fails with the recorded error, if there is one.
    pub(crate) fn check(&self) -> Result<()> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(finding) => Err(Error::failed(finding.clone())),
            None => Ok(()),
        }
    }
}

/// Turns a wgpu error into a finding.
fn describe(error: &wgpu::Error) -> Finding {
    match error {
        wgpu::Error::OutOfMemory { source } => out_of_memory(&source.to_string()),
        wgpu::Error::Validation { description, .. } => {
            Finding::new("the GPU interface rejected a call (validation error)")
                .found(description.clone())
                .hint("this is a bug in clustrata: please report it with this message, and use --device cpu meanwhile")
        }
        wgpu::Error::Internal { description, .. } => Finding::new("the GPU driver failed (internal error)")
            .found(description.clone())
            .hint("update the driver, or use --device cpu"),
    }
}

pub(crate) fn out_of_memory(detail: &str) -> Finding {
    Finding::new("the GPU is out of memory")
        .found(detail)
        .hint("lower --tile-rows, close other programs that use this GPU, or use --device cpu")
}

/// An error that the device raised inside [`scoped`].
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) finding: Box<Finding>,
    /// Whether asking for less memory would have helped.
    pub(crate) out_of_memory: bool,
}

/// Runs `make` and returns its value, or the first error that the device raised while it ran.
pub(crate) fn scoped<T>(device: &wgpu::Device, make: impl FnOnce() -> T) -> std::result::Result<T, Raised> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let value = make();
    // Out-of-memory first: it leaves invalid buffers behind, which then cause validation errors.
    let errors = [validation.pop(), internal.pop(), memory.pop()].map(pollster::block_on);
    match errors.iter().rev().flatten().next() {
        Some(error) => {
            let out_of_memory = matches!(error, wgpu::Error::OutOfMemory { .. });
            Err(Raised { finding: Box::new(describe(error)), out_of_memory })
        }
        None => Ok(value),
    }
}

/// An internal invariant is violated.
pub(crate) fn defect(what: &str) -> Error {
    Error::failed(
        Finding::new(what).hint("this is a bug in clustrata: please report it, and use --device cpu meanwhile"),
    )
}

/// A result lacks its stamp: the device accepted the work and did nothing.
pub(crate) fn not_computed() -> Error {
    Error::failed(
        Finding::new("the GPU returned without computing anything")
            .hint("check the system log for GPU errors; update the driver, or use --device cpu"),
    )
}
