//! Lists the adapters of this machine and opens one of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::fault::Fault;
use super::options::{Cooperative, GpuOptions, KernelShape};
use super::units::{MAX_WORKGROUP, WORKGROUP_BYTES};
use crate::backend::DeviceInfo;
use crate::base::error::{Error, Finding, Result};

/// Most storage buffers that one kernel binds.
const STORAGE_BUFFERS: u32 = 5;

/// Bytes of workgroup memory of the kernel with cooperative matrices, with one and with two buffers.
pub const COOPERATIVE_BYTES: [u32; 2] = [28 << 10, 48 << 10];

/// One adapter as wgpu lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterListing {
    /// Index for [`GpuBackend::open`](super::super::GpuBackend::open).
    pub index: usize,
    /// Description of the adapter; software rasterizers have the kind `software`.
    pub info: DeviceInfo,
    /// Place on the PCI bus, such as `0000:01:00.0`; `None` if the driver does not tell.
    pub pci: Option<String>,
    /// Why the kernels can't run on it; `None` if they can.
    pub unusable: Option<String>,
}

/// Every adapter of the machine in wgpu's order, usable or not. Empty if no driver is installed.
pub fn adapters() -> Vec<AdapterListing> {
    let listing = |(index, adapter): (usize, &wgpu::Adapter)| AdapterListing {
        index,
        info: describe(&adapter.get_info(), &adapter.limits()),
        pci: Some(adapter.get_info().device_pci_bus_id.to_lowercase()).filter(|pci| !pci.is_empty()),
        unusable: unusable(adapter),
    };
    enumerate().iter().enumerate().map(listing).collect()
}

/// Asks the drivers once per process: this takes tens of milliseconds, and an index must mean the same adapter when
/// listing and when opening.
fn enumerate() -> &'static [wgpu::Adapter] {
    static ADAPTERS: OnceLock<Vec<wgpu::Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let descriptor = wgpu::InstanceDescriptor {
            backends: wgpu::Backends::PRIMARY,
            // wgpu's own validation is always on; the drivers' validation layers print and are slow.
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        };
        pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::PRIMARY))
    })
}

/// Describes an adapter, or a device opened with `limits`.
pub(crate) fn describe(info: &wgpu::AdapterInfo, limits: &wgpu::Limits) -> DeviceInfo {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    };
    let api = match info.backend {
        wgpu::Backend::Dx12 => "DX12".to_owned(),
        other => format!("{other:?}"),
    };
    let limits = BTreeMap::from([
        ("max_buffer_size", limits.max_buffer_size),
        ("max_storage_buffer_binding_size", limits.max_storage_buffer_binding_size),
        ("max_compute_workgroups_per_dimension", u64::from(limits.max_compute_workgroups_per_dimension)),
        ("max_compute_workgroup_storage_size", u64::from(limits.max_compute_workgroup_storage_size)),
        ("max_compute_invocations_per_workgroup", u64::from(limits.max_compute_invocations_per_workgroup)),
    ]);
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    DeviceInfo { backend: "gpu", name: info.name.clone(), kind, api, driver, limits }
}

/// Why the kernels can't run on an adapter; `None` if they can.
fn unusable(adapter: &wgpu::Adapter) -> Option<String> {
    let flags = adapter.get_downlevel_capabilities().flags;
    if !flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS | wgpu::DownlevelFlags::SHADER_F16_IN_F32) {
        return Some("it lacks compute shaders, or they can't unpack float16".to_owned());
    }
    let limits = adapter.limits();
    let needs = [
        ("storage buffers per kernel", limits.max_storage_buffers_per_shader_stage, STORAGE_BUFFERS),
        ("invocations per workgroup", limits.max_compute_invocations_per_workgroup, MAX_WORKGROUP),
        ("workgroup size", limits.max_compute_workgroup_size_x, MAX_WORKGROUP),
        ("bytes of workgroup memory", limits.max_compute_workgroup_storage_size, WORKGROUP_BYTES),
        ("dynamic uniform buffers", limits.max_dynamic_uniform_buffers_per_pipeline_layout, 1),
    ];
    let (name, has, needed) = needs.into_iter().find(|(_, has, needed)| has < needed)?;
    Some(format!("the kernels need {needed} {name}; it has {has}"))
}

