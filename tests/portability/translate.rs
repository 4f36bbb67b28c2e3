//! Translates a kernel as wgpu-hal 30 does for each graphics API: so the tests see what drivers get.
//!
//! Each function names the place in wgpu-hal that its options were read from. Look there after every update of wgpu.

use clustrata::backend::gpu::kernels::{Binding, Kernel};
use naga::back::{PipelineConstants, hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ResourceBinding, ShaderStage};

/// Versions of SPIR-V, each with the name that `spirv-val` has for the Vulkan it belongs to.
pub(crate) const SPIRV: [((u8, u8), &str); 4] =
    [((1, 0), "vulkan1.0"), ((1, 3), "vulkan1.1"), ((1, 5), "vulkan1.2"), ((1, 6), "vulkan1.3")];

/// Versions of the Metal Shading Language, the oldest and the newest among them.
pub(crate) const METAL: [(u8, u8); 4] = [(2, 0), (2, 4), (3, 1), (4, 0)];

/// Shader models of Direct3D 12: FXC compiles the first, DXC the second.
pub(crate) const DIRECTX: [hlsl::ShaderModel; 2] = [hlsl::ShaderModel::V5_1, hlsl::ShaderModel::V6_0];

/// Who keeps accesses to buffers within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BufferChecks {
    /// The driver, which has `robustBufferAccess2`.
    Driver,
    /// Code in the shader, for drivers that lack it (MoltenVK, old drivers).
    Shader,
}

/// A module with its overrides resolved, and what the validator found out about it.
pub(crate) struct Resolved {
    pub(crate) module: Module,
    pub(crate) info: ModuleInfo,
    pub(crate) entry: String,
    bindings: &'static [Binding],
}

/// Parses and validates, as far as that is possible before overrides have values.
pub(crate) fn parse(source: &str) -> Result<(Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = validate(&module)?;
    Ok((module, info))
}

fn validate(module: &Module) -> Result<ModuleInfo, String> {
    // Nothing beyond what every WebGPU adapter has; unpack2x16float is named because WebGL lacks it.
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16_IN_FLOAT32);
    validator.validate(module).map_err(|error| format!("{error:?}"))
}

impl Resolved {
    /// One entry point of `source`, which is the source of `kernel` or a changed copy.
    pub(crate) fn new(
        kernel: &Kernel,
        source: &str,
        entry: &str,
        overrides: &[(&str, f64)],
    ) -> Result<Resolved, String> {
        let (module, info) = parse(source)?;
        let constants: PipelineConstants = overrides.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let (module, _) = process_overrides(&module, &info, Some((ShaderStage::Compute, entry)), &constants)
            .map_err(|error| format!("{error:?}"))?;
        let module = module.into_owned();
        let info = validate(&module)?;
        Ok(Resolved { module, info, entry: entry.to_owned(), bindings: kernel.bindings })
    }

    /// As `vulkan::Adapter::open` and `vulkan::Device::compile_stage`, for a device without optional features.
    pub(crate) fn spirv(&self, version: (u8, u8), checks: BufferChecks) -> Result<Vec<u32>, String> {
        let capabilities = [
            spv::Capability::Shader,
            spv::Capability::Matrix,
            spv::Capability::Sampled1D,
            spv::Capability::Image1D,
            spv::Capability::ImageQuery,
            spv::Capability::DerivativeControl,
            spv::Capability::StorageImageExtendedFormats,
        ];
        let buffer = match checks {
            BufferChecks::Driver => BoundsCheckPolicy::Unchecked,
            BufferChecks::Shader => BoundsCheckPolicy::Restrict,
        };
        // bindings are renumbered in the order of the layout
        let binding_map = (0..).zip(self.bindings).map(|(binding, _)| {
            let target = spv::BindingInfo { descriptor_set: 0, binding, binding_array_size: None };
            (ResourceBinding { group: 0, binding }, target)
        });
        let options = spv::Options {
            lang_version: version,
            flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
            fake_missing_bindings: false,
            binding_map: binding_map.collect(),
            capabilities: Some(capabilities.into_iter().collect()),
            bounds_check_policies: BoundsCheckPolicies {
                index: BoundsCheckPolicy::Restrict,
                buffer,
                image_load: BoundsCheckPolicy::Restrict,
                binding_array: BoundsCheckPolicy::Unchecked,
            },
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            force_loop_bounding: true,
            use_storage_input_output_16: false,
            emit_int_div_checks: true,
            ..spv::Options::default()
        };
        let pipeline = spv::PipelineOptions { entry_point: self.entry.clone(), shader_stage: ShaderStage::Compute };
        spv::write_vec(&self.module, &self.info, &options, Some(&pipeline)).map_err(|error| format!("{error:?}"))
    }

