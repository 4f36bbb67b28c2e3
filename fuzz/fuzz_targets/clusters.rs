//! Any file is read as clusters or refused, without a panic, a hang or much memory (libFuzzer's limit is 2 GB).
#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let file = FOLDER.path().join("x.pkl");
    std::fs::write(&file, content).expect("written");
    if let Ok(clusters) = clustrata::formats::pickle::read_clusters(&file) {
        let members: usize = clusters.iter().map(<[u64]>::len).sum();
        assert_eq!(members, clusters.members().len());
    }
});