/// What the kernel with cooperative matrices needs.
fn cooperative_features() -> wgpu::Features {
    wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX | wgpu::Features::SHADER_F16
}

/// How an adapter runs the kernel with cooperative matrices; `None` if it can't.
fn cooperative(adapter: &wgpu::Adapter) -> Option<Cooperative> {
    let (info, memory) = (adapter.get_info(), adapter.limits().max_compute_workgroup_storage_size);
    // Software rasterizers emulate every size, whatever they list.
    let in_sixteens = info.device_type == wgpu::DeviceType::Cpu
        || adapter.cooperative_matrix_properties().iter().any(|properties| {
            [properties.m_size, properties.n_size, properties.k_size] == [16; 3]
                && properties.ab_type == wgpu::CooperativeScalarType::F16
                && properties.cr_type == wgpu::CooperativeScalarType::F32
        });
    let offered = adapter.features().contains(cooperative_features()) && in_sixteens;
    // A team of 32 invocations must consist of whole subgroups.
    if !offered || !(1..=32).contains(&info.subgroup_max_size) || memory < COOPERATIVE_BYTES[0] {
        return None;
    }
    Some(if memory >= COOPERATIVE_BYTES[1] { Cooperative::TwoBuffers } else { Cooperative::OneBuffer })
}

/// A device with its queue and the limits it was opened with.
pub(crate) struct Opened {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) limits: wgpu::Limits,
    pub(crate) info: wgpu::AdapterInfo,
    pub(crate) fault: Fault,
    pub(crate) cooperative: Option<Cooperative>,
}

/// Opens adapter `index` of [`adapters`] with its full limits, or with lower ones where `options` says so.
pub(crate) fn open(index: usize, options: &GpuOptions) -> Result<Opened> {
    let found = enumerate();
    let Some(adapter) = found.get(index) else {
        let expected = match found.len() {
            0 => "a Vulkan, Metal or DX12 driver".to_owned(),
            count => format!("0 to {}", count - 1),
        };
        return Err(Error::device(
            Finding::new("there is no GPU adapter with this number")
                .expected(expected)
                .found(index.to_string())
                .hint("see `clustrata devices`; install the GPU's driver, or use --device cpu"),
        ));
    };
    let info = adapter.get_info();
    let refused = |what: String| {
        Error::device(
            Finding::new(format!("the adapter {} can't be used", info.name))
                .found(what)
                .hint("see `clustrata devices` for the others; update the driver, or use --device cpu"),
        )
    };
    if let Some(reason) = unusable(adapter) {
        return Err(refused(reason));
    }
    let cooperative = cooperative(adapter);
    if options.kernel_shape == KernelShape::Cooperative && cooperative.is_none() {
        return Err(refused("it has no cooperative matrices of 16 by 16 from float16 to float32".to_owned()));
    }
    let mut limits = adapter.limits();
    if let Some(bytes) = options.max_binding {
        limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.min(bytes);
    }
    if let Some(groups) = options.max_groups {
        limits.max_compute_workgroups_per_dimension = limits.max_compute_workgroups_per_dimension.min(groups.max(1));
    }
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("clustrata"),
        required_features: cooperative.map_or(wgpu::Features::empty(), |_| cooperative_features()),
        required_limits: limits.clone(),
        experimental_features: match cooperative {
            // SAFETY: wgpu requires this because experimental features may have bugs. The only one used here is cooperative
            // matrices, in one kernel whose accesses are bounds-checked like those of all others.
            Some(_) => unsafe { wgpu::ExperimentalFeatures::enabled() },
            None => wgpu::ExperimentalFeatures::disabled(),
        },
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) =
        pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| refused(error.to_string()))?;
    let fault = Fault::watch(&device);
    Ok(Opened { device, queue, limits, info, fault, cooperative })
}
