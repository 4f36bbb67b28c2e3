//! Every kernel on every platform: naga validates it and translates it to SPIR-V, MSL and HLSL, with each set of overrides
//! that pipelines use; and what the Rust side says of it is compared with what the shader says.
#![cfg(feature = "gpu")]

use clustrata::backend::gpu::kernels::{Binding, COOPERATIVE_KERNELS, KERNELS, Kernel, MAX_WORKGROUP};
use clustrata::backend::gpu::{COOPERATIVE_BYTES, WORKGROUP_BYTES};
use naga::back::{PipelineConstants, hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess};

/// Parses and validates, as far as overrides that have no value yet allow.
fn parse(source: &str) -> Result<(Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = validate(&module)?;
    Ok((module, info))
}

fn validate(module: &Module) -> Result<ModuleInfo, String> {
    // Nothing beyond what every WebGPU adapter has; unpack2x16float is named because WebGL lacks it.
    validate_for(module, Capabilities::SHADER_FLOAT16_IN_FLOAT32)
}

fn validate_for(module: &Module, capabilities: Capabilities) -> Result<ModuleInfo, String> {
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    validator.validate(module).map_err(|error| format!("{error:?}"))
}

/// Translates one entry point with its overrides to the three languages; returns the texts' sizes and the resolved module.
fn translate(source: &str, entry: &str, overrides: &[(&str, f64)]) -> Result<([usize; 3], Module), String> {
    let (module, info) = parse(source)?;
    let constants: PipelineConstants = overrides.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let (resolved, _) = process_overrides(&module, &info, Some((ShaderStage::Compute, entry)), &constants)
        .map_err(|error| format!("{error:?}"))?;
    let resolved = resolved.into_owned();
    let info = validate(&resolved)?;
    let spirv =
        spv::write_vec(&resolved, &info, &spv::Options::default(), None).map_err(|error| format!("{error:?}"))?;
    let options = msl::Options { lang_version: (2, 0), ..msl::Options::default() };
    let (metal, names) = msl::write_string(&resolved, &info, &options, &msl::PipelineOptions::default())
        .map_err(|error| format!("{error:?}"))?;
    names.entry_point_names.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| format!("{error:?}"))?;
    let mut directx = String::new();
    let (options, pipeline) = (hlsl::Options::default(), hlsl::PipelineOptions::default());
    hlsl::Writer::new(&mut directx, &options, &pipeline)
        .write(&resolved, &info, None)
        .map_err(|error| format!("{error:?}"))?;
    Ok(([spirv.len(), metal.len(), directx.len()], resolved))
}

