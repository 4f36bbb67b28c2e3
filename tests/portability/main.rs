//! Every kernel on every platform: naga validates it and translates it to SPIR-V, MSL and HLSL as wgpu does, with each set of
//! overrides that pipelines use; `spirv-val` accepts it; and its Rust description agrees with the shader.
//!
//! `CLUSTRATA_TRANSLATED=DIR` keeps the translations, for the compilers of drivers (`script/portability`).
#![cfg(feature = "gpu")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod cooperative;
mod spirv_val;
mod translate;

use std::path::PathBuf;

use clustrata::backend::gpu::WORKGROUP_BYTES;
use clustrata::backend::gpu::kernels::{Binding, KERNELS, Kernel, MAX_WORKGROUP};
use naga::{AddressSpace, Module, StorageAccess};
use rayon::prelude::*;

use translate::{BufferChecks, DIRECTX, METAL, Resolved, SPIRV, parse};

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

/// The bindings that the shader declares.
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

/// Every translation of one pipeline, by the ending of its file name.
fn translations(resolved: &Resolved) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut all = Vec::new();
    for (version, target) in SPIRV {
        for checks in [BufferChecks::Driver, BufferChecks::Shader] {
            let words = resolved.spirv(version, checks)?;
            let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            all.push((format!("{target}.{checks:?}.spv"), bytes));
        }
    }
    for version in METAL {
        all.push((format!("{}{}.metal", version.0, version.1), resolved.metal(version)?.into_bytes()));
    }
    for model in DIRECTX {
        all.push((format!("{model:?}.hlsl"), resolved.directx(model)?.into_bytes()));
    }
    Ok(all)
}

/// A file name for a pipeline, such as `own_distance.lane.POINT_BITS=16.CENTROID_LO=1`.
fn file_name(kernel: &Kernel, entry: &str, overrides: &[(&str, f64)]) -> String {
    let values = overrides.iter().map(|(name, value)| format!(".{name}={value}"));
    format!("{}.{entry}{}", kernel.name, values.collect::<String>())
}

/// Bindings as one letter each: `r`ead, `w`ritten, `p`arameters.
fn letters(kernel: &Kernel) -> String {
    let letter = |binding: &Binding| match binding {
        Binding::Read => 'r',
        Binding::Write => 'w',
        Binding::Params(_) => 'p',
    };
    kernel.bindings.iter().map(letter).collect()
}

#[test]
fn every_kernel_translates_to_every_language() {
    let kept = std::env::var_os("CLUSTRATA_TRANSLATED").map(PathBuf::from);
    let mut list = String::new();
    each_pipeline(|kernel, entry, _, overrides| {
        let name = file_name(kernel, entry, overrides);
        let translated = Resolved::new(kernel, &kernel.source(), entry, overrides).and_then(|one| translations(&one));
        for (ending, bytes) in translated.unwrap_or_else(|error| panic!("{name}: {error}")) {
            assert!(bytes.len() > 400, "{name}.{ending}: {} bytes", bytes.len());
            if let Some(folder) = &kept {
                std::fs::write(folder.join(format!("{name}.{ending}")), bytes).expect("the folder exists");
            }
        }
        list += &format!("{name} {entry} {}\n", letters(kernel));
    });
    assert!(list.lines().count() >= KERNELS.len());
    if let Some(folder) = kept {
        std::fs::write(folder.join("pipelines.txt"), list).expect("the folder exists");
    }
}

