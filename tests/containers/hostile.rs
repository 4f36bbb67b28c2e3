//! Damaged files: whatever the bytes, a file is read or refused, without a panic and with bounded memory.

use std::fs;
use std::path::Path;

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::{Embeddings, ReadOptions, Untyped};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{npy_header, scratch};
use crate::counting::peak;
use crate::writers::{Matrix, Member, Written, f32_le, singles, zip};

/// Most memory that a refused file may take.
const MOST: isize = 8 << 20;

/// Opens a file and reads some of its rows. Any result but a panic is fine.
fn read(path: &Path) -> Result<(), String> {
    let mut findings = Findings::new();
    let scratch = path.parent().map(Path::to_owned);
    let options = ReadOptions { scratch, untyped: Some(Untyped::Bf16), ..ReadOptions::default() };
    let Some(embeddings) = Embeddings::open_with(&[path.to_owned()], &options, &mut findings) else {
        return Err(findings.kept()[0].to_string());
    };
    if embeddings.row_bytes() > 1 << 20 {
        return Ok(());
    }
    for first in [0, embeddings.rows() / 2, embeddings.rows() - 1] {
        let rows = (embeddings.rows() - first).min(64);
        let mut out = vec![0; usize::try_from(rows).expect("small") * embeddings.row_bytes()];
        embeddings.read_rows(first, &mut out).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn with_bytes(name: &str, content: &[u8]) -> Result<(), String> {
    let folder = scratch();
    let path = folder.path().join(name);
    fs::write(&path, content).expect("writes");
    read(&path)
}

const EXTENSIONS: [&str; 10] =
    ["npy", "npz", "parquet", "safetensors", "fbin", "f16bin", "u8bin", "i8bin", "fvecs", "bvecs"];

/// Small files of every container.
fn good() -> Vec<(String, Vec<u8>)> {
    let folder = scratch();
    let written = singles(&Matrix::new(40, 3), folder.path());
    let name = |written: &Written| written.path.file_name().expect("a name").to_string_lossy().into_owned();
    written.iter().map(|written| (name(written), fs::read(&written.path).expect("reads"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), which in 0..EXTENSIONS.len()) {
        let _ = with_bytes(&format!("x.{}", EXTENSIONS[which]), &bytes);
    }

    #[test]
    fn any_bytes_after_the_magic_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), which in 0..4_usize) {
        let magic: [&[u8]; 4] = [b"PK\x03\x04", b"PAR1", b"\x93NUMPY\x01\x00", b"\x20\x00\x00\x00\x00\x00\x00\x00{\"a\":"];
        let tail: &[u8] = if which == 1 { b"\x10\x00\x00\x00PAR1" } else { b"" };
        let _ = with_bytes("x.unknown", &[magic[which], &bytes, tail].concat());
    }

    #[test]
    fn changed_bytes_are_read_or_refused(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        for (name, mut bytes) in good() {
            for (index, byte) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = with_bytes(&name, &bytes);
        }
    }

    #[test]
    fn changed_ends_are_read_or_refused(changes in vec((0..400_usize, any::<u8>()), 1..4), cut in 0..12_usize) {
        // directory and footer, where the positions are
        for (name, mut bytes) in good() {
            bytes.truncate(bytes.len() - cut);
            for (index, byte) in &changes {
                let at = bytes.len() - 1 - index % bytes.len();
                bytes[at] = *byte;
            }
            let _ = with_bytes(&name, &bytes);
        }
    }
}

#[test]
fn cut_files_are_refused() {
    for (name, bytes) in good() {
        // a file of vectors may end after any row
        if name.ends_with("vecs") {
            continue;
        }
        for cut in [1, 2, 7, bytes.len() / 2, bytes.len() - 1] {
            let refused = with_bytes(&name, &bytes[..bytes.len() - cut]);
            assert!(refused.is_err(), "{name} without its last {cut} bytes");
        }
        assert_eq!(with_bytes(&name, &bytes), Ok(()), "{name}");
    }
}

/// Refusing takes no more memory than [`MOST`].
fn refused_in_little_memory(name: &str, content: &[u8], part: &str) {
    let folder = scratch();
    let path = folder.path().join(name);
    fs::write(&path, content).expect("writes");
    let mut outcome = Ok(());
    let taken = peak(|| outcome = read(&path));
    let text = outcome.expect_err(name);
    assert!(text.contains(part) && text.contains(name), "{name}: {text}");
    assert!(taken < MOST, "{name} took {taken} bytes");
}

#[test]
fn zip_bombs_are_refused_before_they_are_unpacked() {
    let header = |rows: u64| npy_header("<f4", &format!("({rows}, 768)"), false);
    let member =
        |content: &[u8], claimed: Option<u64>| zip(&[Member { name: "emb.npy", content, deflated: true, claimed }]);
    // 3 TB that are said to be in a few bytes
    let size = header(1_000_000_000).len() as u64 + 1_000_000_000 * 768 * 4;
    refused_in_little_memory("claims.npz", &member(&header(1_000_000_000), Some(size)), "claim to hold");
    // a header of one size, and the directory with another
    refused_in_little_memory("header.npz", &member(&header(1_000_000_000), None), "shorter than its header");
    // more content than the header says, in a directory that agrees with the header
    let content = [npy_header("<f4", "(1, 1)", false), vec![0; 50_000_000]].concat();
    let claimed = npy_header("<f4", "(1, 1)", false).len() as u64 + 4;
    refused_in_little_memory("longer.npz", &member(&content, Some(claimed)), "not what the directory says");
    // a .npy header of 4 GB
    let content = [&b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..], &vec![b' '; 50_000_000]].concat();
    refused_in_little_memory("long-header.npz", &member(&content, None), "header of at most");
}

