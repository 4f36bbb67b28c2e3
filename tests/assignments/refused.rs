//! What is refused, with what is wrong and what to do.

use std::path::PathBuf;

use crate::common::{npy_header, scratch};
use crate::fixtures::{SHAPE, data, digits, metrics, read_labels, refused, write_labels};

const ROWS: usize = SHAPE.0 as usize;

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut file = npy_header(descr, shape, false);
    file.extend(data);
    file
}

#[test]
fn files_that_hold_no_labels_are_refused() {
    let place = scratch();
    let all = format!("({ROWS},)");
    let zeros = |bytes: usize| vec![0; bytes * ROWS];
    let reals = |value: f64| [value.to_le_bytes().to_vec(), vec![0; 8 * (ROWS - 1)]].concat();
    let whole = |value: i64| [value.to_le_bytes().to_vec(), vec![0; 8 * (ROWS - 1)]].concat();
    for (name, content, parts) in [
        ("empty.npy", Vec::new(), &["the file of labels is empty"][..]),
        ("empty.txt", Vec::new(), &["the file of labels is empty"]),
        ("none.npy", npy("<i8", "(0,)", &[]), &["don't match the embeddings", "1797 labels", "(0,)"]),
        ("short.npy", npy("<i8", "(1796,)", &vec![0; 8 * 1796]), &["don't match the embeddings", "--subset-indices"]),
        ("cut.npy", npy("<i8", &all, &[0; 100]), &["shorter than its header"]),
        ("noise.npy", npy("|i1", &all, &vec![255; ROWS]), &["no row is in a cluster"]),
        ("half.npy", npy("<f8", &all, &reals(0.5)), &["not the number of a cluster", "index 0", "0.5"]),
        ("infinite.npy", npy("<f8", &all, &reals(f64::INFINITY)), &["not the number of a cluster", "inf"]),
        ("minus.npy", npy("<i8", &all, &whole(-2)), &["not the number of a cluster", "-2"]),
        ("large.npy", npy("<i8", &all, &whole((1 << 32) - 2)), &["too large", "4294967294", "numpy.unique"]),
        ("larger.npy", npy("<u8", &all, &whole(-1)), &["too large", "18446744073709551615"]),
        ("sparse.npy", npy("<i8", &all, &whole(70_000)), &["too large", "0 to 65535"]),
        ("object.npy", npy("|O", &all, b"\x80\x02]."), &["doesn't hold labels", "allow_pickle=True"]),
        ("bool.npy", npy("|b1", &all, &zeros(1)), &["doesn't hold labels", "astype(np.int64)"]),
        ("complex.npy", npy("<c8", &all, &zeros(8)), &["doesn't hold labels"]),
        ("cube.npy", npy("<i8", &format!("({ROWS}, 1, 1)"), &zeros(8)), &["doesn't hold labels"]),
        ("swapped.npy", npy("<i8", &format!("(1, {ROWS})"), &zeros(8)), &["labels.T"]),
        ("vectors.npy", npy("|i1", &format!("({ROWS}, 65)"), &zeros(65)), &["doesn't hold labels", "one-hot"]),
        ("zip.npy", b"PK\x03\x04".to_vec(), &["not a .npy file", "zip"]),
        ("labels.json", b"[1]".to_vec(), &["unknown format"]),
        (
            "numbers.csv",
            b"1\n2\n".to_vec(),
            &["no line of column names", "--level-columns 1", "rename the file to .txt"],
        ),
        (
            "mixed.csv",
            b"label\n1\n2\nNA\n".to_vec(),
            &["numbers and texts", "index 2", "`NA`, but also `1`", "write -1"],
        ),
        ("mixed.txt", b"0\n2.5\n".to_vec(), &["numbers and texts", "`2.5`, but also `0`"]),
        ("which.csv", b"a,b\n1,2\n".to_vec(), &["which columns", "--level-columns"]),
        ("both.csv", b"label,cluster\n1,2\n".to_vec(), &["which columns", "--level-columns"]),
        ("header.csv", b"label\n".to_vec(), &["has no rows"]),
        ("ragged.txt", b"1 2\n1\n".to_vec(), &["1 label, but 2 in the first line"]),
        ("sorted_clusters.npy", npy("|O", "(1,)", b""), &["members of every cluster", "the clustering's folder"]),
    ] {
        let path = place.path().join(name);
        std::fs::write(&path, content).expect("writes");
        let out = place.path().join("out");
        let arguments = ["--assignments", path.to_str().expect("UTF-8")];
        refused(&mut metrics(&digits(), &out, &arguments), 3, &[parts, &[name]].concat());
        assert!(!out.exists(), "{name}: nothing is left behind");
    }
    // a clustering that does not exist, under a name of labels
    let missing = place.path().join("missing.npy");
    refused(
        &mut metrics(&digits(), &place.path().join("out"), &[missing.to_str().expect("UTF-8")]),
        3,
        &["missing.npy"],
    );
}

