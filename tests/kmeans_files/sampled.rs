//! `clustrata sample` selects as upstream does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use clustrata::base::error::Findings;
use clustrata::formats::hierarchy::Tree;
use clustrata::formats::npy::read_indices;
use serde_json::Value;

use super::common::{Clustering, Dtype, files_below, judged, npy_indices, program, scratch, shared};
use super::shares::is_balanced;

pub(super) fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits")
}

pub(super) fn sample(clustering: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = program();
    command.arg("sample").arg(clustering).arg("--out").arg(out).args(more);
    command.output().expect("the program starts")
}

/// The selected rows, from the file `name`.
fn sampled(clustering: &Path, out: &Path, more: &[&str], name: &str) -> Vec<u64> {
    let output = sample(clustering, out, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read_indices(&out.join(name)).expect("row numbers")
}

fn tree(clustering: &Path, top: Option<u32>) -> Tree {
    let mut findings = Findings::new();
    let tree = Tree::open(clustering, top, &mut findings, &mut Vec::new());
    tree.unwrap_or_else(|| panic!("{:?}", findings.kept()))
}

#[test]
fn upstreams_own_selections_and_ours_are_balanced() {
    let Some(data) = shared() else { return };
    let sets = [
        ("digits", "3r_mul1_500", "500"),
        ("digits_split", "2r_mul1_300", "300"),
        ("photos", "3r_mul1_600", "600"),
        ("rings", "2r_mul1_1000", "1000"),
    ];
    for (set, name, target) in sets {
        let hier = data.join(set).join("hier");
        let name = format!("{name}_balanced_selection.npy");
        let tree = tree(&hier, None);
        let theirs = read_indices(&hier.join("curated_datasets").join(&name)).expect("row numbers");
        is_balanced(&tree, &theirs, 1, false).unwrap_or_else(|wrong| panic!("{set}, upstream: {wrong}"));
        let out = scratch();
        let ours = sampled(&hier, out.path(), &["--target-size", target], &name);
        assert_eq!(ours.len(), theirs.len());
        is_balanced(&tree, &ours, 1, false).unwrap_or_else(|wrong| panic!("{set}: {wrong}"));
        // one row from another cluster is noticed
        let mut other = theirs.clone();
        let missing = tree.rows().iter().rev().find(|row| !theirs.contains(row)).expect("one");
        let last = other.len() - 1;
        other[last] = *missing;
        other[last - 1] = *tree.rows().iter().find(|row| !theirs.contains(row)).expect("one");
        assert!(is_balanced(&tree, &other, 1, false).is_err(), "{set}");
    }
}

#[test]
fn every_strategy_multiplier_and_level_is_balanced() {
    for (more, name, multiplier, closest) in [
        (&["--target-size", "700"][..], "3r_mul1_700_balanced_selection.npy", 1, false),
        (&["--target-size", "701", "--sampling-strategy", "c"], "3c_mul1_701_balanced_selection.npy", 1, true),
        (&["--target-size", "2500", "-m", "4"], "3r_mul4_2500_balanced_selection.npy", 4, false),
        (
            &["--target-size", "2999", "-m", "2", "--sampling-strategy", "closest"],
            "3c_mul2_2999_balanced_selection.npy",
            2,
            true,
        ),
        (&["--target-size", "333", "--level", "1"], "1r_mul1_333_balanced_selection.npy", 1, false),
        (
            &["--target-size", "90", "--level", "2", "--name-suffix", "b", "--seed", "8"],
            "2r_mul1_90_balanced_selection_b.npy",
            1,
            false,
        ),
    ] {
        let out = scratch();
        let rows = sampled(&digits(), out.path(), more, name);
        let level = name[..1].parse().expect("a level");
        let wrong = is_balanced(&tree(&digits(), Some(level)), &rows, multiplier, closest);
        wrong.unwrap_or_else(|wrong| panic!("{more:?}: {wrong}"));
        assert!(closest || is_balanced(&tree(&digits(), Some(level)), &rows, multiplier, true).is_err());
    }
}

#[test]
fn the_seed_determines_the_rows_and_sorting_keeps_them() {
    let out = scratch();
    let name = "3r_mul1_600_balanced_selection.npy";
    let draw =
        |more: &[&str]| sampled(&digits(), out.path(), &[&["--target-size", "600", "--force"], more].concat(), name);
    let first = draw(&[]);
    assert_eq!(draw(&["--seed", "0"]), first);
    assert_ne!(draw(&["--seed", "1"]), first);
    let sorted = draw(&["--sort-indices"]);
    assert!(sorted.is_sorted() && !first.is_sorted());
    let mut again = first;
    again.sort_unstable();
    assert_eq!(sorted, again);
}

#[test]
fn only_valid_rows_are_selected() {
    let out = scratch();
    let valid = out.path().join("valid.npy");
    let even: Vec<u64> = (0..tree(&digits(), None).rows().len() as u64).filter(|row| row % 2 == 0).collect();
    fs::write(&valid, npy_indices(&even)).expect("writes");
    let options = ["--target-size", "400", "--valid-indices", valid.to_str().expect("text")];
    let rows = sampled(&digits(), out.path(), &options, "3r_mul1_400_balanced_selection.npy");
    assert!(rows.iter().all(|row| row % 2 == 0));
    let all = tree(&digits(), None);
    is_balanced(&all.clone().retain(|row| row % 2 == 0), &rows, 1, false).expect("balanced among them");
    assert!(is_balanced(&all, &rows, 1, false).is_err(), "not among all");
}

/// A subset of six of twelve rows, in clusters of 1, 2 and 3.
fn of_subset(folder: &Path) -> PathBuf {
    let clustering = Clustering {
        points: vec![vec![0.0]; 12],
        dtype: Dtype::F4,
        levels: vec![(vec![vec![0], vec![5, 1], vec![4, 3, 2]], vec![vec![0.0]; 3])],
        subset: Some(vec![11, 9, 7, 5, 3, 1]),
    };
    clustering.write(folder).0
}

#[test]
fn rows_of_a_subset_are_rows_of_the_embeddings() {
    let base = scratch();
    let hier = of_subset(base.path());
    let subset = base.path().join("subset.npy");
    let options = ["--target-size", "5", "--sampling-strategy", "c", "--force"];
    let name = "1c_mul1_5_balanced_selection.npy";
    let draw = |more: &[&str]| sampled(&hier, base.path(), &[&options, more].concat(), name);
    let expected = [11, 1, 9, 3, 5];
    assert_eq!(draw(&[]), [0, 5, 1, 4, 3], "without the subset: members");
    let subset = subset.to_str().expect("text");
    assert_eq!(draw(&["--subset-indices", subset]), expected);
    // upstream's name for the subset
    assert_eq!(draw(&["--valid-indices", subset]), expected);
    fs::write(hier.join("config.yaml"), format!("subset_indices_path: {subset}\n")).expect("writes");
    assert_eq!(draw(&[]), expected);
    assert_eq!(draw(&["--valid-indices", subset]), expected);
    // some of the subset, and rows that were not clustered
    let some = base.path().join("some.npy");
    fs::write(&some, npy_indices(&[0, 1, 2, 3, 5, 7, 9, 200])).expect("writes");
    let some = some.to_str().expect("text");
    assert_eq!(draw(&["--valid-indices", some]), [1, 9, 3, 5, 7]);
}

#[test]
fn the_selection_is_reported() {
    let out = scratch();
    let output = sample(&digits(), out.path(), &["--target-size", "2500", "-m", "4", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("valid JSON");
    assert_eq!(told["rows"], 2500);
    let rows = read_indices(Path::new(told["file"].as_str().expect("a path"))).expect("row numbers");
    let unique: std::collections::HashSet<_> = rows.iter().collect();
    assert_eq!(told["unique_rows"], unique.len());
    assert_eq!((&told["level"], &told["clusters"]), (&3.into(), &tree(&digits(), None).clusters(2).len().into()));
    let most = |key: &str| told["rows_per_cluster"][key].as_u64().expect("a number");
    assert!(most("min") <= most("median") && most("median") <= most("max"));
}

#[test]
fn a_clustering_in_the_current_folder_can_be_sampled() {
    let base = scratch();
    let run = |command: &str, more: &[&str]| {
        let output = program().current_dir(base.path()).arg(command).args(more).output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let embeddings = digits().join("embeddings.npy").display().to_string();
    run("kmeans", &["--n-clusters", "20,4", "--n-iters", "3", "--device", "cpu", "--embeddings-path", &embeddings]);
    run("sample", &["clustering", "--target-size", "101"]);
    let made = base.path().join("clustering");
    let rows = read_indices(&made.join("curated_datasets/2r_mul1_101_balanced_selection.npy")).expect("row numbers");
    assert_eq!(rows.len(), 101);
    is_balanced(&tree(&made, None), &rows, 1, false).expect("balanced");
}

/// Row numbers and the lines of the list beside them.
fn with_names(clustering: &Path, out: &Path, more: &[&str]) -> (Vec<u64>, Vec<String>) {
    let rows =
        sampled(clustering, out, &[&["--target-size", "90"], more].concat(), "3r_mul1_90_balanced_selection.npy");
    let text = fs::read_to_string(out.join("3r_mul1_90_balanced_selection.txt")).expect("a list");
    (rows, text.lines().map(str::to_owned).collect())
}

#[test]
fn names_of_images_are_written_beside_the_rows() {
    let folder = scratch();
    let list = folder.path().join("images.txt");
    let name = |row: u64| format!("dir {}/{row}.png", row % 7);
    fs::write(&list, (0..1797).map(|row| name(row) + "\n").collect::<String>()).expect("writes");
    let of = |root: &Path, rows: &[u64]| -> Vec<String> {
        rows.iter().map(|&row| root.join(name(row)).display().to_string()).collect()
    };
    let images = ["--images", list.to_str().expect("UTF-8")];
    let out = folder.path().join("named");
    let (rows, names) = with_names(&digits(), &out, &images);
    assert_eq!((rows.len(), &names), (90, &of(folder.path(), &rows)), "relative to the list");
    let elsewhere = folder.path().join("elsewhere");
    let (rows, names) = with_names(
        &digits(),
        &out,
        &[&images[..], &["--force", "--image-root", elsewhere.to_str().expect("UTF-8")]].concat(),
    );
    assert_eq!(names, of(&elsewhere, &rows));
    // an earlier list is as safe as the rows
    fs::remove_file(out.join("3r_mul1_90_balanced_selection.npy")).expect("removes");
    let refused = sample(&digits(), &out, &[&["--target-size", "90"], &images[..]].concat());
    assert!(refused.status.code() == Some(2) && String::from_utf8_lossy(&refused.stderr).contains(".txt"));
    // a list that is too short leaves nothing
    fs::write(&list, "a.png\n").expect("writes");
    let short = folder.path().join("short");
    let refused = sample(&digits(), &short, &[&["--target-size", "90"], &images[..]].concat());
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!short.exists());
}

#[test]
fn images_of_the_judged_clustering_are_known() {
    let folder = scratch();
    let hier = folder.path().join("hier");
    for file in files_below(&digits()).into_iter().filter(|file| file.starts_with("level")) {
        fs::create_dir_all(hier.join(&file).parent().expect("a folder")).expect("makes a folder");
        fs::copy(digits().join(&file), hier.join(&file)).expect("copies");
    }
    let list = folder.path().join("images.txt");
    fs::write(&list, (0..1797).map(|row| format!("{row}.png\n")).collect::<String>()).expect("writes");
    let more = ["--images", list.to_str().expect("UTF-8"), "--best", "0", "--worst", "0"];
    let more = [&more[..], &["--device", "cpu", "--metrics", "fast"]].concat();
    judged(&hier, &digits().join("embeddings.npy"), &hier.join("metrics"), &more);
    let out = folder.path().join("out");
    let (rows, names) = with_names(&hier, &out, &[]);
    assert_eq!(names, rows.iter().map(|row| format!("{}/{row}.png", folder.path().display())).collect::<Vec<_>>());
    // if the list is gone, the rows are still written, and why there are no names is said
    fs::remove_file(&list).expect("removes");
    let output = program().args(["sample"]).arg(&hier).args(["--target-size", "80"]).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = files_below(&hier.join("curated_datasets"));
    assert_eq!(files, ["3r_mul1_80_balanced_selection.npy"]);
}