    /// As `metal::Device::load_shader`, with the slots of `metal::Device::create_pipeline_layout`.
    pub(crate) fn metal(&self, version: (u8, u8)) -> Result<String, String> {
        let slots = (0..).zip(self.bindings).map(|(slot, binding)| {
            let mutable = *binding == Binding::Write;
            let target = msl::BindTarget { buffer: Some(slot), mutable, ..msl::BindTarget::default() };
            (ResourceBinding { group: 0, binding: u32::from(slot) }, target)
        });
        let resources = msl::EntryPointResources {
            resources: slots.collect(),
            // the slot after the buffers, for the lengths of arrays
            sizes_buffer: u8::try_from(self.bindings.len()).ok(),
            ..msl::EntryPointResources::default()
        };
        let checks = BoundsCheckPolicy::Restrict;
        let options = msl::Options {
            lang_version: version,
            per_entry_point_map: [(self.entry.clone(), resources)].into(),
            fake_missing_bindings: false,
            bounds_check_policies: BoundsCheckPolicies {
                index: checks,
                buffer: checks,
                image_load: checks,
                binding_array: BoundsCheckPolicy::Unchecked,
            },
            zero_initialize_workgroup_memory: false,
            force_loop_bounding: true,
            emit_int_div_checks: true,
            ..msl::Options::default()
        };
        let pipeline = msl::PipelineOptions {
            entry_point: Some((ShaderStage::Compute, self.entry.clone())),
            vertex_pulling_transform: true,
            ..msl::PipelineOptions::default()
        };
        let (text, names) =
            msl::write_string(&self.module, &self.info, &options, &pipeline).map_err(|error| format!("{error:?}"))?;
        names.entry_point_names.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| format!("{error:?}"))?;
        Ok(text)
    }

    /// As `dx12::Device::load_shader`, with the registers of `dx12::Device::create_pipeline_layout`: storage buffers are
    /// numbered by class, a parameter block with a dynamic offset is a constant buffer, and one more register after it
    /// holds values that Direct3D does not give to shaders.
    pub(crate) fn directx(&self, model: hlsl::ShaderModel) -> Result<String, String> {
        let (mut read, mut written, mut constant) = (0, 0, 0);
        let registers = (0..).zip(self.bindings).map(|(binding, kind)| {
            let next = match kind {
                Binding::Read => &mut read,
                Binding::Write => &mut written,
                Binding::Params(_) => &mut constant,
            };
            let restrict_indexing = matches!(kind, Binding::Params(_));
            let target = hlsl::BindTarget { register: *next, restrict_indexing, ..hlsl::BindTarget::default() };
            *next += 1;
            (ResourceBinding { group: 0, binding }, target)
        });
        let binding_map = registers.collect();
        let options = hlsl::Options {
            shader_model: model,
            binding_map,
            fake_missing_bindings: false,
            special_constants_binding: Some(hlsl::BindTarget { register: constant, ..hlsl::BindTarget::default() }),
            zero_initialize_workgroup_memory: false,
            restrict_indexing: true,
            force_loop_bounding: true,
            ..hlsl::Options::default()
        };
        let pipeline = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, self.entry.clone())) };
        let mut text = String::new();
        hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&self.module, &self.info, None)
            .map_err(|error| format!("{error:?}"))?;
        Ok(text)
    }
}
