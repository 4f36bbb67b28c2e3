//! The same matrix in every container: the same bytes, at any position, on any number of threads.

use std::path::Path;

use clustrata::base::error::Findings;
use clustrata::base::matrix::Dtype;
use clustrata::formats::embeddings::Embeddings;

use crate::common::{Draw, scratch};
use crate::writers::{Matrix, Written, doubles, halves, singles};

fn opened(written: &Written) -> Embeddings {
    let mut findings = Findings::new();
    let paths = std::slice::from_ref(&written.path);
    let opened = Embeddings::open_with(paths, &written.options, &mut findings);
    opened.unwrap_or_else(|| panic!("{}: {:?}", written.path.display(), findings.kept()))
}

fn all(embeddings: &Embeddings) -> Vec<u8> {
    let mut bytes = vec![0xff; embeddings.row_bytes() * usize::try_from(embeddings.rows()).expect("small")];
    embeddings.read_rows(0, &mut bytes).expect("reads");
    bytes
}

type WriteAll = fn(&Matrix, &Path) -> Vec<Written>;
const TYPES: [(Dtype, WriteAll); 3] = [(Dtype::F16, halves), (Dtype::F32, singles), (Dtype::F64, doubles)];

#[test]
fn every_container_delivers_the_same_bytes() {
    for (rows, dim) in [(1, 1), (1, 33), (3, 2), (65, 1), (65, 33), (1031, 1), (1031, 2), (1031, 33)] {
        let matrix = Matrix::new(rows, dim);
        for (dtype, write) in TYPES {
            let folder = scratch();
            let written = write(&matrix, folder.path());
            let expected = all(&opened(&written[0]));
            for written in &written {
                let embeddings = opened(written);
                let name = format!("{rows} x {dim}, {}", written.path.display());
                assert_eq!(
                    (embeddings.rows(), embeddings.dim(), embeddings.dtype()),
                    (rows as u64, dim, dtype),
                    "{name}"
                );
                assert!(all(&embeddings) == expected, "{name}");
            }
        }
    }
}

#[test]
fn another_value_is_noticed() {
    let mut matrix = Matrix::new(65, 3);
    let folders = [scratch(), scratch()];
    let before = singles(&matrix, folders[0].path());
    let expected = all(&opened(&before[0]));
    *matrix.values.last_mut().expect("a value") ^= 1;
    for written in singles(&matrix, folders[1].path()) {
        assert!(all(&opened(&written)) != expected, "{}", written.path.display());
    }
}

#[test]
fn threads_read_at_random_positions() {
    let matrix = Matrix::new(1031, 7);
    let folder = scratch();
    let written = singles(&matrix, folder.path());
    let expected = all(&opened(&written[0]));
    let row_bytes = 7 * 4;
    for written in &written {
        let embeddings = opened(written);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (embeddings, expected) = (&embeddings, &expected);
                scope.spawn(move || {
                    let mut draw = Draw(thread);
                    for _ in 0..60 {
                        let first = draw.below(1031);
                        let count = 1 + draw.below((1031 - first).min(300));
                        let mut out = vec![0xff; count * row_bytes];
                        embeddings.read_rows(first as u64, &mut out).expect("reads");
                        assert!(out == expected[first * row_bytes..][..out.len()], "{count} rows from {first}");
                    }
                });
            }
        });
    }
}

#[test]
fn several_containers_form_one_matrix() {
    let (first, second) = (Matrix::new(65, 3), Matrix::new(1031, 3));
    let folders = [scratch(), scratch()];
    let (one, two) = (singles(&first, folders[0].path()), singles(&second, folders[1].path()));
    let expected = [all(&opened(&one[0])), all(&opened(&two[0]))].concat();
    // the last is a Parquet file where there is Parquet
    let paths = [one.last().expect("one").path.clone(), two[7].path.clone()];
    let mut findings = Findings::new();
    let joined = Embeddings::open(&paths, &mut findings).expect("opens");
    assert!(all(&joined) == expected);
    // 4 bytes and 2 bytes an element are no matrix
    let halves = halves(&second, folders[1].path());
    assert!(Embeddings::open(&[paths[0].clone(), halves[0].path.clone()], &mut findings).is_none());
    assert!(findings.kept()[0].to_string().contains("differ in columns or type"));
}
