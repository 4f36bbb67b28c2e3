//! The GPU that a batch system gave this process. Vulkan lists every GPU that the process may open, and knows nothing of the
//! variables that name the given one.

use std::path::Path;

use super::adapter::Adapter;

/// Variables that name given GPUs, and what the names of those GPUs or their drivers contain. The variables of the vendors come
/// first: they hold for this process, those of Slurm for the job.
const VARIABLES: [(&str, &[&str]); 4] = [
    ("CUDA_VISIBLE_DEVICES", &["nvidia", "nvk"]),
    ("ROCR_VISIBLE_DEVICES", &["amd", "radeon", "radv"]),
    ("SLURM_STEP_GPUS", &[]),
    ("SLURM_JOB_GPUS", &[]),
];

/// What NVIDIA's driver knows of its GPUs, in a folder for each, named after its place on the PCI bus.
const NVIDIA: &str = "/proc/driver/nvidia/gpus";

/// The GPU that this process was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenGpu {
    /// `NAME=VALUE`, for messages.
    pub(super) variable: String,
    /// The GPU's number or UUID: of several, the one for this task of the node.
    entry: String,
    vendor: &'static [&'static str],
}

impl GivenGpu {
    /// From this process's environment; `None` if it names no GPU.
    pub(super) fn from_environment() -> Option<GivenGpu> {
        GivenGpu::from(|name| std::env::var(name).ok())
    }

    /// From an environment.
    pub(super) fn from(variable: impl Fn(&str) -> Option<String>) -> Option<GivenGpu> {
        let task: usize = variable("SLURM_LOCALID").and_then(|id| id.parse().ok()).unwrap_or(0);
        VARIABLES.into_iter().find_map(|(name, vendor)| {
            let value = variable(name)?;
            // `-1`, `NoDevFiles`, `none` and the like say that there is none
            let is_gpu = |entry: &&str| entry.starts_with(|c: char| c.is_ascii_digit()) || entry.starts_with("GPU-");
            let entries: Vec<&str> = value.split(',').map(str::trim).take_while(is_gpu).collect();
            let entry = entries.get(task % entries.len().max(1))?;
            Some(GivenGpu { variable: format!("{name}={value}"), entry: (*entry).to_owned(), vendor })
        })
    }

    /// The given one of several GPUs; `None` if they can't be told apart.
    pub(super) fn among<'a>(&self, gpus: &[&'a Adapter]) -> Option<&'a Adapter> {
        let is_vendors = |adapter: &&&Adapter| {
            let name = format!("{} {}", adapter.info.name, adapter.info.driver).to_lowercase();
            self.vendor.iter().any(|part| name.contains(part))
        };
        let vendors: Vec<&Adapter> = gpus.iter().filter(is_vendors).copied().collect();
        let mut gpus = if vendors.is_empty() { gpus.to_vec() } else { vendors };
        // numbers follow the PCI bus; two drivers may list the same GPU
        if gpus.iter().all(|gpu| gpu.pci.is_some()) {
            gpus.sort_by(|a, b| a.pci.cmp(&b.pci));
            gpus.dedup_by(|a, b| a.pci == b.pci);
        }
        if let [only] = gpus[..] {
            // the system lets the process open no other
            return Some(only);
        }
        if self.entry.starts_with("GPU-") {
            let pci = pci_of(&self.entry, Path::new(NVIDIA));
            return gpus.into_iter().find(|gpu| gpu.pci.is_some() && gpu.pci == pci);
        }
        let number = self.entry.split(|c: char| !c.is_ascii_digit()).next()?;
        gpus.get(number.parse::<usize>().ok()?).copied()
    }
}

