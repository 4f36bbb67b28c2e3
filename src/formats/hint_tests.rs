//! Runs every hint that is a command, and reads what it wrote. Needs NumPy and PyArrow: `script/test` sets
//! `CLUSTRATA_PYTHON`.

use std::path::Path;
use std::process::Command;

use super::embeddings::Embeddings;
use super::labels::{LabelNames, Labels};
use super::npy::{Matrix, read_indices};
use crate::base::error::Findings;

/// Saves `array`, a Python expression, as an awkwardly named file.
fn saved(python: &str, folder: &Path, array: &str) -> std::path::PathBuf {
    let path = folder.join("it's $HOME [1].npy");
    let code = format!("import numpy as np, sys; np.save(sys.argv[1], {array})");
    let status = Command::new(python).args(["-c", &code]).arg(&path).status().expect("Python starts");
    assert!(status.success(), "{array}");
    path
}

/// Runs the command of a finding. Returns the file that it wrote.
fn run(python: &str, finding: &str, path: &Path) -> std::path::PathBuf {
    let at = finding.find("python -c ").unwrap_or_else(|| panic!("no command: {finding}"));
    let command = finding[at..].lines().next().expect("a line");
    let command =
        command.split(", or with").next().expect("a command").split("; if it is two rows").next().expect("one");
    execute(&command.replacen("python", &format!("'{python}'"), 1));
    path.with_extension("fixed.npy")
}

fn execute(command: &str) {
    let output = Command::new("sh").args(["-c", command]).output().expect("a shell");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {error}");
    assert!(!error.contains("Warning"), "{command}: {error}");
}

fn embeddings(path: &Path) -> Result<(u64, Vec<u8>), String> {
    let mut findings = Findings::new();
    let opened = Embeddings::open(&[path.to_owned()], &mut findings);
    let Some(opened) = opened else { return Err(findings.kept()[0].to_string()) };
    let mut bytes = vec![0; opened.row_bytes()];
    opened.read_rows(0, &mut bytes).expect("a row");
    Ok((opened.rows(), bytes))
}

