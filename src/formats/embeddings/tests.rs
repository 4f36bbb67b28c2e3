#![expect(clippy::print_stderr, reason = "a skipped test says why")]

use super::*;
use tempfile::TempDir;

/// Writes a `.npy` of `data`, version 1.
fn write(folder: &TempDir, name: &str, descr: &str, fortran: bool, shape: &str, data: &[u8]) -> PathBuf {
    let order = if fortran { "True" } else { "False" };
    let dict = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(dict.len()).unwrap().to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// `rows` rows of 3 `f4`. Each value is its index in the whole matrix.
fn part(folder: &TempDir, name: &str, first: u16, rows: u16) -> PathBuf {
    let data: Vec<u8> = (3 * first..3 * (first + rows)).flat_map(|v| f32::from(v).to_le_bytes()).collect();
    write(folder, name, "<f4", false, &format!("({rows}, 3)"), &data)
}

fn refusal(paths: &[PathBuf]) -> String {
    let mut findings = Findings::new();
    assert!(Embeddings::open(paths, &mut findings).is_none());
    findings.into_result().unwrap_err().to_string()
}

#[test]
fn several_files_are_one_matrix_for_many_threads() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [part(&folder, "a.npy", 0, 5), part(&folder, "b.npy", 5, 1), part(&folder, "c.npy", 6, 7)];
    let embeddings = Embeddings::open(&paths, &mut Findings::new()).unwrap();
    assert_eq!((embeddings.rows(), embeddings.dim(), embeddings.dtype()), (13, 3, Dtype::F32));
    assert_eq!(embeddings.files().iter().map(|file| file.rows).collect::<Vec<_>>(), [5, 1, 7]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for first in 0..=13_u16 {
                    for count in 0..=13 - first {
                        let mut out = vec![0xff; usize::from(count) * embeddings.row_bytes()];
                        embeddings.read_rows(first.into(), &mut out).unwrap();
                        let values = 3 * first..3 * (first + count);
                        let expected: Vec<u8> = values.flat_map(|v| f32::from(v).to_le_bytes()).collect();
                        assert_eq!(out, expected, "{count} rows from {first}");
                    }
                }
            });
        }
    });
}

#[test]
fn more_files_than_are_kept_open() {
    let folder = tempfile::tempdir().unwrap();
    let rows = u16::try_from(KEPT_OPEN + 3).unwrap();
    let paths: Vec<_> = (0..rows).map(|row| part(&folder, &format!("{row}.npy"), row, 1)).collect();
    let embeddings = Embeddings::open(&paths, &mut Findings::new()).unwrap();
    let last = embeddings.files().last().unwrap();
    assert!(format!("{:?}", last.reader).contains("handle: None"), "opened for each read");
    let mut out = vec![0; usize::from(rows) * 12];
    embeddings.read_rows(0, &mut out).unwrap();
    assert_eq!(out, (0..3 * rows).flat_map(|v| f32::from(v).to_le_bytes()).collect::<Vec<u8>>());
}

#[test]
fn reading_past_the_end_or_after_a_truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = part(&folder, "a.npy", 0, 5);
    let embeddings = Embeddings::open(std::slice::from_ref(&path), &mut Findings::new()).unwrap();
    for (first, bytes) in [(5, 12), (0, 72), (u64::MAX, 12), (0, 13)] {
        let error = embeddings.read_rows(first, &mut vec![0; bytes]).unwrap_err().to_string();
        assert!(error.contains("past the end"), "{error}");
    }
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 13).unwrap();
    embeddings.read_rows(0, &mut [0; 36]).unwrap();
    let error = embeddings.read_rows(2, &mut [0; 36]).unwrap_err().to_string();
    let end = format!("13 more bytes at byte {}", length - 13);
    assert!(error.contains(&end) && error.contains("a.npy"), "{error}");
}

#[test]
fn every_refusal_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (descr, fortran, shape, bytes, wrong, hint) in [
        ("|O", false, "(7,)", 24, "Python objects", "np.stack(a)"),
        ("|O", false, "(2,)", 24, "Python objects", "a[0]"),
        ("<i2", true, "(4, 3)", 24, "not floats", "a.astype('<f4')"),
        (">i8", false, "(1, 3)", 24, "not floats", "a.astype('<f4')"),
        ("<f4", false, "(6,)", 24, "not a matrix", "numpy.stack"),
        ("<f4", false, "(1, 2, 3)", 24, "not a matrix", "reshape"),
        ("<f4", false, "()", 4, "not a matrix", "reshape"),
        ("|b1", false, "(8, 3)", 24, "not floats", "astype"),
        ("|V2", false, "(4, 3)", 24, "not floats", "--dtype bf16"),
        ("<f4", false, "(0, 3)", 0, "empty", "leave it out"),
        ("<f4", false, "(3, 0)", 0, "empty", "check what wrote"),
        ("<f4", false, "(2, 3)", 23, "shorter than its header", "cut off"),
        ("<f4", false, "(2, 3)", 25, "longer than its header", "numpy.save"),
        ("<f4", false, "(1152921504606846976, 3)", 24, "shorter than its header", "cut off"),
        ("<f4", false, "(1152921504606846976, 1152921504606846976)", 24, "impossible", ""),
        ("<f4", false, "(1, 18446744073709551615)", 24, "address space", ""),
    ] {
        let message = refusal(&[write(&folder, "e.npy", descr, fortran, shape, &vec![0; bytes])]);
        assert!(message.contains(wrong) && message.contains(hint), "{descr} {shape}: {message}");
        assert!(message.contains("e.npy") && message.contains("expected:") && message.contains("found:"), "{message}");
    }
    assert!(refusal(&[]).contains("no embeddings were named"));
    assert!(refusal(&[folder.path().to_owned()]).contains("a folder"));
    assert!(refusal(&[folder.path().join("missing.npy")]).contains("missing.npy"));
}

#[test]
fn all_files_are_checked_and_must_agree() {
    let folder = tempfile::tempdir().unwrap();
    let good = part(&folder, "good.npy", 0, 2);
    let wide = write(&folder, "wide.npy", "<f4", false, "(1, 4)", &[0; 16]);
    let half = write(&folder, "half.npy", "<f2", false, "(1, 3)", &[0; 6]);
    let short = write(&folder, "short.npy", "<f4", false, "(1, 3)", &[0; 11]);
    let message = refusal(&[good.clone(), wide, half, short]);
    assert!(message.contains("3 columns of <f4, as in") && message.contains("4 columns of <f4"), "{message}");
    assert!(message.contains("3 columns of <f2") && message.contains("short.npy"), "{message}");
    let one_row = write(&folder, "one_row.npy", "<f4", true, "(1, 3)", &[0; 12]);
    let embeddings = Embeddings::open(&[good, one_row], &mut Findings::new()).unwrap();
    assert_eq!(embeddings.rows(), 3, "a single row is the same in both orders");
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = part(&folder, "secret.npy", 0, 2);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        eprintln!("skipped: this user can read files without permission");
        return;
    }
    let message = refusal(&[path]);
    assert!(message.contains("secret.npy") && message.contains("permissions"), "{message}");
}