#[test]
fn every_kernel_is_valid_spirv() {
    if !spirv_val::is_installed() {
        println!("skipped: spirv-val is not installed (on Debian: spirv-tools)");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut modules = Vec::new();
    each_pipeline(|kernel, entry, _, overrides| {
        let name = file_name(kernel, entry, overrides);
        let resolved = Resolved::new(kernel, &kernel.source(), entry, overrides);
        let resolved = resolved.unwrap_or_else(|error| panic!("{name}: {error}"));
        for (version, target) in SPIRV {
            for checks in [BufferChecks::Driver, BufferChecks::Shader] {
                let words = resolved.spirv(version, checks).unwrap_or_else(|error| panic!("{name}: {error}"));
                modules.push((format!("{name}.{target}.{checks:?}.spv"), target, words));
            }
        }
    });
    let complaints: Vec<String> = modules
        .par_iter()
        .filter_map(|(name, target, words)| {
            let said = spirv_val::complaint(words, target, &folder.path().join(name))?;
            Some(format!("{name}: {said}"))
        })
        .collect();
    assert!(complaints.is_empty(), "{} of {}\n{}", complaints.len(), modules.len(), complaints.join("\n"));
    // Negative control: a module without its last word.
    let (_, target, words) = &modules[0];
    let broken: Vec<u32> = words[..words.len() - 1].to_vec();
    assert!(spirv_val::complaint(&broken, target, &folder.path().join("broken.spv")).is_some(), "a cut module passes");
}

#[test]
fn one_rule_of_the_validator_is_excused() {
    let excused = "error: line 9: [VUID-StandaloneSpirv-None-10684] Invalid explicit layout decorations";
    assert!(spirv_val::is_excused(excused));
    assert!(!spirv_val::is_excused(&format!("{excused}\n[VUID-StandaloneSpirv-Offset-04657]")));
    assert!(!spirv_val::is_excused("error: line 9: Invalid SPIR-V magic number."));
    assert!(!spirv_val::is_excused("VUID-StandaloneSpirv-None-106840"));
}

/// Text that translations contain because of wgpu's options, and would lack with naga's defaults.
#[test]
fn the_options_are_those_of_wgpu() {
    let kernel = KERNELS.iter().find(|kernel| kernel.name == "own_distance").expect("the kernel of own distances");
    let entry = kernel.entries[1].name;
    let resolved = Resolved::new(kernel, &kernel.source(), entry, &kernel.overrides(0));
    let resolved = resolved.unwrap_or_else(|error| panic!("{error}"));
    let spirv = |checks| resolved.spirv((1, 6), checks).unwrap_or_else(|error| panic!("{error}"));
    let (by_driver, by_shader) = (spirv(BufferChecks::Driver), spirv(BufferChecks::Shader));
    assert!(by_shader.len() > by_driver.len(), "the shader checks buffers where the driver does not");
    // major and minor version in the second word
    assert_eq!([by_driver[1], by_shader[1]], [0x0001_0600; 2]);
    let metal = resolved.metal((2, 4)).unwrap_or_else(|error| panic!("{error}"));
    for (slot, binding) in kernel.bindings.iter().enumerate() {
        assert!(metal.contains(&format!("[[buffer({slot})]]")), "{binding:?} {slot}\n{metal}");
    }
    assert!(metal.contains(&format!("_buffer_sizes [[buffer({})]]", kernel.bindings.len())), "{metal}");
    assert!(metal.contains("loop_bound") && metal.contains("[metal::min(unsigned("), "{metal}");
    let directx = resolved.directx(DIRECTX[0]).unwrap_or_else(|error| panic!("{error}"));
    let reads = kernel.bindings.iter().filter(|binding| **binding == Binding::Read).count();
    for register in (0..reads).map(|read| format!("register(t{read})")).chain(["register(b0)".to_owned()]) {
        assert!(directx.contains(&register), "{register}\n{directx}");
    }
    assert!(directx.contains("loop_bound"), "{directx}");
}

#[test]
fn the_host_describes_the_shaders_correctly() {
    each_pipeline(|kernel, entry, workgroup, overrides| {
        let name = format!("{}.{entry}", kernel.name);
        let resolved = Resolved::new(kernel, &kernel.source(), entry, overrides);
        let module = resolved.unwrap_or_else(|error| panic!("{name}: {error}")).module;
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
    let source = kernel.source();
    let translate = |source: &str, entry: usize| {
        let resolved = Resolved::new(kernel, source, kernel.entries[entry].name, &kernel.overrides(0))?;
        translations(&resolved).map(|_| resolved.module)
    };
    assert!(translate(&source, 0).is_ok());
    for (from, to) in [
        ("squared[position] = part;", "squared[position] = 1u;"),
        ("squared[position] = part;", "squared[position] = part"),
        ("array<Entry>;", "array<Missing>;"),
        // a binding that the host does not have
        ("@binding(3)", "@binding(9)"),
    ] {
        assert!(source.contains(from), "the control has nothing to break: {from}");
        assert!(translate(&source.replacen(from, to, 1), 0).is_err(), "{from} -> {to}");
    }
    let moved = source.replacen("@binding(3)", "@binding(9)", 1);
    let (module, _) = parse(&moved).unwrap_or_else(|error| panic!("{error}"));
    let declared: Vec<_> = (0..).zip(kernel.bindings.iter().copied()).collect();
    assert_ne!(reflected_bindings(&module), declared, "a moved binding goes unnoticed");
    let grown = source.replacen("array<f32, TILE_GROUP>", "array<f32, 8192u>", 1);
    let module = translate(&grown, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(workgroup_bytes(&module) > WORKGROUP_BYTES, "large workgroup memory goes unnoticed");
}
