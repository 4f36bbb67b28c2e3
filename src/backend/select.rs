//! Selects the device of a run.

use std::num::NonZero;

pub use super::adapter::Adapter;
use super::cpu::CpuBackend;
use super::given::GivenGpu;
use super::{Backend, DeviceInfo, Tuning};
use crate::base::error::Result;

/// Value of `--device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// A discrete GPU, else an integrated one, else the CPU; the CPU also for work that a discrete GPU does more slowly.
    Auto,
    /// A GPU, or a software rasterizer where there is none; never the CPU backend.
    Gpu,
    /// The CPU backend.
    Cpu,
    /// The adapter with this index in `clustrata devices`.
    Index(usize),
    /// The first adapter whose name or driver contains this text, ignoring case. The driver's version doesn't count.
    Name(String),
}

impl Choice {
    /// Parses a `--device` value.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "auto" => Choice::Auto,
            "gpu" => Choice::Gpu,
            "cpu" => Choice::Cpu,
            other => other.parse().map_or_else(|_| Choice::Name(other.to_owned()), Choice::Index),
        }
    }
}

/// An open device, and why it was selected.
pub struct Selected {
    /// The device.
    pub backend: Box<dyn Backend>,
    /// Reason in one clause, as printed.
    pub reason: String,
}

/// What a run asks of its device, besides which one it is.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Threads of the CPU backend; `None` for all.
    pub threads: Option<NonZero<usize>>,
    /// Whether the device times its kernels.
    pub tuning: Tuning,
    /// Whether each point is read once, for nothing but its distance to its own centroid. A discrete GPU spends longer on copying
    /// the points than the CPU beside it on computing: 14 against 58 GB/s on an H100 with 16 cores.
    pub own_distances_alone: bool,
}

/// Opens the chosen device.
///
/// # Errors
/// `Kind::Device` if no adapter matches or the adapter can't be opened. `cpu` never fails.
pub fn open(choice: &Choice, request: &Request) -> Result<Selected> {
    // listing the adapters takes time
    let adapters = if *choice == Choice::Cpu { Vec::new() } else { adapters() };
    let given = GivenGpu::from_environment();
    if let Some(warning) = given.as_ref().and_then(|given| doubt(choice, &adapters, given)) {
        tracing::warn!("{warning}");
    }
    let (device, reason) = decide(choice, &adapters, request, given.as_ref())?;
    let backend = match device {
        Some(adapter) => imp::open(adapter.index, request)?,
        None => Box::new(CpuBackend::new(request.threads)),
    };
    Ok(Selected { backend, reason })
}

/// One shape of the search kernel on one class of made-up tiles.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TimedShape {
    /// Columns of the tile.
    pub columns: usize,
    /// Clusters searched.
    pub clusters: usize,
    /// Rows of the tile.
    pub rows: usize,
    /// The kernel's shape.
    pub shape: &'static str,
    /// Least seconds of a search; `None` if it took too long to be timed.
    pub seconds: Option<f64>,
    /// Operations per second; a multiply-add counts as two.
    pub rate: Option<f64>,
    /// Whether its result is that of the first shape, to the last bit.
    pub agrees: bool,
    /// Whether searches of this class take this shape from now on.
    pub chosen: bool,
}

/// Times the search kernels of the chosen GPU, and keeps the choice of each class as `tuning` says. Calls `go_on` between them.
///
/// # Errors
/// `Kind::Device` if there is no such GPU or it is the CPU; device errors; the error of `go_on`.
pub fn tune(choice: &Choice, tuning: &Tuning, go_on: &dyn Fn() -> Result<()>) -> Result<(DeviceInfo, Vec<TimedShape>)> {
    use crate::base::error::{Error, Finding};
    let adapters = adapters();
    match decide(choice, &adapters, &Request::default(), GivenGpu::from_environment().as_ref())? {
        (Some(adapter), _) => imp::tune(adapter.index, tuning, go_on),
        (None, reason) => {
            let finding = Finding::new("the CPU has no kernels to choose from").found(format!("the CPU: {reason}"));
            Err(Error::device(finding.hint("name a GPU or a software rasterizer of `clustrata devices` with --device")))
        }
    }
}

/// The adapters in the order of their indices, unusable ones included.
pub fn adapters() -> Vec<Adapter> {
    imp::adapters()
}

/// The adapter that `auto` selects: the first discrete GPU, otherwise the first integrated one, otherwise the first virtual
/// one.
pub fn preferred(adapters: &[Adapter]) -> Option<&Adapter> {
    gpus(adapters).first().copied()
}

/// The GPUs among which `auto` and `gpu` choose: the discrete ones, otherwise the integrated ones, otherwise the virtual ones.
fn gpus(adapters: &[Adapter]) -> Vec<&Adapter> {
    let of_kind = |kind| adapters.iter().filter(|a| a.unusable.is_none() && a.info.kind == kind).collect::<Vec<_>>();
    let kinds = ["discrete", "integrated", "virtual"];
    kinds.into_iter().map(of_kind).find(|gpus| !gpus.is_empty()).unwrap_or_default()
}

