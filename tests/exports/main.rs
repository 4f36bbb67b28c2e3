//! `--parquet`: the points and the clusters, as other tools open them.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
#[cfg(feature = "parquet")]
mod found;
#[cfg(feature = "parquet")]
mod golden;
#[cfg(feature = "parquet")]
mod notebook;
#[cfg(feature = "parquet")]
mod points;
#[cfg(feature = "parquet")]
mod resumed;
#[cfg(feature = "parquet")]
mod thumbnails;

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_says_how_to_get_it() {
    let folder = common::scratch();
    let (hier, embeddings) = fixtures::clustering().write(folder.path());
    let out = folder.path().join("out");
    let ended = common::metrics(&hier, &embeddings, &out, &["--device", "cpu", "--allow-unassigned", "--parquet"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(2) && said.contains("default features"), "{said}");
    assert!(!out.exists());
}
