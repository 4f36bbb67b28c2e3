//! Embeddings that can't be read as they lie.

use std::fs;

use crate::common::{npy, npy_header};
use crate::fixtures::{DIM, Place, ROWS, arg, clustering};

/// Replaces the embeddings by a header and `bytes` zeros.
fn with_embeddings(descr: &str, shape: &str, fortran: bool, bytes: usize) -> Place {
    let place = Place::new();
    let mut file = npy_header(descr, shape, fortran);
    file.resize(file.len() + bytes, 0);
    fs::write(&place.embeddings, file).expect("writes");
    place
}

#[test]
fn truncated_embeddings_are_refused() {
    let place = Place::new();
    let bytes = fs::read(&place.embeddings).expect("reads");
    for cut in [1, DIM * 4, bytes.len() - 70, bytes.len() - 3, bytes.len()] {
        fs::write(&place.embeddings, &bytes[..bytes.len() - cut]).expect("writes");
        place.refused(&[], 3, &["where:", "embeddings.npy", "found:", "try:      the file was cut off"]);
    }
}

#[test]
fn a_truncation_tells_both_sizes() {
    let place = Place::new();
    let bytes = fs::read(&place.embeddings).expect("reads");
    fs::write(&place.embeddings, &bytes[..bytes.len() - 1]).expect("writes");
    let (expected, found) =
        (format!("expected: {} bytes", bytes.len()), format!("found:    {} bytes", bytes.len() - 1));
    place.refused(&[], 3, &["shorter than its header says", &expected, &found]);
}

#[test]
fn embeddings_longer_than_their_header_are_refused() {
    let place = Place::new();
    let mut bytes = fs::read(&place.embeddings).expect("reads");
    bytes.push(0);
    fs::write(&place.embeddings, bytes).expect("writes");
    place.refused(&[], 3, &["longer than its header says", "embeddings.npy", "expected:", "found:", "try:"]);
}

#[test]
fn embeddings_of_another_width_are_refused_on_every_level() {
    let mut made = clustering();
    let widen = |rows: &mut Vec<Vec<f64>>, dim: usize| rows.iter_mut().for_each(|row| row.resize(dim, 0.5));
    widen(&mut made.points, 768);
    made.levels.iter_mut().for_each(|(_, centroids)| widen(centroids, 1024));
    let parts = ["level 1", "level 2", "level 3", "expected: 768 columns", "found:    1024", "centroids.npy", "try:"];
    Place::of(&made).refused(&[], 3, &parts);
}

#[test]
fn embeddings_of_another_length_are_refused_with_both_reasons() {
    let mut made = clustering();
    made.points.push(vec![0.0; DIM]);
    let parts = ["in no cluster", "level 1", "index 60", "1 of 61: 60", "--embeddings", "--subset-indices"];
    Place::of(&made).refused(&[], 3, &parts);
    made.points.truncate(ROWS - 2);
    let parts = ["a member does not exist", "level 1", "below 58", "2 of 60 members", "try:"];
    Place::of(&made).refused(&[], 3, &parts);
}

#[test]
fn other_types_are_refused_with_the_command_that_mends_them() {
    let bytes = ROWS * DIM * 4;
    for (descr, shape, fortran, bytes, wrong, hint) in [
        ("<i4", "(60, 5)", true, bytes, "not floats", "a.astype('<f4')"),
        (">i4", "(60, 5)", false, bytes, "not floats", "a.astype('<f4')"),
        ("|b1", "(60, 5)", false, bytes / 4, "not floats", "a.astype('<f4')"),
        ("|V2", "(60, 5)", false, bytes / 2, "not floats", "--dtype bf16"),
        ("<f4", "(300,)", false, bytes, "not a matrix", "numpy.stack"),
        ("<f4", "(60, 5, 1)", false, bytes, "not a matrix", "reshape"),
        ("<f4", "(0, 5)", false, 0, "empty", "check what wrote"),
        ("|O", "(60,)", false, 100, "Python objects", "np.stack(a)"),
    ] {
        let place = with_embeddings(descr, shape, fortran, bytes);
        place.refused(&[], 3, &[wrong, hint, "embeddings.npy", "expected:", "found:", "try:"]);
    }
}

#[test]
fn impossible_headers_are_refused() {
    for shape in
        ["(1152921504606846976, 5)", "(18446744073709551615, 18446744073709551615)", "(60, 99999999999999999999)"]
    {
        with_embeddings("<f4", shape, false, 1200).refused(&[], 3, &["embeddings.npy"]);
    }
}

#[test]
fn missing_embeddings_are_refused() {
    let place = Place::new();
    fs::remove_file(&place.embeddings).expect("removes");
    place.refused(&[], 3, &["embeddings.npy", "check the path"]);
}

