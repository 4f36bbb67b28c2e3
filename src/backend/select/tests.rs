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
    Adapter { index, info, pci: None, unusable: unusable.map(str::to_owned) }
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
fn auto_computes_own_distances_alone_on_the_cpu_where_the_points_would_be_copied() {
    let list = [adapter(0, "integrated", None), adapter(1, "discrete", None)];
    let decide = |choice: &str, list: &[Adapter], own_distances_alone| {
        let request = Request { own_distances_alone, ..Request::default() };
        let (adapter, reason) = decide(&Choice::parse(choice), list, &request, None).expect("a device");
        (adapter.map(|adapter| adapter.index), reason)
    };
    let (device, reason) = decide("auto", &list, true);
    assert_eq!(device, None);
    assert!(reason.contains("discrete 1") && reason.contains("--device gpu"), "{reason}");
    // other work, a choice of the user's, a GPU that shares the memory
    assert_eq!(decide("auto", &list, false), (Some(1), "the first discrete GPU".to_owned()));
    for choice in ["gpu", "1", "discrete"] {
        assert_eq!(decide(choice, &list, true).0, Some(1), "{choice}");
    }
    assert_eq!(decide("auto", &list[..1], true).0, Some(0));
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

fn given(name: &'static str, value: &str) -> GivenGpu {
    let value = value.to_owned();
    GivenGpu::from(|asked| (asked == name).then(|| value.clone())).expect("a GPU")
}

#[test]
fn the_given_gpu_is_the_one_taken() {
    let list = [adapter(0, "integrated", None), adapter(1, "discrete", None), adapter(2, "discrete", None)];
    let second = given("CUDA_VISIBLE_DEVICES", "1");
    for choice in [Choice::Auto, Choice::Gpu] {
        let (taken, reason) = decide(&choice, &list, &Request::default(), Some(&second)).expect("a device");
        assert_eq!(taken.map(|gpu| gpu.index), Some(2));
        assert!(reason.contains("CUDA_VISIBLE_DEVICES=1"), "{reason}");
        assert_eq!(doubt(&choice, &list, &second), None);
        // one that can't be told from the others is not taken in silence
        let unknown = given("SLURM_JOB_GPUS", "7");
        let (taken, _) = decide(&choice, &list, &Request::default(), Some(&unknown)).expect("a device");
        assert_eq!(taken.map(|gpu| gpu.index), Some(1));
        assert!(doubt(&choice, &list, &unknown).is_some_and(|said| said.contains("SLURM_JOB_GPUS=7")));
    }
    // a choice of the user's counts more
    let chosen = decide(&Choice::Index(1), &list, &Request::default(), Some(&second)).expect("a device");
    assert_eq!(chosen.0.map(|gpu| gpu.index), Some(1));
}

#[test]
fn a_given_gpu_that_is_not_there_is_said() {
    let (list, given) = ([adapter(0, "software", None)], given("SLURM_JOB_GPUS", "0"));
    assert!(doubt(&Choice::Auto, &list, &given).is_some_and(|said| said.contains("computes on the CPU")));
    let (taken, _) = decide(&Choice::Auto, &list, &Request::default(), Some(&given)).expect("a device");
    assert!(taken.is_none());
    let refused = decide(&Choice::Gpu, &list, &Request::default(), Some(&given)).expect_err("refused").to_string();
    assert!(refused.contains("SLURM_JOB_GPUS=0") && refused.contains("software 0"), "{refused}");
    assert_eq!(doubt(&Choice::Cpu, &list, &given), None);
    // without a given GPU, the rasterizer may be meant
    let (taken, _) = decide(&Choice::Gpu, &list, &Request::default(), None).expect("a device");
    assert_eq!(taken.map(|gpu| gpu.index), Some(0));
}