#[test]
fn impossible_lengths_are_refused_in_little_memory() {
    let tensors = |length: u64, text: &str| [&length.to_le_bytes()[..], text.as_bytes()].concat();
    let one = |shape: &str, offsets: &str| {
        let text = format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}");
        tensors(text.len() as u64, &text)
    };
    for (name, content, part) in [
        ("long.safetensors", tensors(u64::MAX, "{\"a\""), "damaged"),
        ("beyond.safetensors", tensors(1 << 20, "{\"a\""), "damaged"),
        ("negative.safetensors", one("[-1,1]", "[0,4]"), "damaged"),
        ("reversed.safetensors", one("[1,1]", "[4,0]"), "damaged"),
        ("outside.safetensors", one("[1,1]", "[0,4]"), "damaged"),
        ("huge.safetensors", one("[18446744073709551615,18446744073709551615]", "[0,4]"), "address space"),
        ("footer.parquet", b"PAR1\xff\xff\xff\xffPAR1".to_vec(), "damaged"),
        ("negative.parquet", b"PAR1\x00\x00\x00\x80PAR1".to_vec(), "damaged"),
        ("wrong.parquet", b"PAR2 is something else".to_vec(), "damaged"),
    ] {
        if name.ends_with("parquet") && !cfg!(feature = "parquet") {
            continue;
        }
        refused_in_little_memory(name, &content, part);
    }
}

/// A page whose header claims more than there is.
#[cfg(feature = "parquet")]
#[test]
fn pages_that_claim_too_much_are_refused_in_little_memory() {
    let folder = scratch();
    let rows: Vec<_> = (0..200).map(|row: u8| vec![Some(f32::from(row)), Some(1.0)]).collect();
    let path = folder.path().join("x.parquet");
    crate::parquet_files::ragged(&path, true, &rows);
    let good = fs::read(&path).expect("reads");
    // the first page header of the lists: after that of the column of numbers, whose values take 1,600 bytes
    let mut refusals = 0;
    for at in 4..good.len() - 8 {
        let mut bytes = good.clone();
        // the largest positive 32-bit integer in the place of any five bytes
        bytes[at..at + 5].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff, 0x0f]);
        fs::write(&path, &bytes).expect("writes");
        let mut outcome = Ok(());
        let taken = peak(|| outcome = read(&path));
        assert!(taken < 4 * MOST, "byte {at}: {taken} bytes, {outcome:?}");
        refusals += usize::from(outcome.is_err());
    }
    assert!(refusals > 50, "{refusals} refusals");
}

#[test]
fn a_directory_of_a_zip_archive_is_checked() {
    let good = zip(&[Member {
        name: "emb.npy",
        content: &Matrix::new(3, 2).npy("<f4", f32_le),
        deflated: false,
        claimed: None,
    }]);
    assert_eq!(with_bytes("x.npz", &good), Ok(()));
    let end = good.len() - 22;
    for (at, bytes, part) in [
        (end + 16, [0xff; 4], "outside the file"),
        (end + 12, [0xff; 4], "outside the file"),
        (end, [0; 4], "no directory"),
        (0, [b'P', b'K', 3, 5], "not a .npy"),
        (4, [0xff; 4], ""),
    ] {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&bytes);
        let name = if at == 0 { "x.npy" } else { "x.npz" };
        let outcome = with_bytes(name, &bad);
        if !part.is_empty() {
            assert!(outcome.as_ref().is_err_and(|text| text.contains(part)), "{at}: {outcome:?}");
        }
    }
}
