//! Every way to write the same labels gives the same metrics.

use std::path::PathBuf;

use serde_json::Value;

use crate::common::{npy_header, scratch};
use crate::fixtures::{SHAPE, data, judged, read_labels, write_labels};

/// Labels of the digits: those of scikit-learn, with a gap at 3 and every tenth row in no cluster.
fn labels() -> Vec<i64> {
    let labels = read_labels(&data("assignments/sklearn.npy")).remove(0);
    let of = |(row, label): (usize, i64)| {
        if row % 10 == 0 {
            -1
        } else if label >= 3 {
            label + 1
        } else {
            label
        }
    };
    labels.into_iter().enumerate().map(of).collect()
}

fn npy(descr: &str, bytes: Vec<u8>) -> Vec<u8> {
    let mut file = npy_header(descr, &format!("({},)", SHAPE.0), false);
    file.extend(bytes);
    file
}

fn lines(labels: &[i64], of: impl Fn(i64) -> String) -> Vec<u8> {
    labels.iter().map(|&label| of(label) + "\n").collect::<String>().into_bytes()
}

/// File name and content.
type File = (&'static str, Vec<u8>);

fn numbers(labels: &[i64]) -> Vec<File> {
    let each = |of: &dyn Fn(i64) -> Vec<u8>| labels.iter().flat_map(|&label| of(label)).collect::<Vec<u8>>();
    let real = |label: i64| if label < 0 { f64::NAN } else { label as f64 };
    let or_empty = |label: i64, text: String| if label < 0 { String::new() } else { text };
    vec![
        ("int8.npy", npy("|i1", each(&|label| vec![label as u8]))),
        ("big32.npy", npy(">i4", each(&|label| (label as i32).to_be_bytes().to_vec()))),
        ("int64.npy", npy("<i8", each(&|label| label.to_le_bytes().to_vec()))),
        ("pandas.npy", npy("<f8", each(&|label| real(label).to_le_bytes().to_vec()))),
        ("half.npy", npy("<f2", each(&|label| half::f16::from_f64(real(label)).to_le_bytes().to_vec()))),
        ("minus.npy", npy("<f4", each(&|label| (label as f32).to_le_bytes().to_vec()))),
        ("digits.npy", npy("|S3", each(&|label| format!("{label:\0<3}").into_bytes()))),
        ("plain.txt", lines(labels, |label| label.to_string())),
        ("savetxt.txt", lines(labels, |label| format!("{label}.000000000000000000e+00"))),
        ("label.csv", [b"label\n".to_vec(), lines(labels, |label| or_empty(label, label.to_string()))].concat()),
        (
            "pandas.csv",
            [b"id,cluster\n".to_vec(), lines(labels, |l| format!("x,{}", or_empty(l, format!("{l}.0"))))].concat(),
        ),
        ("one.csv", [b"hdbscan\n".to_vec(), lines(labels, |label| label.to_string())].concat()),
    ]
}

fn levels(place: &tempfile::TempDir, (name, content): &File, more: &[&str]) -> Value {
    let path = place.path().join(name);
    std::fs::write(&path, content).expect("writes");
    // the positional argument may be a file of labels
    let arguments = [path.to_str().expect("UTF-8"), "--metrics", "fast"];
    judged(&place.path().join(format!("{name}-out")), &[&arguments[..], more].concat())
}

#[test]
fn labels_may_be_numbers_of_any_type_with_gaps_and_noise() {
    let place = scratch();
    let labels = labels();
    let forms = numbers(&labels);
    let want = levels(&place, &forms[2], &[]);
    assert_eq!(want["levels"][0]["figures"]["clusters"], 13);
    assert_eq!(want["levels"][0]["figures"]["empty_clusters"], 1);
    assert_eq!(want["levels"][0]["clusters"]["size"][3], 0, "a number that no row has is an empty cluster");
    assert_eq!(want["inputs"]["assignments"][0]["unassigned"], 180);
    for form in &forms {
        let got = levels(&place, form, &["--force"]);
        assert_eq!(got["levels"], want["levels"], "{}", form.0);
        assert_eq!(got["inputs"]["assignments"][0]["unassigned"], 180, "{}", form.0);
    }
}

#[test]
fn texts_are_numbered_in_order_of_first_appearance() {
    let place = scratch();
    let labels = labels();
    let mut order: Vec<i64> = Vec::new();
    for &label in labels.iter().filter(|label| **label >= 0) {
        if !order.contains(&label) {
            order.push(label);
        }
    }
    let text = |label: i64| if label < 0 { String::new() } else { format!("cluster {label}, \"{label}\"") };
    let want: Vec<i64> =
        labels.iter().map(|label| order.iter().position(|o| o == label).map_or(-1, |at| at as i64)).collect();
    let path = place.path().join("numbers.npy");
    write_labels(&path, &want);
    let want = judged(&place.path().join("numbers"), &[path.to_str().expect("UTF-8"), "--metrics", "fast"]);
    let csv = |label: i64| format!("\"{}\"", text(label).replace('"', "\"\""));
    let wide = |label: i64| {
        text(label)
            .chars()
            .chain(std::iter::repeat('\0'))
            .take(24)
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    for form in [
        ("a.txt", lines(&labels, text)),
        ("a.csv", [b"label\n".to_vec(), lines(&labels, csv)].concat()),
        ("a.npy", npy("<U24", labels.iter().flat_map(|&label| wide(label)).collect())),
    ] {
        let got = levels(&place, &form, &[]);
        assert_eq!(got["levels"], want["levels"], "{}", form.0);
        assert_eq!(got["inputs"]["assignments"][0]["texts"], true);
        let names =
            std::fs::read_to_string(place.path().join(format!("{}-out/level1/names.csv", form.0))).expect("names");
        let first = text(order[0]).replace('"', "\"\"");
        assert_eq!(names.lines().nth(1), Some(format!("0,\"{first}\"").as_str()), "{}", form.0);
    }
}

#[test]
fn several_levels_may_be_columns_files_or_both() {
    let place = scratch();
    let columns = read_labels(&data("assignments/nested.npy"));
    let write = |name: &str, content: Vec<u8>| -> PathBuf {
        std::fs::write(place.path().join(name), content).expect("writes");
        place.path().join(name)
    };
    let rows = |between: &str| -> Vec<u8> {
        let rows = columns[0].iter().zip(&columns[1]);
        rows.map(|(fine, coarse)| format!("{fine}{between}{coarse}\n")).collect::<String>().into_bytes()
    };
    let mut fortran = npy_header("<i8", &format!("({}, 2)", SHAPE.0), true);
    fortran.extend(columns.iter().flatten().flat_map(|label| label.to_le_bytes()));
    let [fine, coarse] = [0, 1].map(|level| place.path().join(format!("{level}.npy")));
    write_labels(&fine, &columns[0]);
    write_labels(&coarse, &columns[1]);
    let run =
        |out: &str, arguments: &[&str]| judged(&place.path().join(out), &[arguments, &["--metrics", "all"]].concat());
    let want = run("want", &["--assignments", data("assignments/nested.npy").to_str().expect("UTF-8")]);
    assert_eq!(want["inputs"]["assignments"][1]["nests"], true);
    let two = format!("{},{}", fine.display(), coarse.display());
    let csv = write(
        "levels.csv",
        [b"level_2,x,level_1\n".to_vec(), {
            let rows = columns[0].iter().zip(&columns[1]);
            rows.map(|(fine, coarse)| format!("{coarse},?,{fine}\n")).collect::<String>().into_bytes()
        }]
        .concat(),
    );
    let named = write("named.csv", [b"fine,coarse\n".to_vec(), rows(",")].concat());
    let path = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
    for (name, arguments) in [
        ("files", vec!["--assignments".to_owned(), two.clone()]),
        ("positional", vec![two]),
        ("fortran", vec![path(&write("fortran.npy", fortran))]),
        ("spaces", vec![path(&write("spaces.txt", rows(" ")))]),
        ("tabs", vec![path(&write("tabs.txt", rows("\t")))]),
        ("csv", vec![path(&csv)]),
        ("named", vec![path(&named), "--level-columns".to_owned(), "fine,coarse".to_owned()]),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(run(name, &arguments)["levels"], want["levels"], "{name}");
    }
    // the other way round they do not nest, and the record says why
    let swapped = run("swapped", &[&format!("{},{}", coarse.display(), fine.display())]);
    assert!(swapped["warnings"].to_string().contains("the other way round"), "{}", swapped["warnings"]);
}