/// The GPU that this process was given, else the first, and why.
fn best<'a>(adapters: &'a [Adapter], given: Option<&GivenGpu>) -> Option<(&'a Adapter, String)> {
    let gpus = gpus(adapters);
    if let Some((given, gpu)) = given.and_then(|given| Some((given, given.among(&gpus)?))) {
        return Some((gpu, format!("the {} GPU that this process was given ({})", gpu.info.kind, given.variable)));
    }
    gpus.first().map(|gpu| (*gpu, format!("the first {} GPU", gpu.info.kind)))
}

/// What a user must know who was given a GPU that is not the one, or not at all, used.
fn doubt(choice: &Choice, adapters: &[Adapter], given: &GivenGpu) -> Option<String> {
    let gpus = gpus(adapters);
    match choice {
        Choice::Auto if gpus.is_empty() => Some(format!(
            "this process was given a GPU ({}), but none can be used: it computes on the CPU. Look at `clustrata devices` on \
             this node; --device gpu ends with an error instead. {}",
            given.variable,
            why_cpu(adapters)
        )),
        Choice::Auto | Choice::Gpu if !gpus.is_empty() && given.among(&gpus).is_none() => Some(format!(
            "this process was given a GPU ({}), but none of the {} GPUs here can be recognised as this one: it takes the first. \
             Name one with --device",
            given.variable,
            gpus.len()
        )),
        _ => None,
    }
}

/// The adapter to open, or `None` for the CPU, and why.
fn decide<'a>(
    choice: &Choice,
    adapters: &'a [Adapter],
    request: &Request,
    given: Option<&GivenGpu>,
) -> Result<(Option<&'a Adapter>, String)> {
    let usable = || adapters.iter().filter(|a| a.unusable.is_none());
    let asked = || "asked for".to_owned();
    let (adapter, reason) = match choice {
        Choice::Cpu => return Ok((None, asked())),
        Choice::Auto => match best(adapters, given) {
            Some((adapter, _)) if request.own_distances_alone && adapter.info.kind == "discrete" => {
                return Ok((None, slower_on(&adapter.info.name)));
            }
            Some((adapter, reason)) => (Some(adapter), reason),
            None => return Ok((None, why_cpu(adapters))),
        },
        Choice::Gpu => match (best(adapters, given), given) {
            (Some((adapter, reason)), _) => (Some(adapter), reason),
            (None, Some(given)) => return Err(none_given(adapters, given)),
            (None, None) => (usable().next(), "no discrete or integrated GPU found, only this".to_owned()),
        },
        Choice::Index(_) | Choice::Name(_) => (pick(choice, adapters), asked()),
    };
    match adapter {
        Some(adapter) => Ok((Some(adapter), reason)),
        None => Err(none(choice, adapters)),
    }
}

fn slower_on(name: &str) -> String {
    format!(
        "copying the points to {name} would take longer than computing their own distances here; --device gpu uses it anyway"
    )
}

/// The usable adapter that an index or a name chooses.
fn pick<'a>(choice: &Choice, adapters: &'a [Adapter]) -> Option<&'a Adapter> {
    match choice {
        // a number past the last index is more likely part of a name
        Choice::Index(index) => match adapters.iter().find(|a| a.index == *index) {
            Some(adapter) => Some(adapter).filter(|a| a.unusable.is_none()),
            None => model(adapters, *index),
        },
        Choice::Name(part) => named(adapters, part),
        Choice::Auto | Choice::Gpu | Choice::Cpu => None,
    }
}

/// The first usable adapter whose name or driver contains `part`.
fn named<'a>(adapters: &'a [Adapter], part: &str) -> Option<&'a Adapter> {
    let part = part.to_lowercase();
    // an empty text is part of every name
    let names = |a: &&Adapter| !part.is_empty() && described(&a.info).to_lowercase().contains(&part);
    adapters.iter().filter(|a| a.unusable.is_none()).find(names)
}

/// The first usable adapter with a model number such as `4090` in its name. Numbers in brackets, such as the driver's
/// version, are no models.
fn model(adapters: &[Adapter], number: usize) -> Option<&Adapter> {
    let number = number.to_string();
    let is_model = |a: &&Adapter| outside_brackets(&a.info.name).split_whitespace().any(|word| word == number);
    adapters.iter().filter(|a| a.unusable.is_none()).find(is_model)
}

/// Name and driver, without versions: words of the name such as `19.1.7`, and words of the driver that contain digits.
fn described(info: &DeviceInfo) -> String {
    let is_version = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit())
    };
    let name = info.name.split_whitespace().filter(|word| !is_version(word));
    let driver = info.driver.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    name.chain(driver).collect::<Vec<_>>().join(" ")
}