/// Every kernel with every entry point and every set of overrides.
fn each_pipeline(mut check: impl FnMut(&Kernel, &str, u32, &[(&'static str, f64)])) {
    for kernel in KERNELS {
        for entry in kernel.entries {
            for variant in 0..kernel.variants.len() {
                check(kernel, entry.name, entry.workgroup, &kernel.overrides(variant));
            }
        }
    }
}

/// What is bound where, read from the shader.
fn reflected_bindings(module: &Module) -> Vec<(u32, Binding)> {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap_or_else(|error| panic!("{error:?}"));
    let mut bindings = Vec::new();
    for (_, global) in module.global_variables.iter() {
        let Some(place) = &global.binding else { continue };
        assert_eq!(place.group, 0, "only group 0 is bound");
        let binding = match global.space {
            AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => Binding::Write,
            AddressSpace::Storage { .. } => Binding::Read,
            AddressSpace::Uniform => Binding::Params(u64::from(layouter[global.ty].size)),
            other => panic!("binding {} is in {other:?}", place.binding),
        };
        bindings.push((place.binding, binding));
    }
    bindings.sort_by_key(|(number, _)| *number);
    bindings
}

/// Bytes of all workgroup variables.
fn workgroup_bytes(module: &Module) -> u32 {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap_or_else(|error| panic!("{error:?}"));
    let shared = module.global_variables.iter().filter(|(_, global)| global.space == AddressSpace::WorkGroup);
    shared.map(|(_, global)| layouter[global.ty].size).sum()
}

#[test]
fn every_kernel_translates_to_every_language() {
    let mut pipelines = 0;
    each_pipeline(|kernel, entry, _, overrides| {
        let sizes = translate(&kernel.source(), entry, overrides).map(|(sizes, _)| sizes);
        let sizes = sizes.unwrap_or_else(|error| panic!("{}.{entry} {overrides:?}: {error}", kernel.name));
        assert!(sizes.iter().all(|&size| size > 100), "{}.{entry} {overrides:?}: {sizes:?}", kernel.name);
        pipelines += 1;
    });
    assert!(pipelines >= KERNELS.len());
}

#[test]
fn the_host_and_the_shaders_say_the_same() {
    each_pipeline(|kernel, entry, workgroup, overrides| {
        let name = format!("{}.{entry}", kernel.name);
        let (_, module) =
            translate(&kernel.source(), entry, overrides).unwrap_or_else(|error| panic!("{name}: {error}"));
        let declared: Vec<_> = (0..).zip(kernel.bindings.iter().copied()).collect();
        assert_eq!(reflected_bindings(&module), declared, "{name}: bindings");
        let point = module.entry_points.iter().find(|point| point.name == entry);
        assert_eq!(point.map(|point| point.workgroup_size), Some([workgroup, 1, 1]), "{name}: workgroup size");
        assert!(workgroup <= MAX_WORKGROUP, "{name}: {workgroup} invocations");
        let shared = workgroup_bytes(&module);
        assert!(shared <= WORKGROUP_BYTES, "{name}: {shared} bytes of workgroup memory");
    });
}

#[test]
fn kernels_with_cooperative_matrices_translate_and_fit() {
    let capabilities =
        Capabilities::SHADER_FLOAT16_IN_FLOAT32 | Capabilities::SHADER_FLOAT16 | Capabilities::COOPERATIVE_MATRIX;
    let validate = |module: &Module| validate_for(module, capabilities);
    let mut pipelines = 0;
    for kernel in COOPERATIVE_KERNELS {
        let source = kernel.source();
        let module = naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&source)));
        let info = validate(&module).unwrap_or_else(|error| panic!("{}: {error}", kernel.name));
        for (entry, variant) in kernel.entries.iter().flat_map(|e| (0..kernel.variants.len()).map(move |v| (e, v))) {
            let name = format!("{}.{} {variant}", kernel.name, entry.name);
            let overrides = kernel.overrides(variant);
            let constants: PipelineConstants = overrides.iter().map(|&(key, value)| (key.to_owned(), value)).collect();
            let stage = Some((ShaderStage::Compute, entry.name));
            let (resolved, _) =
                process_overrides(&module, &info, stage, &constants).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            let resolved = resolved.into_owned();
            let info = validate(&resolved).unwrap_or_else(|error| panic!("{name}: {error}"));
            let spirv = spv::write_vec(&resolved, &info, &spv::Options::default(), None);
            assert!(spirv.is_ok_and(|words| words.len() > 100), "{name}: SPIR-V");
            let options = msl::Options { lang_version: (2, 3), ..msl::Options::default() };
            let metal = msl::write_string(&resolved, &info, &options, &msl::PipelineOptions::default());
            assert!(metal.is_ok_and(|(text, _)| text.contains("simdgroup_multiply_accumulate")), "{name}: MSL");
            let declared: Vec<_> = (0..).zip(kernel.bindings.iter().copied()).collect();
            assert_eq!(reflected_bindings(&resolved), declared, "{name}: bindings");
            let buffers = overrides.iter().find(|(key, _)| *key == "BUFFERS").map(|&(_, value)| value);
            let bytes = COOPERATIVE_BYTES[usize::from(buffers == Some(2.0))];
            assert_eq!(workgroup_bytes(&resolved), bytes, "{name}: workgroup memory");
            let point = resolved.entry_points.iter().find(|point| point.name == entry.name);
            assert_eq!(
                point.map(|point| point.workgroup_size),
                Some([entry.workgroup, 1, 1]),
                "{name}: workgroup size"
            );
            pipelines += 1;
        }
    }
    assert_eq!(pipelines, 2);
    assert!(parse(&COOPERATIVE_KERNELS[0].source()).is_err(), "the check of capabilities can't fail");
}

#[test]
fn every_override_is_in_the_shader_and_given_by_the_host() {
    for kernel in KERNELS {
        let (module, _) = parse(&kernel.source()).unwrap_or_else(|error| panic!("{}: {error}", kernel.name));
        let mut declared: Vec<_> = module.overrides.iter().filter_map(|(_, value)| value.name.clone()).collect();
        let mut given: Vec<_> = kernel.overrides(0).iter().map(|(name, _)| (*name).to_owned()).collect();
        declared.sort();
        given.sort();
        assert_eq!(declared, given, "{}", kernel.name);
    }
}

#[test]
fn a_broken_shader_fails() {
    let kernel = KERNELS[0];
    let entry = kernel.entries[0].name;
    let source = kernel.source();
    assert!(translate(&source, entry, &kernel.overrides(0)).is_ok());
    for (from, to) in [
        ("squared[position] = part;", "squared[position] = 1u;"),
        ("squared[position] = part;", "squared[position] = part"),
        ("array<Entry>;", "array<Missing>;"),
    ] {
        assert!(source.contains(from), "the control has nothing to break: {from}");
        assert!(translate(&source.replacen(from, to, 1), entry, &kernel.overrides(0)).is_err(), "{from} -> {to}");
    }
    let moved = source.replacen("@binding(3)", "@binding(9)", 1);
    let (_, module) = translate(&moved, entry, &kernel.overrides(0)).unwrap_or_else(|error| panic!("{error}"));
    let declared: Vec<_> = (0..).zip(kernel.bindings.iter().copied()).collect();
    assert_ne!(reflected_bindings(&module), declared, "a moved binding goes unnoticed");
    let grown = source.replacen("array<f32, TILE_GROUP>", "array<f32, 8192u>", 1);
    let (_, module) =
        translate(&grown, kernel.entries[1].name, &kernel.overrides(0)).unwrap_or_else(|error| panic!("{error}"));
    assert!(workgroup_bytes(&module) > WORKGROUP_BYTES, "large workgroup memory goes unnoticed");
}
