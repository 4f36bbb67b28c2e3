//! Clusters and names from files that NumPy wrote: those in tests/data/pickle and, if available, the variants in the shared
//! data.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]

use std::path::{Path, PathBuf};

use clustrata::formats::names::{ImageName, Names};
use clustrata::formats::pickle::{Clusters, read_clusters};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pickle").join(name)
}

fn expected() -> Value {
    let text = std::fs::read_to_string(fixture("expected.json")).expect("expected.json");
    serde_json::from_str(&text).expect("expected.json is JSON")
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|item| item.as_str().expect("a string")).collect()
}

fn lists(clusters: &Clusters) -> Vec<Vec<u64>> {
    clusters.iter().map(<[u64]>::to_vec).collect()
}

/// The folder of the shared data, or `None` after a message that the test is skipped.
fn shared(test: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("CLUSTRATA_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let data = folder.join("data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("skipped: {test}: no shared data at {}", data.display());
    None
}

#[test]
fn every_protocol_gives_the_same_clusters() {
    let expected = expected();
    let clusters: Vec<Vec<u64>> = serde_json::from_value(expected["clusters"].clone()).expect("clusters");
    let files = strings(&expected["cluster_files"]);
    assert!(files.len() >= 24, "four kinds in six protocols");
    for file in files {
        let read = read_clusters(&fixture(file)).unwrap_or_else(|finding| panic!("{file}: {finding}"));
        assert_eq!(lists(&read), clusters, "{file}");
        for (c, members) in clusters.iter().enumerate() {
            assert_eq!(read.members_of(c), members, "{file}, cluster {c}");
        }
    }
}

#[test]
fn a_cluster_may_occur_twice() {
    let read = read_clusters(&fixture("repeated.pkl")).expect("repeated.pkl");
    assert_eq!(lists(&read), [vec![5, 6], vec![7], vec![5, 6], vec![8], vec![7]]);
    assert_eq!(read.offsets(), [0, 2, 3, 5, 6, 7]);
    assert_eq!(read.members(), [5, 6, 7, 5, 6, 8, 7]);
}

#[test]
fn a_changed_member_is_noticed() {
    let mut pickle = std::fs::read(fixture("arrays_p4.pkl")).expect("a fixture");
    let nine = [9, 0, 0, 0, 0, 0, 0, 0];
    let at = pickle.windows(8).position(|window| window == nine).expect("member 9 of cluster 0");
    pickle[at] = 10;
    let file = tempfile::NamedTempFile::with_suffix(".pkl").expect("a temporary file");
    std::fs::write(file.path(), pickle).expect("written");
    assert_eq!(read_clusters(file.path()).expect("clusters").members_of(0), [3, 0, 10]);
}

#[test]
fn a_matrix_is_clusters_of_equal_size() {
    for file in ["matrix.npy", "matrix_fortran.npy"] {
        let read = read_clusters(&fixture(file)).unwrap_or_else(|finding| panic!("{file}: {finding}"));
        assert_eq!(lists(&read), [[0, 1], [2, 3], [4, 5]], "{file}");
    }
}

#[test]
fn every_hostile_file_is_refused_with_its_reason() {
    let reasons = [
        ("calls_os_system.pkl", "the pickle names os.system, which a hierarchy does not need"),
        ("calls_os_system_p4.pkl", "the pickle names os.system, which a hierarchy does not need"),
        ("huge_length.pkl", "expected: 1152921504606846976 more bytes"),
        ("dictionary.pkl", "holds a dictionary"),
        ("class.pkl", "collections.OrderedDict"),
        ("holds_itself.pkl", "found:    the list itself"),
        ("negative.pkl", "cluster 1, index 1"),
        ("half.pkl", "cluster 1, index 2"),
        ("nan.pkl", "NaN"),
        ("too_large.pkl", "cluster 0, index 0"),
        ("too_large_array.pkl", "cluster 0, index 1"),
        ("matrix_member.pkl", "an array of shape (2, 2)"),
        ("numbers.pkl", "cluster 0"),
        ("tuple.pkl", "found:    a tuple"),
        ("float_list.pkl", "a float"),
        ("trailing.pkl", "1 more bytes follow"),
        ("truncated.pkl", "ends before"),
        ("empty.pkl", "ends before"),
    ];
    let expected = expected();
    let mut files: Vec<&str> = reasons.iter().map(|(file, _)| *file).collect();
    files.sort_unstable();
    assert_eq!(files, strings(&expected["hostile_files"]), "every hostile file has its reason here");
    for (file, reason) in reasons {
        match read_clusters(&fixture(file)) {
            Ok(read) => panic!("{file} was read as {:?}", lists(&read)),
            Err(finding) => {
                let text = finding.to_string();
                assert!(text.contains(reason), "{file}: no {reason:?} in\n{text}");
                assert!(text.contains(file), "{file} is not named in\n{text}");
            }
        }
        assert!(Names::open(&fixture(file)).is_err(), "{file} holds no names");
    }
}

#[test]
fn names_are_read_in_every_protocol() {
    let expected = expected();
    let pairs: Vec<(String, Option<String>)> = serde_json::from_value(expected["names"].clone()).expect("names");
    let all: Vec<ImageName> = pairs.into_iter().map(|(path, caption)| ImageName { path, caption }).collect();
    for file in strings(&expected["name_files"]) {
        let names = Names::open(&fixture(file)).unwrap_or_else(|finding| panic!("{file}: {finding}"));
        assert_eq!(names.len(), 3, "{file}");
        assert_eq!(names.read(&[0, 1, 2]).expect(file), all, "{file}");
        let some = names.read(&[2, 0, 2]).expect(file);
        assert_eq!(some, [all[2].clone(), all[0].clone(), all[2].clone()], "{file}");
        assert!(names.read(&[3]).is_err_and(|finding| finding.to_string().contains("index 3")), "{file}");
    }
    let names = Names::open(&fixture("names_u.npy")).expect("names_u.npy");
    let paths: Vec<String> = names.read(&[2, 1, 0]).expect("names_u.npy").into_iter().map(|name| name.path).collect();
    assert_eq!(paths, ["c\u{1f600}.png", "b.png", "a/\u{e9}\u{6f22}.png"]);
    let names = Names::open(&fixture("names_s.npy")).expect("names_s.npy");
    let last = ImageName { path: "yy".into(), caption: Some("22".into()) };
    assert_eq!(names.read(&[1]).expect("names_s.npy"), [last]);
    assert!(read_clusters(&fixture("names_s.npy")).is_err());
}

#[test]
fn other_forms_of_names_are_read() {
    let read = |file: &str| {
        let names = Names::open(&fixture(file)).unwrap_or_else(|finding| panic!("{file}: {finding}"));
        assert_eq!(names.len(), 2, "{file}");
        names.read(&[1, 0]).expect(file)
    };
    let name = |path: &str, caption: Option<&str>| ImageName { path: path.into(), caption: caption.map(str::to_owned) };
    assert_eq!(read("names_cells.pkl"), [name("\u{6f22}.png", None), name("a.png", None)]);
    assert_eq!(read("names_cells_fortran.pkl"), [name("\u{6f22}.png", Some("two")), name("a.png", Some("one"))]);
    assert_eq!(read("names_column.pkl"), [name("\u{6f22}.png", None), name("a.png", None)]);
    assert_eq!(read("names_numbered.pkl"), [name("\u{6f22}.png", Some("7")), name("a.png", Some("0"))]);
    for (file, reason) in [
        ("names_of_paths.pkl", "pathlib"),
        ("names_triples.pkl", "index 0"),
        ("names_surrogate.pkl", "not valid Unicode"),
    ] {
        let finding = Names::open(&fixture(file)).expect_err(file).to_string();
        assert!(finding.contains(reason), "{file}: no {reason:?} in\n{finding}");
    }
}

/// Labels that the clustering wrote beside the clusters: an `<i8` vector, read without the code under test.
fn labels(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).expect("cluster_assignment.npy");
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(String::from_utf8_lossy(&bytes[..header]).contains("'<i8'"), "int64 labels");
    bytes[header..].chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().expect("8 bytes"))).collect()
}

