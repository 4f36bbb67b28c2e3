//! Fingerprints of input files: they depend on size and hashed bytes, and on nothing else.

mod common;

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use clustrata::base::error::Kind;
use clustrata::formats::fingerprint::FileFingerprint;

const BLOCK: usize = 64 << 10;

fn of(path: &Path) -> FileFingerprint {
    FileFingerprint::of(path).expect("a file")
}

/// Bytes without a period that could match the blocks.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(next).collect()
}

/// Writes one byte into a file, in place.
fn put(path: &Path, offset: usize, byte: u8) {
    let mut file = File::options().write(true).open(path).expect("opened");
    file.seek(SeekFrom::Start(offset as u64)).expect("there");
    file.write_all(&[byte]).expect("written");
}

#[test]
fn a_copy_has_the_same_content_and_its_own_path() {
    let folder = common::scratch();
    let [first, second] = ["a.npy", "b.npy"].map(|name| folder.path().join(name));
    for length in [0, 1, 8 << 20, (8 << 20) + 1, 9_000_001] {
        let content = noise(length);
        fs::write(&first, &content).expect("written");
        fs::copy(&first, &second).expect("copied");
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&second).and_then(|file| file.set_modified(old)).expect("a time");
        let [a, b] = [of(&first), of(&second)];
        assert!(a.same_content(&b), "{length}");
        assert_ne!(a, b);
        assert!(a.path.is_absolute() && a.path.ends_with("a.npy"));
        assert_eq!((b.bytes, b.modified.as_deref()), (length as u64, Some("2001-09-09T01:46:40Z")));
        // One byte more, in a part that is not hashed.
        fs::write(&second, [&content[..], &[0]].concat()).expect("written");
        assert!(!a.same_content(&of(&second)), "{length}");
    }
}

/// All machines and versions must agree, so this test repeats the definition.
#[test]
fn the_checksum_is_the_documented_one() {
    let folder = common::scratch();
    let path = folder.path().join("a.npy");
    for length in [1000, 9_000_001] {
        let content = noise(length);
        fs::write(&path, &content).expect("written");
        let mut looked_at = (length as u64).to_le_bytes().to_vec();
        if length <= 8 << 20 {
            looked_at.extend(&content);
        } else {
            for i in 0..64 {
                let offset = (length - BLOCK) * i / 63;
                looked_at.extend(&content[offset..offset + BLOCK]);
            }
        }
        assert_eq!(of(&path).checksum, blake3::hash(&looked_at).to_hex().to_string());
    }
}

#[test]
fn a_changed_byte_is_noticed_where_blocks_are() {
    let folder = common::scratch();
    let path = folder.path().join("a.npy");
    let content = noise(12_000_000);
    fs::write(&path, &content).expect("written");
    let whole = of(&path);
    let noticed = |offset: usize| {
        put(&path, offset, content[offset] ^ 1);
        let same = whole.same_content(&of(&path));
        put(&path, offset, content[offset]);
        !same
    };
    for block in [0, 1, 31, 62, 63] {
        let offset = (content.len() - BLOCK) * block / 63;
        assert!(noticed(offset) && noticed(offset + BLOCK - 1), "block {block}");
    }
    // The documentation says that the bytes between two blocks are not hashed.
    assert!(!noticed(BLOCK) && !noticed(content.len() - BLOCK - 1));
    assert!(whole.same_content(&of(&path)));
}

#[test]
fn every_byte_of_a_small_file_counts() {
    let folder = common::scratch();
    let path = folder.path().join("a.npy");
    let content = noise(300);
    fs::write(&path, &content).expect("written");
    let whole = of(&path);
    for (offset, &byte) in content.iter().enumerate() {
        put(&path, offset, byte ^ 1);
        assert!(!whole.same_content(&of(&path)), "byte {offset}");
        put(&path, offset, byte);
    }
    assert!(whole.same_content(&of(&path)));
    let large = noise(8 << 20);
    fs::write(&path, &large).expect("written");
    let whole = of(&path);
    put(&path, BLOCK + 1, large[BLOCK + 1] ^ 1);
    assert!(!whole.same_content(&of(&path)));
}

/// A sparse file of 3 GB, of which 4 MB are read.
#[test]
fn a_large_file_is_not_read_as_a_whole() {
    let folder = common::scratch();
    let path = folder.path().join("a.npy");
    let file = File::create(&path).expect("created");
    let size = 3_000_000_128;
    file.set_len(size).expect("sized");
    let zeros = of(&path);
    assert_eq!(zeros.bytes, size);
    let mut expected = size.to_le_bytes().to_vec();
    expected.resize(8 + 64 * BLOCK, 0);
    assert_eq!(zeros.checksum, blake3::hash(&expected).to_hex().to_string());
    file.set_len(size - 1).expect("sized");
    assert!(!zeros.same_content(&of(&path)));
}

#[test]
fn a_missing_file_and_a_folder_are_refused_by_name() {
    let folder = common::scratch();
    let missing = folder.path().join("missing.npy");
    for (path, wanted) in [(missing.as_path(), "missing.npy"), (folder.path(), "a folder")] {
        let error = FileFingerprint::of(path).expect_err("no file");
        assert_eq!(error.kind(), Kind::Input);
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    let folder = common::scratch();
    let [file, link] = ["a.npy", "link.npy"].map(|name| folder.path().join(name));
    fs::write(&file, noise(100)).expect("written");
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    assert!(of(&file).same_content(&of(&link)));
    assert!(of(&link).path.ends_with("link.npy"));
    fs::remove_file(&file).expect("removed");
    assert!(FileFingerprint::of(&link).is_err());
}

/// A record with an odd path can be written, and the compared fields are read back.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_unicode_can_be_recorded() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = common::scratch();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff.npy"));
    fs::write(&path, "x").expect("written");
    let identity = of(&path);
    let text = serde_json::to_string(&identity).expect("JSON");
    let again: FileFingerprint = serde_json::from_str(&text).expect("what was written");
    assert!(again.same_content(&identity) && again.path.ends_with("\u{fffd}.npy"));
}
