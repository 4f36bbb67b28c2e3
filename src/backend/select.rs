//! Selects the device of a run.

use std::num::NonZero;

use super::cpu::CpuBackend;
use super::{Backend, DeviceInfo};
use crate::base::error::Result;

/// Value of `--device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// A discrete GPU, else an integrated one, else the CPU.
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

/// Opens the chosen device. `threads` applies to the CPU backend.
///
/// # Errors
/// `Kind::Device` if no adapter matches or the adapter can't be opened. `cpu` never fails.
pub fn open(choice: &Choice, threads: Option<NonZero<usize>>) -> Result<Selected> {
    let cpu = |reason: &str| Selected { backend: Box::new(CpuBackend::new(threads)), reason: reason.to_owned() };
    if *choice == Choice::Cpu {
        return Ok(cpu("asked for"));
    }
    gpu_or(choice, cpu)
}

/// The adapters in the order of their indices, unusable ones included.
pub fn adapters() -> Vec<Adapter> {
    imp::adapters()
}

/// One entry of the list of adapters.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Adapter {
    /// Index for `--device`.
    pub index: usize,
    /// Description of the adapter.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// Why it can't be used; `None` if it can.
    pub unusable: Option<String>,
}

/// The adapter that `auto` selects: the first discrete GPU, otherwise the first integrated one, otherwise the first virtual
/// one.
pub fn preferred(adapters: &[Adapter]) -> Option<&Adapter> {
    let usable = || adapters.iter().filter(|a| a.unusable.is_none());
    ["discrete", "integrated", "virtual"].iter().find_map(|kind| usable().find(|a| a.info.kind == *kind))
}

fn gpu_or(choice: &Choice, cpu: impl Fn(&str) -> Selected) -> Result<Selected> {
    let adapters = adapters();
    let usable = || adapters.iter().filter(|a| a.unusable.is_none());
    let asked = || "asked for".to_owned();
    let (adapter, reason) = match choice {
        Choice::Cpu => return Ok(cpu("asked for")),
        Choice::Auto => match preferred(&adapters) {
            Some(adapter) => (Some(adapter), format!("the first {} GPU", adapter.info.kind)),
            None => return Ok(cpu(&why_cpu(&adapters))),
        },
        Choice::Gpu => match preferred(&adapters) {
            Some(adapter) => (Some(adapter), format!("the first {} GPU", adapter.info.kind)),
            None => (usable().next(), "no discrete or integrated GPU found, only this".to_owned()),
        },
        Choice::Index(_) | Choice::Name(_) => (pick(choice, &adapters), asked()),
    };
    match adapter {
        Some(adapter) => Ok(Selected { backend: imp::open(adapter.index)?, reason }),
        None => Err(none(choice, &adapters)),
    }
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

fn none(choice: &Choice, adapters: &[Adapter]) -> crate::base::error::Error {
    use crate::base::error::{Error, Finding};
    let listed: Vec<String> = adapters
        .iter()
        .map(|a| match &a.unusable {
            Some(why) => format!("{}: {} (unusable: {why})", a.index, a.info.name),
            None => format!("{}: {} ({})", a.index, a.info.name, a.info.kind),
        })
        .collect();
    let expected = match choice {
        Choice::Auto | Choice::Gpu | Choice::Cpu => "a usable Vulkan, Metal or DX12 adapter".to_owned(),
        Choice::Index(index) => format!("an adapter with index {index}"),
        Choice::Name(part) => format!("an adapter whose name contains `{part}`"),
    };
    let found = if listed.is_empty() { "no adapter".to_owned() } else { listed.join("; ") };
    let hint =
        format!("use --device cpu, or get a GPU driver ({}); `clustrata devices` lists the adapters", driver_hint());
    Error::device(Finding::new("no such device").expected(expected).found(found).hint(hint))
}

#[cfg(feature = "gpu")]
mod imp {
    use super::Adapter;
    use crate::backend::{Backend, gpu};
    use crate::base::error::Result;

    pub(super) fn adapters() -> Vec<Adapter> {
        let listing = gpu::adapters().into_iter();
        listing.map(|a| Adapter { index: a.index, info: a.info, unusable: a.unusable }).collect()
    }

    pub(super) fn open(index: usize) -> Result<Box<dyn Backend>> {
        Ok(Box::new(gpu::GpuBackend::open(index, gpu::GpuOptions::default())?))
    }
}

#[cfg(not(feature = "gpu"))]
mod imp {
    use super::Adapter;
    use crate::backend::Backend;
    use crate::base::error::{Error, Finding, Result};

    pub(super) fn adapters() -> Vec<Adapter> {
        Vec::new()
    }

    pub(super) fn open(_index: usize) -> Result<Box<dyn Backend>> {
        Err(Error::device(Finding::new("this build has no GPU backend").hint("build it with --features gpu")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(index: usize, kind: &'static str, unusable: Option<&str>) -> Adapter {
        let info = DeviceInfo {
            backend: "gpu",
            name: format!("{kind} {index}"),
            kind,
            api: "Vulkan".into(),
            driver: String::new(),
            limits: std::collections::BTreeMap::new(),
        };
        Adapter { index, info, unusable: unusable.map(str::to_owned) }
    }

    #[test]
    fn device_values_are_parsed() {
        let name = |n: &str| Choice::Name(n.to_owned());
        let parsed = ["auto", "gpu", "cpu", "3", "llvm"].map(Choice::parse);
        assert_eq!(parsed, [Choice::Auto, Choice::Gpu, Choice::Cpu, Choice::Index(3), name("llvm")]);
    }

    #[test]
    fn names_match_in_part_and_ignore_case() {
        let list = [adapter(0, "integrated", None), adapter(1, "discrete", None)];
        assert_eq!(named(&list, "DISCRETE").map(|a| a.index), Some(1));
        assert!(named(&list, "4090").is_none());
    }

    #[test]
    fn a_number_is_an_index_or_a_model_but_no_version() {
        let mut list = [adapter(0, "software", None), adapter(1, "discrete", Some("no compute"))];
        list[0].info.name = "llvmpipe (LLVM 19.1.7, 256 bits)".into();
        list[0].info.driver = "llvmpipe Mesa 25.0.7-2 (LLVM 19.1.7)".into();
        let open = |list: &[Adapter], text: &str| pick(&Choice::parse(text), list).map(|a| a.index);
        for text in ["1", "7", "19", "256", "25.0", "19.1", "19.1.7", ""] {
            assert_eq!(open(&list, text), None, "{text}");
        }
        assert_eq!(["0", "llvm", "mesa"].map(|text| open(&list, text)), [Some(0); 3]);
        list[1] = adapter(1, "discrete", None);
        list[1].info.name = "NVIDIA GeForce RTX 4090".into();
        assert_eq!(["1", "4090", "rtx 4090"].map(|text| open(&list, text)), [Some(1); 3]);
        list[1].info.name = "Intel(R) UHD Graphics 620 (KBL GT2)".into();
        assert_eq!(["620", "uhd graphics 620", "kbl", "intel(r)"].map(|text| open(&list, text)), [Some(1); 4]);
    }

    #[test]
    fn auto_prefers_discrete_and_never_takes_software() {
        let list = [
            adapter(0, "software", None),
            adapter(1, "integrated", None),
            adapter(2, "discrete", Some("no compute")),
            adapter(3, "discrete", None),
        ];
        assert_eq!(preferred(&list).map(|a| a.index), Some(3));
        assert_eq!(preferred(&list[..3]).map(|a| a.index), Some(1));
        assert!(preferred(&list[..1]).is_none());
    }
}