#[test]
fn clusters_agree_with_the_labels_beside_them() {
    let Some(data) = shared("clusters_agree_with_the_labels_beside_them") else { return };
    let mut compared = 0;
    for set in ["digits", "photos", "rings"] {
        for level in 1..=3 {
            let level = data.join(set).join(format!("hier/level{level}"));
            for step in 0..5 {
                let step = level.join(format!("step{step}"));
                if !step.join("cluster_assignment.npy").is_file() {
                    continue;
                }
                let labels = labels(&step.join("cluster_assignment.npy"));
                let read = read_clusters(&step.join("sorted_clusters.npy")).expect("sorted_clusters.npy");
                let mut again = vec![u64::MAX; labels.len()];
                for (cluster, members) in read.iter().enumerate() {
                    for &member in members {
                        let place = &mut again[usize::try_from(member).expect("a member")];
                        assert_eq!(*place, u64::MAX, "{}: member {member} twice", step.display());
                        *place = cluster as u64;
                    }
                }
                assert_eq!(again, labels, "{}", step.display());
                compared += 1;
            }
        }
    }
    assert!(compared >= 8, "only {compared} steps compared");
}

#[test]
fn every_variant_gives_the_clusters_of_digits() {
    let Some(data) = shared("every_variant_gives_the_clusters_of_digits") else { return };
    let text = std::fs::read_to_string(data.join("variants/manifest.json")).expect("manifest.json");
    let manifest: Value = serde_json::from_str(&text).expect("manifest.json is JSON");
    let mut compared = 0;
    for (name, facts) in manifest.as_object().expect("an object") {
        if facts["same_members_as_digits"] != true {
            continue;
        }
        let level = Path::new(name).file_name().expect("a level");
        let digits = data.join("digits/hier").join(level).join("step2/sorted_clusters.npy");
        let digits = read_clusters(&digits).expect("digits");
        let variant = read_clusters(&data.join("variants").join(name).join("sorted_clusters.npy"));
        let variant = variant.unwrap_or_else(|finding| panic!("{name}: {finding}"));
        assert!(variant == digits, "{name} differs from digits");
        compared += 1;
    }
    assert!(compared >= 90, "only {compared} variants compared");
}

