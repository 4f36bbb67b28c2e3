//! Reads a file as embeddings, from both ends.

use std::sync::LazyLock;

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::{Embeddings, ReadOptions, Untyped};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

/// Rows that are read at a time, in bytes.
const MOST: u64 = 1 << 20;

pub fn rows(extension: &str, content: &[u8]) {
    let file = FOLDER.path().join("x").with_extension(extension);
    std::fs::write(&file, content).expect("written");
    let options = ReadOptions { untyped: Some(Untyped::Bf16), ..ReadOptions::default() };
    let Some(embeddings) = Embeddings::open_with(&[file], &options, &mut Findings::new()) else { return };
    let row_bytes = embeddings.row_bytes() as u64;
    if row_bytes > MOST {
        return;
    }
    let rows = embeddings.rows().min(MOST / row_bytes);
    let mut out = vec![0; (rows * row_bytes) as usize];
    for first in [0, embeddings.rows() - rows] {
        let _ = embeddings.read_rows(first, &mut out);
    }
}
