//! `metrics --labels` on the digits, against scikit-learn; in parts; labels that are wrong.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{self, Clustering, Dtype, npy_indices, scratch};
use crate::fixtures::{MEASURES, close, clustrata, digits, failed, golden, judge, judged, succeeded};

/// The first metric that differs, or the number of metrics compared.
fn compare(record: &Value, golden: &Value) -> Result<usize, String> {
    let mut compared = 0;
    let want = golden.as_array().expect("levels");
    let got = record["levels"].as_array().expect("levels");
    if got.len() != want.len() {
        return Err(format!("{} levels instead of {}", got.len(), want.len()));
    }
    for (got, want) in got.iter().zip(want) {
        for name in MEASURES.iter().chain(&["labelled_points"]) {
            let (got, want) = (&got["figures"][*name], &want["figures"][*name]);
            if !got.as_f64().is_some_and(|got| close(got, want)) {
                return Err(format!("{name}: {got} instead of {want}"));
            }
            compared += 1;
        }
        for (name, want) in want["clusters"].as_object().expect("columns") {
            let want = want.as_array().expect("a column");
            if got["clusters"][name].as_array().map(Vec::len) != Some(want.len()) {
                return Err(format!("{name} is not of {} clusters", want.len()));
            }
            for (cluster, want) in want.iter().enumerate() {
                let got = &got["clusters"][name][cluster];
                let same = got.as_f64().map_or(want == got, |got| close(got, want));
                if !same {
                    return Err(format!("{name}[{cluster}]: {got} instead of {want}"));
                }
                compared += 1;
            }
        }
    }
    Ok(compared)
}

/// The digit of every row.
fn truth() -> Vec<u8> {
    let bytes = fs::read(digits().join("labels.npy")).expect("labels");
    bytes[bytes.len() - 1797..].to_vec()
}

/// Writes the label of every row, one per line.
fn write_lines(path: &Path, first: &str, label: impl Fn(usize, u8) -> String) {
    let lines = truth().into_iter().enumerate().map(|(row, digit)| label(row, digit) + "\n");
    fs::write(path, first.to_owned() + &lines.collect::<String>()).expect("writes");
}

#[test]
fn labels_of_the_digits_agree_with_scikit_learn() {
    let out = scratch();
    let labels = digits().join("labels.npy");
    let record = judged(&digits(), &out.path().join("m"), &["--labels", labels.to_str().expect("UTF-8")]);
    let golden = golden();
    assert_eq!(compare(&record, &golden["digits"]), Ok(3 * 8 + 3 * 250));
    assert!(record["inputs"]["labels"]["path"].as_str().is_some_and(|path| path.ends_with("labels.npy")));
    let table = fs::read_to_string(out.path().join("m/level3/clusters.csv")).expect("a table");
    let header = table.lines().next().unwrap_or_default();
    assert!(header.ends_with("labelled_points,purity,majority_label"), "{header}");
    let levels = fs::read_to_string(out.path().join("m/levels.csv")).expect("a table");
    assert!(MEASURES.iter().all(|name| levels.lines().next().is_some_and(|header| header.contains(name))), "{levels}");

    for (path, wrong) in [
        ("/levels/0/figures/ari", 0.2.into()),
        ("/levels/2/figures/labelled_points", 1796.into()),
        ("/levels/1/clusters/purity/3", Value::Null),
        ("/levels/1/clusters/majority_label/0", 11.into()),
    ] {
        let mut damaged = record.clone();
        *damaged.pointer_mut(path).expect("there") = wrong;
        assert!(compare(&damaged, &golden["digits"]).is_err(), "{path}");
    }
    assert!(compare(&record, &golden["digits_with_missing"]).is_err());
}

#[test]
fn missing_labels_are_not_counted_in_any_format() {
    let out = scratch();
    let known = |row: usize| row < 10 || !row.is_multiple_of(5);
    let at = |name: &str| out.path().join(name);
    write_lines(&at("minus.txt"), "", |row, digit| if known(row) { digit.to_string() } else { "-1".to_owned() });
    write_lines(
        &at("empty.csv"),
        "id,label\n",
        |row, digit| {
            if known(row) { format!("{row},{digit}") } else { format!("{row},") }
        },
    );
    let wide = truth().into_iter().enumerate().map(|(row, digit)| if known(row) { u64::from(digit) } else { u64::MAX });
    fs::write(at("wide.npy"), npy_indices(&wide.collect::<Vec<_>>())).expect("writes");
    for name in ["minus.txt", "empty.csv", "wide.npy"] {
        let record = judged(&digits(), &at("m"), &["--labels", at(name).to_str().expect("UTF-8"), "--force"]);
        assert_eq!(compare(&record, &golden()["digits_with_missing"]), Ok(3 * 8 + 3 * 250), "{name}");
    }
    // words agree as well, and the majority is a word
    write_lines(&at("words.txt"), "", |row, digit| if known(row) { format!("digit {digit}") } else { String::new() });
    let record = judged(&digits(), &at("m"), &["--labels", at("words.txt").to_str().expect("UTF-8"), "--force"]);
    let mut golden = golden()["digits_with_missing"].take();
    for level in golden.as_array_mut().expect("levels") {
        for label in level["clusters"]["majority_label"].as_array_mut().expect("a column") {
            if !label.is_null() {
                *label = format!("digit {label}").into();
            }
        }
    }
    assert_eq!(compare(&record, &golden), Ok(3 * 8 + 3 * 250));
    let table = fs::read_to_string(at("m/level2/clusters.csv")).expect("a table");
    assert!(table.lines().nth(1).is_some_and(|row| row.ends_with(",digit 0")), "{table}");
}

