//! The list of kernels, and the pipelines made from it.
//!
//! A kernel is a WGSL file, a Rust file that describes its bindings and parameters, and a line in [`KERNELS`].
//! `tests/portability.rs` takes every entry of the list through naga: validation, translation to SPIR-V, MSL and HLSL,
//! and a comparison of what is written here with what the shader says.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::fault::scoped;
use super::{centre, centroid_pairs, cluster_sums, distance_sums, own_distance, pairwise, partial_inertia, top2};
use crate::base::error::{Error, Result};
use crate::base::matrix::Dtype;

/// Every kernel.
pub const KERNELS: &[&Kernel] = &[
    &own_distance::KERNEL,
    &partial_inertia::KERNEL,
    &pairwise::KERNEL,
    &centre::KERNEL,
    &top2::KERNEL,
    &cluster_sums::KERNEL,
    &centroid_pairs::KERNEL,
    &distance_sums::KERNEL,
];

/// Invocations of the largest workgroup.
pub const MAX_WORKGROUP: u32 = 256;

/// The shared squared distance; goes in front of the kernels that use it.
pub(super) const DISTANCE: &str = include_str!("../../../shaders/shared/distance.wgsl");

/// Values of pipeline overrides, by name.
pub type Overrides = &'static [(&'static str, f64)];

/// One WGSL file and what the host must know of it.
#[derive(Debug)]
pub struct Kernel {
    /// Name of the kernel: the file's name without its suffix.
    pub name: &'static str,
    /// WGSL texts in the order in which they are concatenated.
    pub sources: &'static [&'static str],
    /// Entry points.
    pub entries: &'static [Entry],
    /// Bindings of group 0; the place in the slice is the number.
    pub bindings: &'static [Binding],
    /// Sets of overrides with which pipelines are made.
    pub variants: &'static [Overrides],
    /// Overrides that every pipeline gets: sizes on which the host relies.
    pub constants: Overrides,
}

impl Kernel {
    /// The whole WGSL text.
    pub fn source(&self) -> String {
        self.sources.concat()
    }

    /// Bytes of a parameter block.
    pub fn params_bytes(&self) -> u64 {
        let bytes = |binding: &Binding| if let Binding::Params(bytes) = binding { Some(*bytes) } else { None };
        self.bindings.iter().find_map(bytes).unwrap_or(0)
    }

    /// All overrides of the variant number `variant`.
    pub fn overrides(&self, variant: usize) -> Vec<(&'static str, f64)> {
        [self.variants[variant], self.constants].concat()
    }
}

/// An entry point.
#[derive(Debug)]
pub struct Entry {
    /// Name of the WGSL function.
    pub name: &'static str,
    /// Invocations of a workgroup.
    pub workgroup: u32,
}

/// What a binding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// storage buffer, read only
    Read,
    /// storage buffer, read and written
    Write,
    /// uniform buffer with a dynamic offset, of this many bytes
    Params(u64),
}

/// The variants of the kernels that read points and centroids; [`distance_variant`] gives the place of one.
pub(super) const DISTANCE_VARIANTS: &[Overrides] = &[
    &[("POINT_BITS", 16.0), ("CENTROID_REST", 0.0)],
    &[("POINT_BITS", 16.0), ("CENTROID_REST", 1.0)],
    &[("POINT_BITS", 32.0), ("CENTROID_REST", 0.0)],
    &[("POINT_BITS", 32.0), ("CENTROID_REST", 1.0)],
    &[("POINT_BITS", 64.0), ("CENTROID_REST", 0.0)],
    &[("POINT_BITS", 64.0), ("CENTROID_REST", 1.0)],
];

/// Place in [`DISTANCE_VARIANTS`] of points of `dtype` and centroids with or without a second plane.
pub(super) fn distance_variant(dtype: Dtype, rest: bool) -> usize {
    let points = match dtype {
        Dtype::F16 => 0,
        Dtype::F32 => 1,
        Dtype::F64 => 2,
    };
    2 * points + usize::from(rest)
}

/// A compiled entry point with the layout of its bindings.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

impl Pipeline {
    /// Binds whole storage buffers in their order, and one parameter block of `uniforms` after them.
    pub(super) fn bind(
        &self,
        device: &wgpu::Device,
        kernel: &Kernel,
        storage: &[&wgpu::Buffer],
        uniforms: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        let size = wgpu::BufferSize::new(kernel.params_bytes());
        let uniforms = wgpu::BufferBinding { buffer: uniforms, offset: 0, size };
        let resources = storage.iter().map(|buffer| buffer.as_entire_binding());
        let resources = resources.chain([wgpu::BindingResource::Buffer(uniforms)]);
        let entries: Vec<_> =
            (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let label = Some(kernel.name);
        device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout: &self.layout, entries: &entries })
    }
}

/// Compiles entry points when they are first asked for, and keeps them.
#[derive(Debug, Default)]
pub(super) struct Pipelines(Mutex<HashMap<(&'static str, &'static str, usize), Pipeline>>);

impl Pipelines {
    /// The pipeline of the kernel's entry number `entry` with its variant number `variant`.
    pub(super) fn get(
        &self,
        device: &wgpu::Device,
        kernel: &'static Kernel,
        entry: usize,
        variant: usize,
    ) -> Result<Pipeline> {
        let name = kernel.entries[entry].name;
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = made.get(&(kernel.name, name, variant)) {
            return Ok(pipeline.clone());
        }
        let pipeline = scoped(device, || compile(device, kernel, name, &kernel.overrides(variant)))
            .map_err(|raised| Error::device(*raised.finding))?;
        made.insert((kernel.name, name, variant), pipeline.clone());
        Ok(pipeline)
    }
}

fn compile(device: &wgpu::Device, kernel: &Kernel, entry: &str, overrides: &[(&str, f64)]) -> Pipeline {
    let label = Some(kernel.name);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(kernel.source().into()),
    });
    let bindings: Vec<_> = (0..).zip(kernel.bindings).map(|(number, &binding)| layout_entry(number, binding)).collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &bindings });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        ..wgpu::PipelineLayoutDescriptor::default()
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: overrides,
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}

fn layout_entry(number: u32, binding: Binding) -> wgpu::BindGroupLayoutEntry {
    let (ty, has_dynamic_offset, bytes) = match binding {
        Binding::Read => (wgpu::BufferBindingType::Storage { read_only: true }, false, None),
        Binding::Write => (wgpu::BufferBindingType::Storage { read_only: false }, false, None),
        Binding::Params(bytes) => (wgpu::BufferBindingType::Uniform, true, wgpu::BufferSize::new(bytes)),
    };
    wgpu::BindGroupLayoutEntry {
        binding: number,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: bytes },
        count: None,
    }
}
