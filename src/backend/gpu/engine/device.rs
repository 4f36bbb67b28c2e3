//! An open device: its queue, limits, options and pipelines, and waiting for its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::adapter;
use super::counters::Counters;
use super::fault::{Fault, Raised, out_of_memory, scoped};
use super::kernel::Kernel;
use super::options::{Cooperative, GpuOptions, KernelShape, RESIDENT_BYTES};
use super::pipeline::{Pipeline, Pipelines};
use super::plan::TilePlan;
use super::pool::Pool;
use super::search_shapes::SearchShapes;
use super::units::wide;
use crate::backend::{DeviceInfo, Job};
use crate::base::error::{Error, Finding, Result};

/// How long one wait lasts before device loss is checked again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long a wait looks for its result again and again before it sleeps in the driver, and for how long it pauses in between;
/// after a sleep, for how long at most.
const POLLED: Duration = Duration::from_millis(100);
const POLL_PAUSE: Duration = Duration::from_micros(20);
const CALLBACK_PAUSE: Duration = Duration::from_millis(20);

/// Longest wait for one submission. Drivers stop a submission after seconds.
const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(600);

/// Receives the outcome of a `map_async`.
pub(crate) type Mapping = Receiver<std::result::Result<(), wgpu::BufferAsyncError>>;

/// A device that is open.
#[derive(Debug)]
pub(crate) struct GpuDevice {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    /// The limits that the device was opened with.
    pub(crate) limits: wgpu::Limits,
    pub(crate) info: DeviceInfo,
    /// Its place on the PCI bus, such as `0000:01:00.0`; empty if the driver doesn't say.
    pub(crate) bus_id: String,
    pub(crate) options: GpuOptions,
    pub(crate) fault: Fault,
    pub(crate) counters: Counters,
    pub(crate) pool: Arc<Pool>,
    /// The kernels of searches.
    pub(crate) shapes: SearchShapes,
    /// Number of lanes opened so far.
    lanes: AtomicU32,
    /// Pairs of octets that a search may submit at a time: lanes are short-lived, and each would learn it anew.
    pub(crate) pace: AtomicU64,
    /// Bytes of centroids that may stay on the device. Falls when memory is short.
    resident_bytes: AtomicU64,
    /// How the device runs the kernel with cooperative matrices; `None` if it can't.
    pub(crate) cooperative: Option<Cooperative>,
    pipelines: Pipelines,
}

impl GpuDevice {
    /// Opens adapter `index` of [`super::adapter::adapters`].
    pub(crate) fn open(index: usize, options: GpuOptions) -> Result<GpuDevice> {
        let opened = adapter::open(index, &options)?;
        let options = options.resolved(opened.info.device_type);
        let info = adapter::describe(&opened.info, &opened.limits);
        Ok(GpuDevice {
            shapes: SearchShapes::new(&options, &info),
            info,
            bus_id: opened.info.device_pci_bus_id,
            device: opened.device,
            queue: opened.queue,
            limits: opened.limits,
            fault: opened.fault,
            counters: Counters::default(),
            pool: Pool::new(options.memory_bytes.unwrap_or(u64::MAX)),
            lanes: AtomicU32::new(0),
            pace: AtomicU64::new(0),
            resident_bytes: AtomicU64::new(options.resident_bytes.unwrap_or(RESIDENT_BYTES)),
            cooperative: opened.cooperative,
            pipelines: Pipelines::default(),
            options,
        })
    }

    /// The pipeline of entry point `entry` of a kernel, compiled with variant `variant`.
    pub(crate) fn pipeline(&self, kernel: &'static Kernel, entry: usize, variant: usize) -> Result<Pipeline> {
        self.pipelines.get(&self.device, kernel, entry, variant)
    }