#[test]
fn every_command_for_embeddings_works() {
    let Ok(python) = std::env::var("CLUSTRATA_PYTHON") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let row: Vec<u8> = [1.0_f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    for array in [
        "np.array([[1, -2], [3, 4]])",
        "np.asfortranarray(np.array([[1, -2], [3, 4]], '>i4'))",
        "np.array([(1, -2), (3, 4)], [('x', '<f4'), ('y', '<i2')])",
        "np.array([(7, (1, -2)), (8, (3, 4))], [('id', '<i8'), ('vector', '<f4', (2,))])",
        "np.array([[1 + 1j, -2], [3, 4]])",
        "np.array([[[1], [-2]], [[3], [4]]], '<f4')",
        "np.array([[1, -2], [3, 4], [5, 6]], object)",
        "np.fromiter((np.array(v, '<f4') for v in [(1, -2), (3, 4), (5, 6)]), object)",
    ] {
        let path = saved(&python, folder.path(), array);
        let mut read = embeddings(&path);
        for _ in 0..2 {
            let Err(finding) = &read else { break };
            let fixed = run(&python, finding, &path);
            std::fs::rename(fixed, &path).expect("moved");
            read = embeddings(&path);
        }
        let (rows, bytes) = read.unwrap_or_else(|finding| panic!("{array}: {finding}"));
        assert!(rows >= 2 && bytes == row, "{array}: {rows} rows, {bytes:?}");
    }
    for array in ["np.array([['a', 'b']])", "np.array([[1]], '<m8[s]')", "np.zeros((2, 2), 'V3')", "np.float32(1)"] {
        let finding = embeddings(&saved(&python, folder.path(), array)).expect_err(array);
        assert!(!finding.contains("python -c"), "{array}: {finding}");
    }
}

#[test]
fn every_command_for_labels_and_row_numbers_works() {
    let Ok(python) = std::env::var("CLUSTRATA_PYTHON") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let none = crate::base::matrix::UNLABELLED;
    for (array, want) in [
        ("np.array([0.2, np.nan, 0.7, 0.2])", [0, none, 1, 0]),
        ("np.array([[0.0], [np.nan], [1], [0]], '<f4')", [0, none, 1, 0]),
        ("np.array(['a', None, 'b', 'a'], object)", [0, none, 1, 0]),
        ("np.array([5, np.nan, 'b', 5], object)", [0, none, 1, 0]),
        ("np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]])", [0, none, 1, 0]),
        ("np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]], '<f4')", [0, none, 1, 0]),
        ("np.array([[3], [-1], [4], [3]])", [0, none, 1, 0]),
        ("np.array([True, True, False, True])", [0, 0, 1, 0]),
        ("np.array([b'\\xe9', b'', b'b', b'\\xe9'])", [0, none, 1, 0]),
    ] {
        let path = saved(&python, folder.path(), array);
        let finding = Labels::read(&path, 4).expect_err(array).to_string();
        let labels =
            Labels::read(&run(&python, &finding, &path), 4).unwrap_or_else(|finding| panic!("{array}: {finding}"));
        assert_eq!(labels.of_rows, want, "{array}");
    }
    let path = saved(&python, folder.path(), "np.array([0.2, np.nan, 0.7, 0.2])");
    let finding = Labels::read(&path, 4).expect_err("floats").to_string();
    let labels = Labels::read(&run(&python, &finding, &path), 4).expect("texts");
    assert_eq!(labels.names, LabelNames::Text(["0.2".to_owned(), "0.7".to_owned()].as_slice().into()));
    for array in
        ["np.array([False, True, True])", "np.array([[1], [2]])", "np.array([1.0, 2])", "np.array([1, 2], object)"]
    {
        let path = saved(&python, folder.path(), array);
        let finding = read_indices(&path).expect_err(array).to_string();
        assert_eq!(read_indices(&run(&python, &finding, &path)), Ok(vec![1, 2]), "{array}");
    }
    for array in
        ["np.array([[1, 2]])", "(np.array([[1, 2]], '<f4').view(np.uint32) >> 16).astype(np.uint16).view('V2')"]
    {
        let path = saved(&python, folder.path(), array);
        let finding = Matrix::open(&path).map(drop).expect_err(array).to_string();
        Matrix::open(&run(&python, &finding, &path)).unwrap_or_else(|finding| panic!("{array}: {finding}"));
    }
}

#[cfg(unix)]
#[test]
fn the_command_for_utf_16_works() {
    let folder = tempfile::tempdir().expect("a folder");
    for (mark, little) in [("\u{feff}", true), ("\u{feff}", false), ("", true), ("", false)] {
        for (name, text) in [("it's $HOME [1].txt", "a\n\u{e9}\na\n"), ("it's $HOME [1].csv", "label\na\n\u{e9}\na\n")]
        {
            let path = folder.path().join(name);
            let units = mark.encode_utf16().chain(text.encode_utf16());
            let bytes = units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
            std::fs::write(&path, bytes.collect::<Vec<u8>>()).expect("writes");
            let finding = Labels::read(&path, 3).expect_err("UTF-16").to_string();
            let at = finding.find("iconv ").unwrap_or_else(|| panic!("no command: {finding}"));
            execute(finding[at..].lines().next().expect("a line"));
            let extension = format!("utf8.{}", &name[name.len() - 3..]);
            let labels = Labels::read(&path.with_extension(extension), 3).expect("labels");
            assert_eq!(labels.of_rows, [0, 1, 0], "{finding}");
            let names = LabelNames::Text(["a".to_owned(), "\u{e9}".to_owned()].as_slice().into());
            assert_eq!(labels.names, names, "{finding}");
        }
    }
}
