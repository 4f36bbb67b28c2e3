//! How busy a GPU is, sampled while a process works: by a file of Linux's driver for AMD, or by NVIDIA's `nvidia-smi`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::base::numeric::as_real;
use crate::base::process::{Limits, output};

/// Time between two samples.
const EVERY: Duration = Duration::from_secs(10);

/// How long a sample may take: a driver in trouble must not pile up processes.
const LIMIT: Duration = Duration::from_secs(5);

/// The samples of a GPU. Sampling ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct GpuLoad(Arc<Mutex<Samples>>);

#[derive(Debug, Default)]
struct Samples {
    sum: f64,
    count: u64,
}

/// What tells how busy a GPU is.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A file that holds a percentage.
    File(PathBuf),
    /// A program that prints it, and the GPU's place on the PCI bus.
    Program(PathBuf, String),
}

impl GpuLoad {
    /// Starts to sample the GPU at this place on the PCI bus.
    pub(super) fn watch(bus_id: &str) -> GpuLoad {
        let file = PathBuf::from(format!("/sys/bus/pci/devices/{bus_id}/gpu_busy_percent"));
        GpuLoad::of(match file.exists() {
            true => Source::File(file),
            false => Source::Program("nvidia-smi".into(), bus_id.to_owned()),
        })
    }

    fn of(source: Source) -> GpuLoad {
        let load = GpuLoad(Arc::default());
        let kept = Arc::downgrade(&load.0);
        // nobody waits for it; a source that fails once is not asked again
        thread::spawn(move || {
            loop {
                thread::sleep(EVERY);
                let Some(samples) = kept.upgrade() else { break };
                let Some(busy) = source.sample() else { break };
                let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
                samples.sum += busy;
                samples.count += 1;
            }
        });
        load
    }

    /// Mean share of the time that the GPU was busy, from 0 to 1; `None` before the first sample.
    pub(super) fn mean(&self) -> Option<f64> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (samples.count > 0).then(|| samples.sum / as_real(samples.count))
    }
}

impl Source {
    fn sample(&self) -> Option<f64> {
        let text = match self {
            Source::File(path) => std::fs::read_to_string(path).ok()?,
            Source::Program(program, bus_id) => {
                let mut command = Command::new(program);
                command.args(["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]);
                let told = output(command.arg(format!("--id={bus_id}")), Limits::within(LIMIT)).ok()?;
                String::from_utf8(told.stdout).ok().filter(|_| told.status.success())?
            }
        };
        let percent: f64 = text.trim().parse().ok()?;
        (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_percentage_is_read_and_anything_else_is_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, program) = (folder.path().join("busy"), folder.path().join("smi"));
        let by_file = |text: &str| {
            fs::write(&file, text).expect("written");
            Source::File(file.clone()).sample()
        };
        assert_eq!((by_file("37\n"), by_file("100"), by_file("0\n")), (Some(0.37), Some(1.0), Some(0.0)));
        assert_eq!([by_file("[N/A]\n"), by_file("NaN"), by_file("101"), by_file("")], [None; 4]);
        let by_program = |body: &str| {
            fs::write(&program, body).expect("written");
            let mut shell = Command::new("chmod");
            assert!(shell.arg("+x").arg(&program).status().is_ok_and(|status| status.success()));
            Source::Program(program.clone(), "0000:01:00.0".to_owned()).sample()
        };
        let asked = "#!/bin/sh\n[ \"$3\" = --id=0000:01:00.0 ] && echo 85\n";
        assert_eq!((by_program(asked), by_program("#!/bin/sh\necho 85; exit 6\n")), (Some(0.85), None));
        assert_eq!(Source::Program("/no/such/program".into(), String::new()).sample(), None);
    }

    #[test]
    fn without_a_sample_the_load_is_unknown() {
        let load = GpuLoad::of(Source::File("/no/such/file".into()));
        assert_eq!(load.mean(), None);
        *load.0.lock().expect("not poisoned") = Samples { sum: 1.5, count: 2 };
        assert_eq!(load.mean(), Some(0.75));
    }
}
