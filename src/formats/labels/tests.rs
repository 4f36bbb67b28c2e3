//! The formats, what is missing, and what is refused.

use std::path::Path;

use proptest::prelude::*;

use super::{LabelNames, Labels};
use crate::base::matrix::UNLABELLED;

fn read(extension: &str, content: &[u8], rows: u64) -> Result<Labels, String> {
    let file = tempfile::Builder::new().suffix(extension).tempfile().expect("a temporary file").into_temp_path();
    std::fs::write(&file, content).expect("written");
    Labels::read(&file, rows).map_err(|finding| finding.to_string())
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(dict.len()).expect("short").to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

fn labels(of_rows: &[u32], names: &[u64]) -> Result<Labels, String> {
    Ok(Labels { of_rows: of_rows.to_vec(), distinct: names.len(), names: LabelNames::Whole(names.into()) })
}

fn texts(of_rows: &[u32], names: &[&str]) -> Result<Labels, String> {
    let texts = names.iter().map(|name| (*name).to_owned()).collect();
    Ok(Labels { of_rows: of_rows.to_vec(), distinct: names.len(), names: LabelNames::Text(texts) })
}

#[test]
fn every_format_holds_the_same_labels() {
    let want = labels(&[0, 1, UNLABELLED, 0], &[7, 3]);
    assert_eq!(read(".npy", &npy("<i4", "(4,)", &[7_i32, 3, -1, 7].map(i32::to_le_bytes).concat()), 4), want);
    assert_eq!(read(".npy", &npy("|i1", "(4,)", &[7, 3, 255, 7]), 4), want);
    assert_eq!(read(".npy", &npy("|S2", "(4,)", b"7\x003\x00-17\x00"), 4), want);
    let utf32: Vec<u8> = "7\x003\x00-17\x00".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert_eq!(read(".npy", &npy("<U2", "(4,)", &utf32), 4), want);
    assert_eq!(read(".txt", b"7\n3\n-1\n7\n", 4), want);
    assert_eq!(read(".txt", b"\xef\xbb\xbf7\r\n3\r\n\r\n7", 4), want);
    assert_eq!(read(".csv", b"label\n7\n3\n\n7\n", 4), want, "an empty line is a row without a label");
    assert_eq!(read(".csv", b"label\r\n7\r\n3\r\n\r\n7\r\n", 4), want);
    assert_eq!(read(".csv", b"id,label\n1,7\n2,3\n3,\n4,7\n\n\n", 4), want);
    assert_eq!(read(".csv", b"id,label\n1,7\n2,3\n3,\n4,7\n", 4), want);
}

#[test]
fn texts_are_labels_as_they_are_written() {
    assert_eq!(read(".txt", b"a cat\ndog\n\na cat\n", 4), texts(&[0, 1, UNLABELLED, 0], &["a cat", "dog"]));
    assert_eq!(read(".txt", b"7\n07\n", 2), texts(&[0, 1], &["7", "07"]));
    assert_eq!(read(".csv", b"label\n\"x, y\"\nx\n", 2), texts(&[0, 1], &["x, y", "x"]));
}

#[test]
fn what_is_no_list_of_labels_is_refused() {
    for (extension, content, rows, part) in [
        (".npy", npy("<i4", "(1,)", &(-2_i32).to_le_bytes()), 1, "-2"),
        (".npy", npy("<f4", "(1,)", &[0; 4]), 1, "not a list of labels"),
        (".npy", npy("<i4", "(1, 1)", &[0; 4]), 1, "ravel"),
        (".npy", npy("|S2", "(1, 1)", b"ab"), 1, "ravel"),
        (".npy", npy("|S2", "(2,)", b"ab"), 2, "shorter"),
        (".npy", npy("|S2", "(1,)", b"\xff\xff"), 1, "not valid text"),
        (".npy", npy("|S2", "(9223372036854775807,)", b"ab"), 1, "impossible"),
        (".txt", b"a\nb\n".to_vec(), 3, "2 labels"),
        (".txt", b"\n-1\n".to_vec(), 2, "no row has a label"),
        (".txt", b"a\n\xff\n".to_vec(), 2, "UTF-8"),
        (".txt", b"a\0\n\0b\0\n\0".to_vec(), 2, "UTF-16"),
        (".csv", b"l\0a\0b\0e\0l\0\n\0a\0\n\0".to_vec(), 1, "UTF-16"),
        (".csv", b"id,label\n1,a\n\n2,b\n".to_vec(), 2, "an empty line"),
        (".csv", b"id,label\n1,a\n2\n".to_vec(), 2, "1 fields, but 2"),
        (".csv", b"labels\na\n".to_vec(), 1, "`label`"),
        (".json", b"[1]".to_vec(), 1, ".json"),
    ] {
        let refused = read(extension, &content, rows).expect_err(part);
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert!(Labels::read(Path::new("no/such/labels.txt"), 1).is_err_and(|f| f.to_string().contains("no/such")));
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..300)) {
        for extension in [".txt", ".csv", ".npy"] {
            let _ = read(extension, &content, 3);
        }
        let _ = read(".npy", &npy("|S3", "(3,)", &content), 3);
    }
}

#[test]
fn labels_are_texts_as_written() {
    let of_rows = vec![1, UNLABELLED, 0];
    let whole = Labels { of_rows: of_rows.clone(), distinct: 2, names: LabelNames::Whole([7, 30].into()) };
    let shown = |labels: &Labels| (0..4).map(|row| labels.text_of(row)).collect::<Vec<_>>();
    assert_eq!(shown(&whole), [Some("30".to_owned()), None, Some("7".to_owned()), None]);
    let names = LabelNames::Text(["a b".to_owned(), "007".to_owned()].into());
    assert_eq!(shown(&Labels { of_rows, distinct: 2, names })[0].as_deref(), Some("007"));
}
