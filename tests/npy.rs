//! Corrupt `.npy` files, and headers in every form that Python accepts.

use std::path::Path;

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::Embeddings;
use clustrata::formats::npy::{Header, Matrix, parse_header, read_indices};
use proptest::collection::vec;
use proptest::prelude::*;

const FILE: &str = "some.npy";

/// Magic, version, length and text.
fn with_prefix(version: u8, text: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    if version == 1 {
        bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    } else {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    }
    bytes.extend(text.as_bytes());
    bytes
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\n]{0,3}"
}

/// The text of a header in any order, spacing and quoting, with its values.
fn header_text() -> impl Strategy<Value = (String, Header)> {
    let values = (any::<bool>(), vec(any::<u64>(), 0..5), "[<>|=][fiubOUSV][0-9]{0,2}");
    let form = (Just([0, 1, 2]).prop_shuffle(), vec(space(), 8), any::<bool>(), any::<bool>(), 1..=3_u8);
    (values, form).prop_map(|((fortran_order, shape, descr), (order, spaces, double, trailing, version))| {
        let quote = if double { '"' } else { '\'' };
        let joined = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(&format!(",{}", spaces[0]));
        let comma = if shape.len() == 1 || (trailing && !shape.is_empty()) { "," } else { "" };
        let entries = [
            format!("{quote}descr{quote}{}:{}{quote}{descr}{quote}", spaces[1], spaces[2]),
            format!("{quote}fortran_order{quote}:{}{}", spaces[3], if fortran_order { "True" } else { "False" }),
            format!("{quote}shape{quote}:{}({joined}{comma}{})", spaces[4], spaces[5]),
        ];
        let separator = format!("{},{}", spaces[6], spaces[7]);
        let body = order.map(|entry| entries[entry].as_str()).join(&separator);
        let end = if trailing { &separator } else { "" };
        let text = format!("{{{body}{end}}}{}\n", spaces[0]);
        let prefix: u64 = if version == 1 { 10 } else { 12 };
        let data_offset = prefix + text.len() as u64;
        (text, Header { descr, fortran_order, shape, data_offset, version: (version, 0) })
    })
}

/// A complete small matrix, so that a changed byte can hit header or data.
fn whole_file() -> Vec<u8> {
    let mut bytes = with_prefix(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }   \n");
    bytes.extend([0x3f; 48]);
    bytes
}

/// Passes a file to every reader of `.npy` files. Any result but a panic is fine.
fn read_every_way(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    std::fs::write(&path, bytes).unwrap();
    if let Ok(matrix) = Matrix::open(&path) {
        let view = matrix.view();
        let mut row = vec![0.0; view.cols()];
        (0..view.rows()).for_each(|r| view.copy_row(r, &mut row));
    }
    let _ = read_indices(&path);
    if let Some(embeddings) = Embeddings::open(&[path], &mut Findings::new()) {
        let rows = usize::try_from(embeddings.rows()).unwrap();
        embeddings.read_rows(0, &mut vec![0; rows * embeddings.row_bytes()]).unwrap();
    }
}

proptest! {
    #[test]
    fn any_valid_header_is_read((text, expected) in header_text(), data in vec(any::<u8>(), 0..9)) {
        let mut bytes = with_prefix(expected.version.0, &text);
        bytes.extend(&data);
        let mut reader = bytes.as_slice();
        let header = parse_header(&mut reader, Path::new(FILE)).unwrap_or_else(|finding| panic!("{text}\n{finding}"));
        prop_assert_eq!(header, expected);
        prop_assert_eq!(reader, data.as_slice(), "the reader must be left at the data");
    }

    #[test]
    fn a_cut_header_is_refused((text, expected) in header_text(), cut in any::<prop::sample::Index>()) {
        let bytes = with_prefix(expected.version.0, &text);
        let cut = cut.index(bytes.len());
        let finding = parse_header(&mut &bytes[..cut], Path::new(FILE)).unwrap_err().to_string();
        prop_assert!(finding.contains(FILE));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = parse_header(&mut bytes.as_slice(), Path::new(FILE));
        read_every_way(&bytes);
    }

    #[test]
    fn arbitrary_header_texts_never_panic(version in 1..=3_u8, text in "[{}()\\[\\]'\",:0-9a-zA-Z<>| \n\u{e9}]{0,120}") {
        read_every_way(&with_prefix(version, &text));
    }

    #[test]
    fn changed_bytes_never_panic(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = whole_file();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        read_every_way(&bytes);
    }

    #[test]
    fn any_shape_is_measured_against_the_file(rows in any::<u64>(), columns in any::<u64>()) {
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns})}}\n");
        let mut bytes = with_prefix(1, &text);
        bytes.extend([0; 48]);
        read_every_way(&bytes);
    }
}

#[test]
fn common_other_files_are_recognised() {
    for (bytes, wanted) in [
        (&b""[..], "an empty file"),
        (b"PK\x03\x04abcd", "a .npz"),
        (b"\x80\x04\x95abcde", "a pickle"),
        (b"\x93NUM", "cut off"),
        (b"hello world", "other content"),
        (b"\x93NUMPY\x04\x00\x10\x00\x00\x00", "version 4.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "at most"),
        (b"\x93NUMPY\x03\x00\x02\x00\x00\x00\xff\xff", "UTF-8"),
    ] {
        let finding = parse_header(&mut &*bytes, Path::new(FILE)).unwrap_err().to_string();
        assert!(finding.contains(wanted) && finding.contains(FILE), "{wanted}: {finding}");
    }
}