/// The place on the PCI bus of the NVIDIA GPU whose UUID begins with `uuid`.
fn pci_of(uuid: &str, gpus: &Path) -> Option<String> {
    let is_meant = |folder: &std::fs::DirEntry| {
        let text = std::fs::read_to_string(folder.path().join("information")).unwrap_or_default();
        let known = text.lines().find_map(|line| line.strip_prefix("GPU UUID:"));
        known.is_some_and(|known| known.trim().starts_with(uuid))
    };
    let folder = std::fs::read_dir(gpus).ok()?.flatten().find(is_meant)?;
    folder.file_name().into_string().ok().map(|name| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::DeviceInfo;

    fn given(variables: &[(&str, &str)]) -> Option<GivenGpu> {
        GivenGpu::from(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn gpu(index: usize, name: &str, pci: Option<&str>) -> Adapter {
        let info = DeviceInfo {
            backend: "gpu",
            name: name.to_owned(),
            kind: "discrete",
            api: "Vulkan".into(),
            driver: String::new(),
            limits: std::collections::BTreeMap::new(),
        };
        Adapter { index, info, pci: pci.map(str::to_owned), unusable: None }
    }

    #[test]
    fn only_values_that_name_a_gpu_count() {
        for nothing in ["", "-1", "NoDevFiles", "none", "void"] {
            assert_eq!(given(&[("CUDA_VISIBLE_DEVICES", nothing)]), None, "{nothing:?}");
        }
        let entry = |variables: &[(&str, &str)]| given(variables).map(|given| (given.variable, given.entry));
        let both = [("SLURM_JOB_GPUS", "3"), ("CUDA_VISIBLE_DEVICES", "0")];
        assert_eq!(entry(&both), Some(("CUDA_VISIBLE_DEVICES=0".into(), "0".into())));
        assert_eq!(entry(&both[..1]), Some(("SLURM_JOB_GPUS=3".into(), "3".into())));
        let third = [("ROCR_VISIBLE_DEVICES", "4,5"), ("SLURM_LOCALID", "1")];
        assert_eq!(entry(&third).map(|(_, entry)| entry), Some("5".into()));
    }

    #[test]
    fn numbers_follow_the_bus_and_not_the_list() {
        let list = [
            gpu(0, "NVIDIA H100", Some("0000:c1:00.0")),
            gpu(1, "AMD Radeon (RADV)", Some("0000:03:00.0")),
            gpu(2, "NVIDIA H100", Some("0000:41:00.0")),
            gpu(3, "AMD Radeon (AMDVLK)", Some("0000:03:00.0")),
            gpu(4, "AMD Radeon (RADV)", Some("0000:01:00.0")),
        ];
        let all: Vec<&Adapter> = list.iter().collect();
        let taken =
            |name: &str, value: &str| given(&[(name, value)]).and_then(|given| given.among(&all)).map(|gpu| gpu.index);
        assert_eq!([0, 1, 2].map(|i| taken("CUDA_VISIBLE_DEVICES", &i.to_string())), [Some(2), Some(0), None]);
        assert_eq!([0, 1, 2].map(|i| taken("ROCR_VISIBLE_DEVICES", &i.to_string())), [Some(4), Some(1), None]);
        assert_eq!(taken("SLURM_JOB_GPUS", "3"), Some(0));
        // where the system hides the others, their numbers are kept
        let hidden = given(&[("SLURM_JOB_GPUS", "3")]).and_then(|given| given.among(&all[..1]));
        assert_eq!(hidden.map(|gpu| gpu.index), Some(0));
    }

    #[test]
    fn a_uuid_is_looked_up() {
        let base = tempfile::tempdir().expect("a folder");
        for (pci, uuid) in [("0000:41:00.0", "GPU-aa11-22"), ("0000:C1:00.0", "GPU-bb33-44")] {
            std::fs::create_dir(base.path().join(pci)).expect("a folder");
            let text = format!("Model: \t\t NVIDIA H100\nGPU UUID: \t {uuid}\nDevice Minor: 1\n");
            std::fs::write(base.path().join(pci).join("information"), text).expect("writes");
        }
        assert_eq!(pci_of("GPU-bb33", base.path()).as_deref(), Some("0000:c1:00.0"));
        assert_eq!(pci_of("GPU-cc", base.path()), None);
        assert_eq!(pci_of("GPU-bb33", &base.path().join("none")), None);
    }
}