#[test]
fn a_run_in_parts_reads_its_labels_at_the_merge() {
    let folder = scratch();
    let (out, labels) = (folder.path().join("m"), digits().join("labels.npy"));
    let labels = labels.to_str().expect("UTF-8");
    for part in ["1/2", "2/2"] {
        let output = judge(&digits(), &out, &["--metrics", "inertia", "--shard", part]);
        succeeded(&output);
    }
    let out_text = out.to_str().expect("UTF-8");
    let merged = succeeded(&clustrata(&["merge", out_text, "--labels", labels, "--fail-if", "any.ari < 0.1"]));
    assert!(merged.contains("gate holds"), "{merged}");
    let record = common::record(&out);
    assert_eq!(compare(&record, &golden()["digits"]), Ok(3 * 8 + 3 * 250));
    let figure = ["merge", out_text, "--force", "--fail-if", "level1.davies_bouldin > 1"];
    let (code, message) = failed(&clustrata(&figure));
    assert!(code == Some(2) && message.contains("davies_bouldin"), "{code:?} {message}");
}

#[test]
fn parts_hand_their_labels_and_gates_on() {
    let folder = scratch();
    let (out, labels) = (folder.path().join("m"), digits().join("labels.npy"));
    let more = ["--labels", labels.to_str().expect("UTF-8"), "--fail-if", "level1.ari < 0.2", "--shard"];
    for part in ["1/2", "2/2"] {
        // gates do not apply to a part, whose metrics are not those of the whole
        succeeded(&judge(&digits(), &out, &[&more[..], &[part]].concat()));
    }
    let output = clustrata(&["merge", out.to_str().expect("UTF-8")]);
    let (code, message) = failed(&output);
    assert!(code == Some(5) && message.contains("level1.ari < 0.2"), "{code:?} {message}");
    assert_eq!(compare(&common::record(&out), &golden()["digits"]), Ok(3 * 8 + 3 * 250));
}

#[test]
fn labels_of_rows_skipped_or_outside_the_subset_do_not_count() {
    let folder = scratch();
    let clustering = Clustering {
        points: (0..10).map(|i| vec![if i == 3 { f64::NAN } else { f64::from(i) }, 1.0]).collect(),
        dtype: Dtype::F4,
        // rows 1 to 9 of the ten
        levels: vec![(vec![vec![0, 1, 2], (3..9).collect()], vec![vec![2.0, 1.0], vec![7.0, 1.0]])],
        subset: Some((1..10).collect()),
    };
    let (hier, embeddings) = clustering.write(folder.path());
    // row 0 is outside, row 3 is skipped, row 9 has none; one of rows 4 to 8 is another than the rest
    let labels = folder.path().join("labels.txt");
    fs::write(&labels, "x\na\na\nx\nb\nb\nb\nb\na\n\n").expect("writes");
    let subset = folder.path().join("subset.npy");
    let [subset, labels] = [&subset, &labels].map(|path| path.to_str().expect("UTF-8"));
    let more = ["--subset-indices", subset, "--labels", labels, "--nonfinite", "skip", "--device", "cpu"];
    let record =
        common::judged(&hier, &embeddings, &folder.path().join("m"), &[&more[..], &["--metrics", "fast"]].concat());
    let level = &record["levels"][0];
    assert_eq!((&level["figures"]["points"], &level["figures"]["labelled_points"]), (&8.into(), &7.into()));
    assert_eq!(level["clusters"]["labelled_points"], serde_json::json!([2, 5]));
    assert_eq!(level["clusters"]["purity"], serde_json::json!([1.0, 0.8]));
}

#[test]
fn different_labels_make_a_different_run() {
    let folder = scratch();
    let (out, words) = (folder.path().join("m"), folder.path().join("words.txt"));
    let labels = digits().join("labels.npy");
    judged(&digits(), &out, &["--labels", labels.to_str().expect("UTF-8")]);
    let again = ["--labels", labels.to_str().expect("UTF-8"), "--resume"];
    assert!(succeeded(&judge(&digits(), &out, &again)).contains("complete already"));
    write_lines(&words, "", |_, digit| format!("is {}", digit % 2));
    let (code, message) = failed(&judge(&digits(), &out, &["--labels", words.to_str().expect("UTF-8"), "--resume"]));
    assert!(code == Some(2) && message.contains("holds a finished run"), "{code:?} {message}");
}

#[test]
fn wrong_labels_are_refused_before_anything_is_computed() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("short.txt"), "0\n1\n").expect("writes");
    fs::write(at("column.csv"), "name\nx\n").expect("writes");
    let path = |name: &str| at(name).to_str().expect("UTF-8").to_owned();
    for (more, code, part) in [
        (vec!["--labels".to_owned(), path("short.txt")], 3, "2 labels"),
        (vec!["--labels".to_owned(), path("column.csv")], 3, "`label`"),
        (vec!["--labels".to_owned(), path("none.npy")], 3, "none.npy"),
        (vec!["--metrics".to_owned(), "ari".to_owned()], 2, "--labels"),
        (vec!["--rank-by".to_owned(), "purity".to_owned()], 2, "--labels"),
        (vec!["--fail-if".to_owned(), "level1.purity < 1".to_owned()], 2, "--labels"),
    ] {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let (found, message) = failed(&judge(&digits(), &at("m"), &more));
        assert!(found == Some(code) && message.contains(part), "{more:?}: {found:?} {message}");
        assert!(!at("m").exists(), "{more:?}");
    }
}
