//! What uses a clustering works with labels: compare, sample, montages, report, subsets, and default folders.

use serde_json::Value;

use crate::common::{files_below, npy_indices, program, record, scratch};
use crate::fixtures::{SHAPE, data, digits, judged, list, read_labels, refused, succeeded, text, write_labels};

#[test]
fn runs_on_labels_are_compared_with_each_other_and_with_a_folder() {
    let place = scratch();
    let labels = |name: &str| data(&format!("assignments/{name}.npy")).to_str().expect("UTF-8").to_owned();
    let [one, two, folder] = ["one", "two", "folder"].map(|name| place.path().join(name));
    judged(&one, &[&labels("sklearn"), "--metrics", "fast"]);
    judged(&two, &[&labels("hdbscan"), "--metrics", "fast"]);
    judged(&folder, &[data("digits").to_str().expect("UTF-8"), "--metrics", "fast"]);
    let compare = |a: &std::path::Path, b: &std::path::Path| -> Value {
        let output = succeeded(program().arg("compare").arg(a).arg(b).arg("--json"));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let between = &compare(&one, &two)["levels"][0]["between"];
    assert_eq!(between["points"], 893, "rows in a cluster of both");
    assert!(between["ari"].as_f64().is_some_and(|ari| ari > 0.1 && ari < 1.0), "{between}");
    assert_eq!(compare(&one, &one)["levels"][0]["between"]["ari"], 1.0);
    assert!(compare(&one, &folder)["levels"][0]["between"]["ari"].as_f64().is_some_and(|ari| ari > 0.0));
}

#[test]
fn two_columns_of_one_file_are_two_clusterings() {
    let place = scratch();
    let columns = read_labels(&data("assignments/independent.npy"));
    let rows: String = columns[0].iter().zip(&columns[2]).map(|(a, b)| format!("{a},{b}\n")).collect();
    let path = place.path().join("both.csv");
    std::fs::write(&path, format!("a,b\n{rows}")).expect("writes");
    for column in ["a", "b"] {
        judged(
            &place.path().join(column),
            &[path.to_str().expect("UTF-8"), "--level-columns", column, "--metrics", "fast"],
        );
    }
    let output =
        succeeded(program().arg("compare").arg(place.path().join("a")).arg(place.path().join("b")).arg("--json"));
    let comparison: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(comparison["levels"][0]["between"]["ari"].as_f64().is_some_and(|ari| ari < 0.9), "{comparison}");
}

#[test]
fn nested_labels_are_sampled_and_others_refused() {
    let place = scratch();
    let sample = |labels: &str, more: &[&str]| {
        let mut command = program();
        command.arg("sample").arg(labels).args(["--target-size", "200", "--json", "--out"]).arg(place.path());
        command.args(["--sampling-strategy", if more == ["c"] { "c" } else { "r" }]);
        command.args(more.iter().filter(|option| **option != "c"));
        command
    };
    let file = |name: &str| data(&format!("assignments/{name}.npy")).to_str().expect("UTF-8").to_owned();
    let output = succeeded(&mut sample(&file("nested"), &[]));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&summary["rows"], &summary["level"], &summary["clusters"]), (&200.into(), &2.into(), &8.into()));
    assert_eq!(summary["rows_per_cluster"]["min"], 25, "balanced over the clusters of the top");
    let output = succeeded(&mut sample(&file("hdbscan"), &["--name-suffix", "h"]));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(summary["available_rows"], 893, "noise is not sampled");
    refused(&mut sample(&file("independent"), &[]), 3, &["does not nest"]);
    succeeded(&mut sample(&file("independent"), &["--level", "1", "--name-suffix", "i"]));
    refused(&mut sample(&file("nested"), &["c"]), 2, &["not sorted by distance"]);
}

#[test]
fn montages_report_and_distances_are_made() {
    let place = scratch();
    let names = place.path().join("names.txt");
    std::fs::write(&names, (0..SHAPE.0).map(|row| format!("{row}.png\n")).collect::<String>()).expect("writes");
    let labels = data("assignments/independent.npy");
    let out = place.path().join("out");
    let mut command = program();
    command.arg("metrics").arg(&labels).arg("--embeddings").arg(digits()).arg("--images").arg(&names);
    command.arg("--out").arg(&out).args([
        "--device",
        "cpu",
        "--distances",
        "own",
        "--montage-size",
        "4",
        "--best",
        "1",
        "--worst",
        "1",
    ]);
    succeeded(&mut command);
    let files = files_below(&out);
    for level in 1..=3 {
        for part in [format!("level{level}/montages/best-1"), format!("level{level}/distances.npy")] {
            assert!(files.iter().any(|file| file.starts_with(&part)), "{part} in {files:?}");
        }
    }
    let record = record(&out);
    for level in 0..3 {
        assert!(
            record["map"]["tsne"]["levels"][level]["clusters"].as_array().is_some_and(|c| c.len() > 3),
            "level {level}"
        );
    }
    std::fs::remove_file(out.join("report.html")).expect("removes");
    succeeded(program().arg("report").arg(&out));
    assert!(out.join("report.html").is_file());
}

#[test]
fn labels_of_a_subset_belong_to_its_rows() {
    let place = scratch();
    let labels = read_labels(&data("assignments/sklearn.npy")).remove(0);
    let rows: Vec<u64> = (0..SHAPE.0).rev().filter(|row| row % 3 > 0).collect();
    let all: Vec<i64> =
        (0..).zip(&labels).map(|(row, &label): (u64, &i64)| if row % 3 > 0 { label } else { -1 }).collect();
    let some: Vec<i64> = rows.iter().map(|&row| labels[row as usize]).collect();
    let [all_file, some_file, subset] = ["all.npy", "some.npy", "subset.npy"].map(|name| place.path().join(name));
    write_labels(&all_file, &all);
    write_labels(&some_file, &some);
    std::fs::write(&subset, npy_indices(&rows)).expect("writes");
    let want = judged(&place.path().join("all"), &["--assignments", &list(&[all_file]), "--metrics", "all"]);
    let subset = subset.to_str().expect("UTF-8");
    let got = judged(
        &place.path().join("some"),
        &["--assignments", &list(&[some_file]), "--subset-indices", subset, "--metrics", "all"],
    );
    assert_eq!(got["levels"], want["levels"]);
}

#[test]
fn results_lie_beside_the_labels_by_default() {
    let place = scratch();
    let labels = place.path().join("k12.npy");
    std::fs::copy(data("assignments/sklearn.npy"), &labels).expect("copies");
    let mut command = program();
    command.arg("metrics").arg(&labels).arg("--embeddings").arg(digits()).args([
        "--device",
        "cpu",
        "--metrics",
        "fast",
    ]);
    succeeded(&mut command);
    assert!(place.path().join("k12-metrics/record.json").is_file());
    let help = text(&succeeded(program().args(["metrics", "--help"])).stdout);
    assert!(help.contains("LABELS-metrics"), "{help}");
    // the same folder again needs --force, as for a folder's run
    refused(&mut command, 2, &["finished run"]);
}
