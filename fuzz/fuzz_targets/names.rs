//! Any file is read as image names or refused. The first byte chooses the extension.
#![no_main]

use std::sync::LazyLock;

use clustrata::formats::names::Names;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let Some((choice, content)) = content.split_first() else { return };
    let extension = ["pkl", "npy", "txt", "csv", "parquet"][usize::from(choice % 5)];
    let file = FOLDER.path().join("x").with_extension(extension);
    std::fs::write(&file, content).expect("written");
    if let Ok(names) = Names::open(&file)
        && let Some(last) = names.len().checked_sub(1)
    {
        let read = names.read(&[last, 0]);
        // The strings of an array are checked only when they are read.
        let array = content.starts_with(b"\x93NUMPY");
        assert!(read.is_ok_and(|read| read.len() == 2) || array, "what was opened can be read");
    }
});
