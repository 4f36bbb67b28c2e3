//! The legs of a result while a process works on it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::gpu_load::GpuLoad;
use crate::backend::Backend;
use crate::base::memory::peak_memory;
use crate::base::numeric::as_real;
use crate::base::time::{cpu_seconds, now};
use crate::plan::record::{Leg, Provenance, SlurmJob, Staging, joined_legs};

/// The legs of the processes before this one, and this one's so far.
#[derive(Debug, Clone)]
pub struct Legs {
    earlier: Vec<Leg>,
    /// This process, as it started.
    own: Leg,
    since: Instant,
    cpu_before: Option<f64>,
    gpu_memory: Option<Arc<AtomicU64>>,
    gpu_load: Option<GpuLoad>,
}

impl Legs {
    /// Starts the leg of this process.
    pub fn start() -> Legs {
        let started = now();
        let own = Leg {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            slurm: SlurmJob::of(|name| std::env::var(name).ok()),
            rows: None,
            ended: started.clone(),
            started,
            seconds: 0.0,
            cpu_seconds: None,
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            cpu_utilisation: None,
            peak_memory_bytes: None,
            device: String::new(),
            gpu_memory_bytes: None,
            gpu_utilisation: None,
            scratch: None,
        };
        let cpu_before = cpu_seconds();
        Legs { earlier: Vec::new(), own, since: Instant::now(), cpu_before, gpu_memory: None, gpu_load: None }
    }

    /// The same, with the rows of this process.
    #[must_use]
    pub fn over(mut self, rows: &Range<u64>) -> Legs {
        self.own.rows = Some((rows.start, rows.end));
        self
    }

    /// Notes the device of this process.
    pub fn use_device(&mut self, backend: &dyn Backend) {
        self.own.device = backend.describe().text();
        self.gpu_memory = backend.peak_memory();
        self.gpu_load = backend.bus_id().map(|id| GpuLoad::watch(&id));
    }

    /// Notes what this process did with `--scratch`.
    pub fn use_scratch(&mut self, staging: Option<Staging>) {
        self.own.scratch = staging;
    }

    /// Adds the legs of other processes.
    pub fn follow(&mut self, legs: impl IntoIterator<Item = Leg>) {
        self.earlier.extend(legs);
    }

    /// The leg of this process so far.
    pub fn own(&self) -> Leg {
        let seconds = self.since.elapsed().as_secs_f64();
        let cpu_seconds = cpu_seconds().zip(self.cpu_before).map(|(now, before)| now - before);
        Leg {
            ended: now(),
            seconds,
            cpu_seconds,
            cpu_utilisation: cpu_seconds.map(|busy| busy / (seconds * as_real(self.own.cores as u64))),
            peak_memory_bytes: peak_memory(),
            gpu_memory_bytes: self.gpu_memory.as_ref().map(|most| most.load(Ordering::Relaxed)),
            gpu_utilisation: self.gpu_load.as_ref().and_then(GpuLoad::mean),
            ..self.own.clone()
        }
    }

    /// All legs so far.
    pub fn all(&self) -> Vec<Leg> {
        joined_legs(self.earlier.iter().cloned().chain([self.own()]))
    }

    /// All legs so far, and their sums.
    pub fn provenance(&self) -> Provenance {
        Provenance::of(self.all())
    }
}
