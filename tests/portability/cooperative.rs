//! The kernels with cooperative matrices, which only some adapters run. Naga validates them with the capabilities that they
//! need, and translates them to SPIR-V and MSL. HLSL has no cooperative matrices.

use clustrata::backend::gpu::COOPERATIVE_BYTES;
use clustrata::backend::gpu::kernels::COOPERATIVE_KERNELS;
use naga::back::{PipelineConstants, msl, pipeline_constants::process_overrides, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ShaderStage};

use super::translate::parse;
use super::{reflected_bindings, workgroup_bytes};

fn validate_for(module: &Module, capabilities: Capabilities) -> Result<ModuleInfo, String> {
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    validator.validate(module).map_err(|error| format!("{error:?}"))
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
