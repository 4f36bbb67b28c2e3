//! Compiled kernels.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::fault::scoped;
use super::kernel::{Binding, Kernel};
use crate::base::error::{Error, Result};

/// A compiled entry point and the layout of its bindings.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

impl Pipeline {
    /// Binds `storage` buffers in order, followed by one parameter block of `uniforms`.
    pub(crate) fn bind(
        &self,
        device: &wgpu::Device,
        kernel: &Kernel,
        storage: &[&wgpu::Buffer],
        uniforms: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        self.bind_all(device, kernel, storage.iter().map(|buffer| buffer.as_entire_binding()), uniforms)
    }

    /// The same with a slice of points as the first binding.
    pub(crate) fn bind_points(
        &self,
        device: &wgpu::Device,
        kernel: &Kernel,
        points: &PointSlice,
        storage: &[&wgpu::Buffer],
        uniforms: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        let size = wgpu::BufferSize::new(points.bytes);
        let points = wgpu::BufferBinding { buffer: &points.buffer, offset: points.offset, size };
        let storage = storage.iter().map(|buffer| buffer.as_entire_binding());
        self.bind_all(device, kernel, [wgpu::BindingResource::Buffer(points)].into_iter().chain(storage), uniforms)
    }

    fn bind_all<'b>(
        &self,
        device: &wgpu::Device,
        kernel: &Kernel,
        storage: impl Iterator<Item = wgpu::BindingResource<'b>>,
        uniforms: &'b wgpu::Buffer,
    ) -> wgpu::BindGroup {
        let size = wgpu::BufferSize::new(kernel.params_bytes());
        let uniforms = wgpu::BufferBinding { buffer: uniforms, offset: 0, size };
        let resources = storage.chain([wgpu::BindingResource::Buffer(uniforms)]);
        let entries: Vec<_> =
            (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let label = Some(kernel.name);
        device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout: &self.layout, entries: &entries })
    }
}

/// A part of a buffer that kernels read as points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PointSlice {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl PointSlice {
    /// All of a buffer.
    pub(crate) fn whole(buffer: &wgpu::Buffer) -> PointSlice {
        PointSlice { buffer: buffer.clone(), offset: 0, bytes: buffer.size() }
    }
}

/// A pipeline with the buffers it reads and writes.
pub(crate) type Bound = (Pipeline, wgpu::BindGroup);

/// Compiles entry points on first use and caches them.
#[derive(Debug, Default)]
pub(crate) struct Pipelines(Mutex<HashMap<(&'static str, &'static str, usize), Pipeline>>);

impl Pipelines {
    /// The pipeline of entry point `entry` of a kernel, compiled with variant `variant`.
    pub(crate) fn get(
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
            // Every kernel writes its workgroup memory before reading it.
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