#[test]
fn every_odd_file_is_read_or_refused() {
    let Some(data) = shared("every_odd_file_is_read_or_refused") else { return };
    let misc = data.join("variants/misc");
    let read = |name: &str| read_clusters(&misc.join(name)).unwrap_or_else(|finding| panic!("{name}: {finding}"));
    let digits = read_clusters(&data.join("digits/hier/level1/step2/sorted_clusters.npy")).expect("digits");
    for protocol in 0..6 {
        for kind in ["arrays", "lists"] {
            let name = format!("clusters_list_of_{kind}_p{protocol}.pkl");
            assert!(read(&name) == digits, "{name}");
        }
        for numpy in ["", "_np246"] {
            let clusters = read(&format!("objarr_with_empty{numpy}_p{protocol}.pkl"));
            assert_eq!(lists(&clusters), [vec![0, 1, 2], vec![], vec![0, 1]], "protocol {protocol}{numpy}");
        }
    }
    assert!(read("clusters_objarray.pkl") == digits);

    let range = |rows: u64, columns: u64| -> Vec<Vec<u64>> {
        (0..rows).map(|row| (row * columns..(row + 1) * columns).collect()).collect()
    };
    assert_eq!(lists(&read("equal_len_2d_int64.npy")), range(50, 6));
    assert_eq!(lists(&read("equal_len_2d_object.npy")), range(50, 6));
    assert_eq!(lists(&read("fortran_2d_object.npy")), range(50, 6));
    assert_eq!(lists(&read("equal_len_2d_object_1cluster.npy")), range(1, 300));
    assert_eq!(lists(&read("equal_len_2d_object_singletons.npy")), range(300, 1));
    assert_eq!(lists(&read("one_cluster_1d_np1244.npy")), range(1, 7));
    assert_eq!(lists(&read("all_empty.npy")), vec![Vec::<u64>::new(); 4]);
    let big = [0, 255, 256, 65535, 65536, 2147483647, 2147483648, 1099511627776, 9223372036854775807];
    assert_eq!(lists(&read("equal_len_2d_bigints.npy")), [big; 3]);
    for name in ["k2001_np1244.npy", "k2001_np246.npy", "k2500_np1244.npy", "k2500_np246.npy"] {
        let clusters = read(name);
        assert_eq!(clusters.len().to_string(), name[1..5], "{name}");
        assert_eq!((clusters.members_of(0), clusters.members_of(1)), (&[][..], &[1][..]), "{name}");
    }
    assert!(read("large_members_np1244.npy") == read("large_members_np246.npy"));
    assert_eq!(read("large_members_np246.npy").members_of(0), (0..20_000).collect::<Vec<_>>());

    let shared = read("shared_array.npy");
    assert_eq!(shared.len(), 201);
    assert_eq!(lists(&shared)[..200], lists(&digits)[..], "the first 200 are those of digits");
    assert!((0..200).any(|c| shared.members_of(c) == shared.members_of(200)), "the last is one of them again");

    for (name, reason) in [
        ("dict_checkpoint.npy", "holds a dictionary"),
        ("equal_len_2d_negints.npy", "cluster 0, index 0"),
        ("real_run_np246_centroids.npy", "cluster 0, index 1"),
        ("filenames_U.npy", "dtype <U16"),
        ("filenames_tuples_p4.pkl", "found:    a tuple"),
    ] {
        let finding = read_clusters(&misc.join(name)).expect_err(name).to_string();
        assert!(finding.contains(reason), "{name}: no {reason:?} in\n{finding}");
    }
}

