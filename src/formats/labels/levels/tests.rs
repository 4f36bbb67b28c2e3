//! Numbers, texts and what is missing; anything is read or refused.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::number::{clusters, is_missing, whole};
use super::{Assignment, label_files, read_assignments};
use crate::base::error::Findings;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;

fn read(extension: &str, content: &[u8]) -> Result<Vec<Assignment>, String> {
    let file = tempfile::Builder::new().suffix(extension).tempfile().expect("a temporary file").into_temp_path();
    std::fs::write(&file, content).expect("written");
    let mut findings = Findings::new();
    let levels = read_assignments(&[file.to_path_buf()], &[], None, &mut findings);
    levels.ok_or_else(|| findings.into_result().expect_err("a finding").to_string())
}

#[test]
fn numbers_are_clusters_and_texts_are_numbered() {
    let of = |content: &[u8]| {
        let level = read(".txt", content).expect("labels").remove(0);
        (level.of_rows.clone(), level.clusters, level.names.is_some())
    };
    assert_eq!(of(b"7\n3\n-1\n\n7.0\n"), (vec![7, 3, UNLABELLED, UNLABELLED, 7], 8, false));
    assert_eq!(of(b"b\na\n-1\nnan\nb\n"), (vec![0, 1, UNLABELLED, UNLABELLED, 0], 2, true));
    // numbers with zeros in front are names
    assert_eq!(of(b"007\n7\n"), (vec![0, 1], 2, true));
    assert_eq!(of(b"1 0\n2 0\n").1, 3);
}

#[test]
fn whole_numbers_may_be_written_as_floats() {
    for (text, number) in
        [("3", Some(3)), ("3.0", Some(3)), ("3.000e+00", Some(3)), ("0.0", Some(0)), ("1e3", Some(1000))]
    {
        assert_eq!(whole(text), number, "{text}");
    }
    for text in ["", "a", "3.5", "007", "+3", "inf", "1e400", "-3", "0x1", "99999999999999999999"] {
        assert_eq!(whole(text), None, "{text}");
    }
    assert!(["", "-1", "-1.0", "-1.000e+00", "NaN", "nan"].into_iter().all(is_missing));
    assert!(!["-2", "-", "0", "none", "nano"].into_iter().any(is_missing));
}

#[test]
fn cluster_numbers_are_bounded_by_the_rows() {
    let file = Path::new("labels.npy");
    assert_eq!(clusters(None, 5, file), Ok(0));
    assert_eq!(clusters(Some(65_535), 5, file), Ok(65_536));
    assert_eq!(clusters(Some(99_999), 100_000, file), Ok(100_000));
    assert!(clusters(Some(65_536), 5, file).is_err());
    // the largest 32-bit numbers are no clusters, however many rows there are
    let most = u64::from(u32::MAX);
    assert_eq!(clusters(Some(most - 2), u64::MAX, file), Ok(to_usize(most - 1)));
    assert!(clusters(Some(most - 1), u64::MAX, file).is_err() && clusters(Some(most), u64::MAX, file).is_err());
}

#[test]
fn a_path_names_a_folder_or_files_of_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a,b");
    std::fs::write(&file, "0\n").expect("written");
    assert_eq!(label_files(folder.path()), None);
    assert_eq!(label_files(&file), Some(vec![file.clone()]), "a comma in the name of a file");
    assert_eq!(label_files(Path::new("x.npy,y.csv")), Some(vec![PathBuf::from("x.npy"), PathBuf::from("y.csv")]));
    assert_eq!(label_files(Path::new("no/such/folder")), None);
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..300)) {
        for extension in [".txt", ".csv", ".npy"] {
            let _ = read(extension, &content);
        }
        for (descr, shape) in [("<f8", "(3, 2)"), ("|S3", "(3,)"), ("<i2", "(9223372036854775807, 2)"), (">f2", "(0, 1)")] {
            let dict = format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': {shape}, }}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend(u16::try_from(dict.len()).expect("short").to_le_bytes());
            bytes.extend(dict.as_bytes());
            bytes.extend(&content);
            let _ = read(".npy", &bytes);
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_has_a_column_per_level() {
    use crate::formats::parquet::{Cells, write};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.parquet");
    let column = |name: &str, cells| (name.to_owned(), cells);
    let fine = Cells::Whole(vec![Some(2), Some(0), None, Some(-1)]);
    // as pandas writes whole numbers where some are missing
    let coarse = Cells::Real(vec![Some(1.0), Some(0.0), Some(f64::NAN), None]);
    let texts = Cells::Text(vec![Some("b".to_owned()), Some("a".to_owned()), None, Some("b".to_owned())]);
    let columns = [column("level2", coarse), column("other", texts), column("level1", fine)];
    write(&path, &columns).expect("written");
    let read = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        let mut findings = Findings::new();
        let levels = read_assignments(std::slice::from_ref(&path), &wanted, Some(4), &mut findings);
        levels
            .map(|levels| levels.into_iter().map(|level| (level.of_rows, level.clusters)).collect::<Vec<_>>())
            .ok_or_else(|| findings.into_result().expect_err("a finding").to_string())
    };
    let (fine, coarse) = ((vec![2, 0, UNLABELLED, UNLABELLED], 3), (vec![1, 0, UNLABELLED, UNLABELLED], 2));
    assert_eq!(read(&[]), Ok(vec![fine.clone(), coarse.clone()]));
    assert_eq!(read(&["level2", "level1"]), Ok(vec![coarse, fine]));
    assert_eq!(read(&["other"]), Ok(vec![(vec![0, 1, UNLABELLED, 0], 2)]));
    let missing = read(&["third"]).expect_err("no such column");
    assert!(missing.contains("third") && missing.contains("--level-columns"), "{missing}");
    std::fs::write(&path, b"PAR1 and nothing else").expect("written");
    assert!(read(&[]).expect_err("damaged").contains("damaged"));
}