#[test]
fn labels_at_the_limits_are_accepted() {
    let place = scratch();
    let path = place.path().join("labels.npy");
    let mut labels = vec![0; ROWS];
    labels[7] = 65_535;
    write_labels(&path, &labels);
    let record = crate::fixtures::judged(
        &place.path().join("out"),
        &[path.to_str().expect("UTF-8"), "--metrics", "size,points,clusters"],
    );
    assert_eq!(record["levels"][0]["figures"]["clusters"], 65_536);
}

#[test]
fn centroids_that_do_not_fit_are_refused() {
    let place = scratch();
    let labels = data("assignments/sklearn.npy");
    let labels = labels.to_str().expect("UTF-8");
    let write = |name: &str, shape: [usize; 2], value: f32| -> PathBuf {
        let values: Vec<u8> = (0..shape[0] * shape[1]).flat_map(|_| value.to_le_bytes()).collect();
        std::fs::write(place.path().join(name), npy("<f4", &format!("({}, {})", shape[0], shape[1]), &values))
            .expect("writes");
        place.path().join(name)
    };
    let texts = place.path().join("texts.txt");
    let lines: String =
        read_labels(&data("assignments/sklearn.npy"))[0].iter().map(|label| format!("c{label}\n")).collect();
    std::fs::write(&texts, lines).expect("writes");
    let texts = texts.to_str().expect("UTF-8");
    for (labels, path, parts) in [
        (labels, write("few.npy", [11, 64], 0.0), &["labels and centroids don't match", "at least 12 rows", "11"][..]),
        (texts, write("many.npy", [13, 64], 0.0), &["12 rows, one per label in order of first appearance", "13"]),
        (labels, write("narrow.npy", [12, 63], 0.0), &["64 columns", "63"]),
        (labels, write("nan.npy", [12, 64], f32::NAN), &["centroids are not finite"]),
        (labels, place.path().join("nowhere.npy"), &["nowhere.npy"]),
    ] {
        let arguments = ["--assignments", labels, "--centroids", path.to_str().expect("UTF-8")];
        refused(&mut metrics(&digits(), &place.path().join("out"), &arguments), 3, parts);
    }
    // a row without a label is a cluster without points
    let extra = write("extra.npy", [15, 64], 8.0);
    let arguments = ["--assignments", labels, "--centroids", extra.to_str().expect("UTF-8"), "--metrics", "fast"];
    let record = crate::fixtures::judged(&place.path().join("extra"), &arguments);
    assert_eq!(record["levels"][0]["figures"]["empty_clusters"], 3);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let place = scratch();
    let (folder, labels) = (data("digits"), data("assignments/sklearn.npy"));
    let (folder, labels) = (folder.to_str().expect("UTF-8"), labels.to_str().expect("UTF-8"));
    let two = format!("{labels},{labels}");
    for (arguments, parts) in [
        (vec![folder, "--assignments", labels], &["two clusterings"][..]),
        (vec![folder, "--centroids", labels], &["--centroids goes with labels"]),
        (vec![folder, "--level-columns", "a"], &["--level-columns goes with labels"]),
        (vec!["--assignments", &two, "--centroids", labels], &["one per level", "--centroids"]),
        (vec!["--assignments", labels, "--levels", "2"], &["no such level", "1 to 1"]),
    ] {
        refused(&mut metrics(&digits(), &place.path().join("out"), &arguments), 2, parts);
    }
}

#[test]
fn rows_with_nan_are_refused_or_left_out_of_the_means() {
    let place = scratch();
    let mut bytes = std::fs::read(digits()).expect("reads");
    let at = bytes.len() - 4;
    let embeddings = place.path().join("nan.npy");
    bytes[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&embeddings, bytes).expect("writes");
    let labels = data("assignments/independent.npy");
    let labels = ["--assignments", labels.to_str().expect("UTF-8"), "--metrics", "all", "--silhouette", "off"];
    refused(&mut metrics(&embeddings, &place.path().join("out"), &labels), 3, &["1 such rows", "1796"]);
    let out = place.path().join("skipped");
    crate::fixtures::succeeded(&mut metrics(&embeddings, &out, &[&labels[..], &["--nonfinite", "skip"]].concat()));
    let record = crate::common::record(&out);
    assert_eq!(record["skipped_rows"], 1);
    for level in record["levels"].as_array().expect("levels") {
        assert_eq!(level["figures"]["points"], SHAPE.0 - 1);
        let (inertia, around) = (&level["figures"]["davies_bouldin"], &level["figures"]["davies_bouldin_means"]);
        let (inertia, around) = (inertia.as_f64().expect("defined"), around.as_f64().expect("defined"));
        assert!((inertia - around).abs() < 1e-9 * around, "the centroids are the means of the other rows");
    }
}
