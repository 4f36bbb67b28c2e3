//! Any file is read as a partial result or refused. The target computes a valid checksum of the directory, which a fuzzer would
//! not find, so that the checks after it are tested too.
#![no_main]

use std::sync::LazyLock;

use clustrata::formats::part_file::PartFile;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

const MAGIC: &[u8] = b"clustrata part file, version  1\n";

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let file = FOLDER.path().join("x.part");
    std::fs::write(&file, content).expect("written");
    let _ = PartFile::open(&file);
    // The first two bytes give the size of the arrays.
    let Some((split, content)) = content.split_first_chunk::<2>() else { return };
    let at = usize::from(u16::from_le_bytes(*split)).min(content.len());
    let (arrays, directory) = content.split_at(at);
    let length = (directory.len() as u64).to_le_bytes();
    let checksum = blake3::hash(&[MAGIC, directory, &length].concat());
    let bytes = [MAGIC, arrays, directory, &length, checksum.as_bytes()].concat();
    std::fs::write(&file, bytes).expect("written");
    if let Ok(part) = PartFile::glance(&file) {
        let _ = (part.read::<u32>("a"), part.read::<f64>("a"));
        let _ = PartFile::open(&file);
    }
});
