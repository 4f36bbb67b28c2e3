//! Rows that are read from copies on another disk: the same bytes, of exactly the rows that were asked for.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::{Embeddings, ReadOptions};

use crate::common::{files_below, scratch};
use crate::writers::{Matrix, singles};

fn opened(paths: &[PathBuf], options: &ReadOptions) -> Embeddings {
    let mut findings = Findings::new();
    let opened = Embeddings::open_with(paths, options, &mut findings);
    opened.unwrap_or_else(|| panic!("{}: {:?}", paths[0].display(), findings.kept()))
}

fn read(embeddings: &Embeddings, rows: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; embeddings.row_bytes() * usize::try_from(rows.end - rows.start).expect("small")];
    embeddings.read_rows(rows.start, &mut bytes).expect("reads");
    bytes
}

#[test]
fn any_rows_of_any_container_can_be_copied() {
    let matrix = Matrix::new(1031, 33);
    let (folder, disk) = (scratch(), scratch());
    for (number, written) in singles(&matrix, folder.path()).iter().enumerate() {
        let mut embeddings = opened(std::slice::from_ref(&written.path), &written.options);
        let name = written.path.display();
        let before = read(&embeddings, 0..1031);
        let row = embeddings.row_bytes() as u64;
        let node = disk.path().join(number.to_string());
        let copied = embeddings.copy_rows(&(100..700), &node, &|| Ok(())).expect("copies");
        let note = embeddings.files()[0].note.is_some();
        // what is unpacked anyway is not copied
        let expected = if note && copied.in_copies == 0 { 0 } else { 600 * row };
        assert_eq!((copied.copied, copied.in_copies, copied.no_room), (expected, expected, None), "{name}");
        assert!(read(&embeddings, 0..1031) == before, "{name}");
        for rows in [0..100, 99..101, 100..700, 650..800, 700..1031, 0..1] {
            let bytes = |row: u64| usize::try_from(row).expect("small") * embeddings.row_bytes();
            assert!(read(&embeddings, rows.clone()) == before[bytes(rows.start)..bytes(rows.end)], "{name}: {rows:?}");
        }
    }
}

#[test]
fn rows_are_read_from_the_copy_and_other_rows_from_the_source() {
    let matrix = Matrix::new(65, 3);
    let (folder, disk) = (scratch(), scratch());
    let written = singles(&matrix, folder.path());
    let path = &written[0].path;
    assert!(path.extension().is_some_and(|kind| kind == "npy"));
    let again = folder.path().join("again.npy");
    fs::copy(path, &again).expect("copied");
    // two files of 65 rows each: the rows reach from one into the other
    let both = [path.clone(), again];
    let mut embeddings = opened(&both, &written[0].options);
    let before = read(&embeddings, 0..130);
    let copied = embeddings.copy_rows(&(60..75), disk.path(), &|| Ok(())).expect("copies");
    assert_eq!((copied.copied, copied.in_copies), (15 * 12, 15 * 12));
    let copies = files_below(disk.path()).into_iter().filter(|name| name.ends_with(".rows"));
    assert_eq!(copies.count(), 2);
    for file in &both {
        let bytes = fs::read(file).expect("a file");
        fs::write(file, vec![0; bytes.len()]).expect("written");
    }
    let after = read(&embeddings, 0..130);
    assert!(after[60 * 12..75 * 12] == before[60 * 12..75 * 12]);
    assert!(after[..60 * 12].iter().chain(&after[75 * 12..]).all(|byte| *byte == 0));
}