/// The name without what is in brackets, such as `(R)`.
fn outside_brackets(name: &str) -> String {
    let mut depth = 0_usize;
    let mut outside = String::new();
    for c in name.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    outside
}

fn why_cpu(adapters: &[Adapter]) -> String {
    match adapters.iter().find(|a| a.unusable.is_none()) {
        Some(other) if other.info.kind == "software" => {
            format!("no GPU found; using the CPU (faster than {})", other.info.name)
        }
        Some(other) => {
            format!("no discrete or integrated GPU found; name `{}` with --device to use it", other.info.name)
        }
        None if cfg!(not(feature = "gpu")) => "this build has no GPU backend (feature `gpu`)".to_owned(),
        None => format!("no GPU found; to use one, install its driver: {}", driver_hint()),
    }
}

/// Where this system's GPU drivers come from.
fn driver_hint() -> &'static str {
    if cfg!(target_os = "macos") {
        "Metal comes with macOS"
    } else if cfg!(windows) {
        "the vendor's driver provides DX12 and Vulkan"
    } else {
        "the vendor's Vulkan driver and libvulkan1 (for tests, mesa-vulkan-drivers has a software rasterizer)"
    }
}

/// The error that a process was given a GPU that is not there. A rasterizer would take its place for hours.
fn none_given(adapters: &[Adapter], given: &GivenGpu) -> crate::base::error::Error {
    use crate::base::error::{Error, Finding};
    let finding = Finding::new("this process was given a GPU, but none can be used").expected(given.variable.clone());
    let hint = format!(
        "load its Vulkan driver ({}) in `slurm: environment`, leave out nodes without it, or use --device cpu",
        driver_hint()
    );
    Error::device(finding.found(list(adapters)).hint(hint))
}

/// The adapters, for messages.
fn list(adapters: &[Adapter]) -> String {
    let listed: Vec<String> = adapters
        .iter()
        .map(|a| match &a.unusable {
            Some(why) => format!("{}: {} (unusable: {why})", a.index, a.info.name),
            None => format!("{}: {} ({})", a.index, a.info.name, a.info.kind),
        })
        .collect();
    if listed.is_empty() { "no adapter".to_owned() } else { listed.join("; ") }
}

fn none(choice: &Choice, adapters: &[Adapter]) -> crate::base::error::Error {
    use crate::base::error::{Error, Finding};
    let expected = match choice {
        Choice::Auto | Choice::Gpu | Choice::Cpu => "a usable Vulkan, Metal or DX12 adapter".to_owned(),
        Choice::Index(index) => format!("an adapter with index {index}"),
        Choice::Name(part) => format!("an adapter whose name contains `{part}`"),
    };
    let hint =
        format!("use --device cpu, or get a GPU driver ({}); `clustrata devices` lists the adapters", driver_hint());
    Error::device(Finding::new("no such device").expected(expected).found(list(adapters)).hint(hint))
}

#[cfg(feature = "gpu")]
mod imp {
    use super::{Adapter, Request, TimedShape};
    use crate::backend::{Backend, DeviceInfo, Tuning, gpu};
    use crate::base::error::Result;

    pub(super) fn adapters() -> Vec<Adapter> {
        let listing = gpu::adapters().into_iter();
        listing.map(|a| Adapter { index: a.index, info: a.info, pci: a.pci, unusable: a.unusable }).collect()
    }

    pub(super) fn open(index: usize, request: &Request) -> Result<Box<dyn Backend>> {
        let options = gpu::GpuOptions { tuning: request.tuning.clone(), ..gpu::GpuOptions::default() };
        Ok(Box::new(gpu::GpuBackend::open(index, options)?))
    }

    pub(super) fn tune(
        index: usize,
        tuning: &Tuning,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<(DeviceInfo, Vec<TimedShape>)> {
        gpu::tune(index, tuning, go_on)
    }
}

#[cfg(not(feature = "gpu"))]
mod imp {
    use super::{Adapter, Request, TimedShape};
    use crate::backend::{Backend, DeviceInfo, Tuning};
    use crate::base::error::{Error, Finding, Result};

    pub(super) fn adapters() -> Vec<Adapter> {
        Vec::new()
    }

    fn missing() -> Error {
        Error::device(Finding::new("this build has no GPU backend").hint("build it with --features gpu"))
    }

    pub(super) fn open(_index: usize, _request: &Request) -> Result<Box<dyn Backend>> {
        Err(missing())
    }

    pub(super) fn tune(
        _index: usize,
        _tuning: &Tuning,
        _go_on: &dyn Fn() -> Result<()>,
    ) -> Result<(DeviceInfo, Vec<TimedShape>)> {
        Err(missing())
    }
}

#[cfg(test)]
mod tests;