#[test]
fn a_glob_without_a_match_and_a_folder_are_refused() {
    let place = Place::new();
    let run = |embeddings: &str, parts: &[&str]| {
        let mut command = crate::common::program();
        command.arg("metrics").arg(&place.hier).args(["--embeddings", embeddings, "--out"]).arg(&place.out);
        crate::fixtures::refused(&mut command, place.folder.path(), 3, parts)
    };
    run(
        &format!("{}/part-*.npy", place.folder.path().display()),
        &["no file matches", "part-*.npy", "quote the pattern"],
    );
    run(arg(&place.hier), &["not a file", "a folder", "*.npy"]);
}

#[test]
fn files_that_differ_are_refused() {
    let place = Place::new();
    let other = place.at("other.npy");
    fs::write(&other, npy(&[vec![0.0; DIM + 1]], crate::common::Dtype::F2)).expect("writes");
    let mut command = crate::common::program();
    command.arg("metrics").arg(&place.hier).arg("--embeddings").arg(&place.embeddings).arg(&other);
    command.arg("--out").arg(&place.out);
    let parts = ["other.npy", "5 columns of <f4", "6 columns of <f2", "try:"];
    crate::fixtures::refused(&mut command, place.folder.path(), 3, &parts);
}

#[test]
fn several_faults_are_told_together() {
    let place = Place::new();
    let bytes = fs::read(&place.embeddings).expect("reads");
    fs::write(&place.embeddings, &bytes[..bytes.len() - 1]).expect("writes");
    fs::remove_file(place.hier.join("level2/centroids.npy")).expect("removes");
    let images = place.at("names.csv");
    fs::write(&images, "file\na.png\n").expect("writes");
    let parts = ["shorter than its header", "files of a level are missing", "level 2", "no column of paths"];
    let message = place.refused(&["--images", arg(&images)], 3, &parts);
    assert_eq!(message.matches("error: ").count(), 3, "{message}");
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_make_the_program_wait() {
    let place = Place::new();
    let pipe = place.at("pipe.npy");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return;
    }
    let mut command = crate::common::program();
    command.arg("metrics").arg(&place.hier).arg("--embeddings").arg(&pipe).arg("--out").arg(&place.out);
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(3));
    assert!(crate::fixtures::text(&output.stderr).contains("pipe.npy"));
    assert!(!place.at("deep").exists());
}

#[cfg(unix)]
#[test]
fn a_glob_reads_shards_in_any_encoding_and_no_hidden_ones() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let bytes = fs::read(&place.embeddings).expect("reads");
    let (row_bytes, data) = (DIM * 4, bytes.len() - ROWS * DIM * 4);
    let shards = place.at("shards [1]");
    fs::create_dir(&shards).expect("made");
    let names = [&b"part-1.npy"[..], b"part-2\xe9.npy", b".part-3.npy"];
    for (name, rows) in names.into_iter().zip([0..40, 40..60, 0..40]) {
        let mut file = npy_header("<f4", &format!("({}, {DIM})", rows.len()), false);
        file.extend(&bytes[data + rows.start * row_bytes..data + rows.end * row_bytes]);
        fs::write(shards.join(std::ffi::OsStr::from_bytes(name)), file).expect("writes");
    }
    let pattern = shards.join("*.npy");
    let run = |embeddings: &std::path::Path, out: &str| {
        let mut command = crate::common::program();
        command.arg("metrics").arg(&place.hier).arg("--embeddings").arg(embeddings);
        let output = command.args(["--device", "cpu", "--out", arg(&place.at(out))]).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let record = fs::read(place.at(out).join("record.json")).expect("a record");
        serde_json::from_slice::<serde_json::Value>(&record).expect("JSON")
    };
    let (whole, parts) = (run(&place.embeddings, "whole"), run(&pattern, "parts"));
    assert_eq!(whole["levels"][0]["figures"]["inertia"], parts["levels"][0]["figures"]["inertia"]);
    let matched = serde_json::json!([{"pattern": arg(&pattern), "files": 2, "rows": 60}]);
    assert_eq!(parts["inputs"]["patterns"], matched);
    let second = parts["inputs"]["embeddings"][1]["path"].as_str().expect("text");
    assert!(second.starts_with("file:///") && second.ends_with("part-2%E9.npy"), "{second}");
    let log = fs::read_to_string(place.at("parts/log.txt")).expect("a log");
    assert!(log.contains("*.npy: 2 files, 60 rows"), "{log}");
    // config.yaml names the same files
    let mut command = crate::common::program();
    command.args(["metrics", "--config", arg(&place.at("parts/config.yaml")), "--out", arg(&place.at("again"))]);
    let output = command.output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