#[test]
fn all_lists_of_names_agree() {
    let Some(data) = shared("all_lists_of_names_agree") else { return };
    let misc = data.join("variants/misc");
    let open = |name: &str| Names::open(&misc.join(name)).unwrap_or_else(|finding| panic!("{name}: {finding}"));
    let wanted = [1796, 0, 5, 5];
    for name in (0..6).map(|p| format!("filenames_tuples_p{p}.pkl")).chain(["filenames_objarray.pkl".to_owned()]) {
        let names = open(&name);
        assert_eq!(names.len(), 1797, "{name}");
        for (name, point) in names.read(&wanted).expect(&name).iter().zip(wanted) {
            assert_eq!(name.path, format!("images/{point:05}.png"));
            assert!(name.caption.as_ref().is_some_and(|caption| caption.starts_with("digit ")));
        }
    }
    for name in ["filenames_strings.pkl", "filenames_none_caption.pkl", "filenames_U.npy"] {
        let names = open(name);
        assert_eq!(names.len(), 1797, "{name}");
        for (name, point) in names.read(&wanted).expect(name).iter().zip(wanted) {
            assert_eq!((name.path.clone(), &name.caption), (format!("images/{point:05}.png"), &None));
        }
    }
    let unicode = open("filenames_unicode.pkl").read(&[2]).expect("filenames_unicode.pkl");
    assert_eq!(unicode[0].path, "images/\u{e9}\u{6f22}\u{5b57}.png");
    for name in ["clusters_list_of_lists_p4.pkl", "dict_checkpoint.npy", "equal_len_2d_int64.npy"] {
        assert!(Names::open(&misc.join(name)).is_err(), "{name} holds no names");
    }
}