    /// The stamp before a lane's first one. Lanes reuse the buffers of earlier lanes, so their stamps must differ: multiples
    /// of an odd number near 2^32 / golden ratio are far apart.
    pub(crate) fn first_stamp(&self) -> u32 {
        self.lanes.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b1)
    }

    /// The layout of a job with tiles of `tile_rows` rows (0: the default), or fewer if the limits require it.
    pub(crate) fn plan(&self, job: &Job<'_>, tile_rows: usize) -> Result<TilePlan> {
        let resident = self.resident_bytes.load(Ordering::Relaxed);
        TilePlan::new(job, tile_rows, &self.limits, &self.options, resident)
    }

    /// Lets fewer bytes of centroids stay on the device from now on. False if the limit is 0 already.
    pub(crate) fn lower_resident_bytes(&self) -> bool {
        let before = self.resident_bytes.load(Ordering::Relaxed);
        let now = if before < 1 << 20 { 0 } else { before / 4 };
        self.resident_bytes.store(now, Ordering::Relaxed);
        before > 0
    }

    /// Runs `make` and returns its value, or the first error that the device raised meanwhile. An allocation beyond the limit
    /// on memory counts as out of memory.
    pub(crate) fn scoped<T>(&self, make: impl FnOnce() -> T) -> std::result::Result<T, Raised> {
        // forgets refusals outside of any scope
        Pool::was_refused();
        let made = scoped(&self.device, make);
        if Pool::was_refused() {
            let finding = Box::new(out_of_memory("the limit of `memory_bytes` is reached"));
            return Err(Raised { finding, out_of_memory: true });
        }
        made
    }

    /// Copies `bytes` into a buffer before the next submission.
    pub(crate) fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
        self.counters.up(wide(bytes.len()));
        self.queue.write_buffer(buffer, offset, bytes);
    }

    /// Submits what was recorded, together with earlier writes.
    pub(crate) fn submit(&self, recorded: Option<wgpu::CommandBuffer>) -> wgpu::SubmissionIndex {
        self.counters.submit();
        self.queue.submit(recorded)
    }

    /// Whether searches nominate candidates in float16 with cooperative matrices: where that shape is asked for. On an H100 the
    /// product itself is four times as fast, but the 6 to 20 % of rows that float16 leaves undecided cost as much again in
    /// float32 as all rows: too few of them fill the device.
    pub(crate) fn searches_in_half(&self) -> bool {
        self.cooperative.is_some() && self.options.kernel_shape == KernelShape::Cooperative
    }

    /// Index of the entry point of kernels other than the search, which come in two shapes: 0 per invocation, 1 as a
    /// workgroup tile.
    pub(crate) fn shape_entry(&self) -> usize {
        usize::from(self.options.kernel_shape != KernelShape::PerInvocation)
    }

    /// Starts mapping all of `buffer`. The mapping completes once the submissions that use the buffer have completed.
    pub(crate) fn map(&self, buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> Mapping {
        let (sender, receiver) = channel();
        // The receiver may be gone together with its lane; then nobody waits for the answer.
        buffer.map_async(mode, .., move |answer| drop(sender.send(answer)));
        receiver
    }

    /// Waits for a mapping started by [`GpuDevice::map`]. `after` is the last submission that uses the buffer, so that a
    /// lane never waits for another lane's work.
    pub(crate) fn wait(&self, mapping: &Mapping, after: Option<&wgpu::SubmissionIndex>) -> Result<()> {
        let started = Instant::now();
        loop {
            // a lost device must not be polled
            self.fault.check()?;
            // a sleep in the driver ends with an interrupt, which takes longer than most of the work
            let sleeps = !self.options.polls || started.elapsed() >= POLLED;
            let poll = match after.filter(|_| sleeps) {
                Some(index) => {
                    wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout: Some(POLL_INTERVAL) }
                }
                None => wgpu::PollType::Poll,
            };
            match self.device.poll(poll) {
                Ok(_) | Err(wgpu::PollError::Timeout) => (),
                Err(error) => return self.failed("waiting for the GPU failed", &error.to_string()),
            }
            // the callback may be running on another lane's thread
            match mapping.recv_timeout(if sleeps { CALLBACK_PAUSE } else { POLL_PAUSE }) {
                Ok(Ok(())) => return self.fault.check(),
                Ok(Err(error)) => return self.failed("cannot map memory shared with the GPU", &error.to_string()),
                Err(RecvTimeoutError::Disconnected) => return self.failed("the GPU dropped a mapping", "no answer"),
                Err(RecvTimeoutError::Timeout) if started.elapsed() < SUBMISSION_TIMEOUT => (),
                Err(RecvTimeoutError::Timeout) => {
                    return self.failed("the GPU does not respond", &format!("no result after {SUBMISSION_TIMEOUT:?}"));
                }
            }
        }
    }

    /// Fails with the recorded fault if there is one, since it explains the rest; otherwise with `what`.
    pub(crate) fn failed<T>(&self, what: &str, found: &str) -> Result<T> {
        self.fault.check()?;
        let hint = "check the system log for GPU errors; run again with --resume, or with --device cpu";
        Err(Error::failed(Finding::new(what).found(found).hint(hint)))
    }
}
