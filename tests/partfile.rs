//! Part files: a written file can be read back, and a file that differs in any byte is refused. This test's own allocator
//! counts the memory of reading per thread.

mod common;
#[path = "common/counting.rs"]
mod counting;

use std::fs;
use std::path::Path;

use clustrata::base::error::Finding;
use clustrata::formats::part_file::{PartFile, Writer};
use counting::peak;
use proptest::prelude::*;
use serde_json::json;

/// Memory limit for reading a file of `size` bytes: buffers, and a multiple of the file. The multiple is that of `[0,0,...]`,
/// where each value takes two bytes as text and 72 in memory, in a vector that grows by doubling.
fn bound(size: usize) -> isize {
    (2 << 20) + 128 * size.cast_signed()
}

/// Writes a file with an array of every type, one of them empty, and with padding.
fn example(path: &Path) {
    let mut writer = Writer::create(path).expect("created");
    writer.array("counts", [&[1_u64, u64::MAX]]).expect("written");
    writer.array("rows", [&[7_u32][..], &[8, 9]]).expect("written");
    writer.array("sums", [vec![0.5_f64, f64::NAN, -0.0]]).expect("written");
    writer.array::<f32>("none", [[]; 0]).expect("written");
    writer.array("distances", [&[f32::INFINITY, 1.5, 2.5]]).expect("written");
    writer.finish(&json!({"rows": [0, 3], "plan": "abc", "share": 0.1})).expect("written");
}

/// Opens a file and reads two of its arrays.
fn read_all(path: &Path) -> Result<(), Finding> {
    let part = PartFile::open(path)?;
    part.read::<u64>("counts")?;
    part.read::<f64>("sums").map(drop)
}

/// The bytes of a file with this directory and a valid checksum of it.
fn forged(arrays: &[u8], directory: &str) -> Vec<u8> {
    let magic = b"clustrata part file, version  1\n";
    let length = (directory.len() as u64).to_le_bytes();
    let checksum = blake3::hash(&[magic, directory.as_bytes(), &length].concat());
    [magic, arrays, directory.as_bytes(), &length, checksum.as_bytes()].concat()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_written_file_is_read_back() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    example(&path);
    assert_eq!(names(folder.path()), ["first.part"]);
    for part in [PartFile::open(&path), PartFile::glance(&path)] {
        let part = part.expect("what was written");
        assert_eq!(part.header(), &json!({"rows": [0, 3], "plan": "abc", "share": 0.1}));
        assert_eq!(part.read::<u64>("counts").expect("there"), [1, u64::MAX]);
        assert_eq!(part.read::<u32>("rows").expect("there"), [7, 8, 9]);
        let sums: Vec<u64> = part.read::<f64>("sums").expect("there").into_iter().map(f64::to_bits).collect();
        assert_eq!(sums, [0.5, f64::NAN, -0.0].map(f64::to_bits));
        assert!(part.read::<f32>("none").expect("there").is_empty());
        let mut distances = [0.0_f32; 3];
        part.read_into("distances", &mut distances).expect("of that length");
        assert_eq!(distances, [f32::INFINITY, 1.5, 2.5]);
        assert_eq!((part.length("rows"), part.length("row")), (Some(3), None));
    }
}

#[test]
fn missing_arrays_and_other_types_are_refused_by_name() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    example(&path);
    let part = PartFile::open(&path).expect("what was written");
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "only its absence matters")]
        levels: u32,
    }
    let messages = [
        part.header_as::<Other>().map(drop).expect_err("no such key"),
        part.read::<u64>("count").map(drop).expect_err("no such array"),
        part.read::<f32>("sums").map(drop).expect_err("of another type"),
        part.read_into("rows", &mut [0_u32; 2]).expect_err("of another length"),
        PartFile::open(&folder.path().join("second.part")).map(drop).expect_err("no such file"),
    ];
    let wanted = ["missing field `levels`", "`count`, U64 values", "F64 values", "2 values", "can't read"];
    for (message, wanted) in messages.iter().zip(wanted) {
        let message = message.to_string();
        assert!(message.contains(wanted) && message.contains(".part") && message.contains("try:"), "{message}");
    }
}

#[test]
fn every_flipped_bit_and_every_other_length_is_refused() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    example(&path);
    let good = fs::read(&path).expect("read");
    let refused = |bytes: &[u8]| {
        // A new file each time: some file systems wait for the disk when a file is overwritten.
        fs::remove_file(&path).and_then(|()| fs::write(&path, bytes)).expect("written");
        let error = read_all(&path).expect_err("damaged");
        assert!(error.to_string().contains("first.part"), "{error}");
    };
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(&bytes);
    }
    for length in 0..good.len() {
        refused(&good[..length]);
        refused(&good[good.len() - length..]);
    }
    refused(&[&good[..], &[0]].concat());
    refused(&[&good[..], &good[..]].concat());
    fs::write(&path, &good).expect("written");
    read_all(&path).expect("what was written");
}

#[test]
fn a_false_directory_is_refused() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    let checksum = blake3::hash(&[5; 16]).to_hex().to_string();
    let of = |arrays: &str| format!("{{\"header\":null,\"arrays\":[{}]}}", arrays.replace('?', &checksum));
    let honest = r#"{"name":"counts","type":"u64","offset":32,"length":2,"checksum":"?"}"#;
    fs::write(&path, forged(&[5; 16], &of(honest))).expect("written");
    assert_eq!(PartFile::open(&path).and_then(|part| part.read::<u64>("counts")).expect("honest").len(), 2);
    let lies = [
        honest.replace("32", "24"),
        honest.replace("32", "18446744073709551608"),
        honest.replace(":2", ":2305843009213693952"),
        honest.replace(":2", ":18446744073709551615"),
        honest.replace(":2", ":1"),
        honest.replace(":2", ":3"),
        honest.replace(":2", ":-2"),
        honest.replace("u64", "u8"),
        honest.replace('?', "0"),
        format!("{honest},{honest}"),
        String::new(),
        "[".repeat(100_000),
    ];
    for lie in lies {
        let bytes = forged(&[5; 16], &of(&lie));
        fs::write(&path, &bytes).expect("written");
        let held = peak(|| assert!(PartFile::open(&path).is_err(), "{lie}"));
        assert!(held <= bound(bytes.len()), "{held} bytes for a file of {}", bytes.len());
    }
    // The padding between two arrays must be zeros.
    let two = r#"{"name":"a","type":"f32","offset":32,"length":1,"checksum":"X"},"#;
    let two = two.replace('X', blake3::hash(&[0; 4]).to_hex().as_str()) + honest;
    for (offset, last, holds) in [(40, 0, true), (40, 1, false), (48, 0, false)] {
        let between = vec![0; offset - 32 - 4 - 1];
        let arrays = [&[0; 4], &between[..], &[last], &[5; 16]].concat();
        let directory = of(&two.replace(r#"32,"length":2"#, &format!("{offset},\"length\":2")));
        fs::write(&path, forged(&arrays, &directory)).expect("written");
        assert_eq!(PartFile::open(&path).is_ok(), holds, "{offset} {last}");
    }
}

#[test]
fn a_large_header_takes_a_multiple_of_the_file() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    let bytes = forged(&[], &format!("{{\"header\":[{}0],\"arrays\":[]}}", "0,".repeat(1_000_000)));
    fs::write(&path, &bytes).expect("written");
    let held = peak(|| drop(PartFile::open(&path).expect("a header")));
    assert!((bytes.len().cast_signed()..bound(bytes.len())).contains(&held), "{held}");
}

/// Reading and verifying arrays of a few MB takes no more memory than the arrays and a buffer.
#[test]
fn arrays_are_streamed() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    let chunk: Vec<f64> = (0..1 << 16).map(f64::from).collect();
    let size = 16 * size_of_val(&chunk[..]).cast_signed();
    let held = peak(|| {
        let mut writer = Writer::create(&path).expect("created");
        writer.array("sums", (0..16).map(|_| &chunk)).expect("written");
        writer.finish(&()).expect("written");
    });
    assert!(held < size / 4, "{held} bytes to write {size}");
    let held = peak(|| drop(PartFile::open(&path).expect("what was written")));
    assert!(held < size / 4, "{held} bytes to verify {size}");
    let part = PartFile::open(&path).expect("what was written");
    let held = peak(|| assert_eq!(part.read::<f64>("sums").expect("there")[1 << 16..1 << 17], chunk));
    assert!((size..size + size / 4).contains(&held), "{held} bytes to read {size}");
}

#[test]
fn an_array_that_changed_since_the_file_was_opened_is_refused() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    example(&path);
    let part = PartFile::glance(&path).expect("what was written");
    let mut bytes = fs::read(&path).expect("read");
    // The second array starts after the magic bytes and two u64.
    bytes[32 + 16] ^= 1;
    fs::write(&path, bytes).expect("written");
    assert!(part.read::<u64>("counts").is_ok());
    let error = part.read::<u32>("rows").expect_err("changed").to_string();
    assert!(error.contains("damaged") && error.contains("`rows`"), "{error}");
    assert!(PartFile::glance(&path).is_ok() && PartFile::open(&path).is_err());
}

#[test]
fn an_unfinished_file_does_not_appear() {
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    example(&path);
    let before = fs::read(&path).expect("read");
    let mut writer = Writer::create(&path).expect("created");
    writer.array("counts", [&[1_u64]]).expect("written");
    assert_eq!(names(folder.path()).len(), 2);
    drop(writer);
    assert_eq!(names(folder.path()), ["first.part"]);
    assert_eq!(fs::read(&path).expect("read"), before);
    assert!(Writer::create(&folder.path().join("missing/first.part")).is_err());
}

/// Runs the reader in docs/partials.md.
#[test]
fn numpy_reads_it() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/partials.md")).expect("the page");
    let reader = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a reader");
    let folder = common::scratch();
    let path = folder.path().join("first.part");
    example(&path);
    let check = "
import sys
header, arrays = read_part(sys.argv[1])
assert header == {'rows': [0, 3], 'plan': 'abc', 'share': 0.1}, header
assert list(arrays) == ['counts', 'rows', 'sums', 'none', 'distances'], arrays
assert arrays['counts'].dtype == np.uint64 and arrays['counts'].tolist() == [1, 2**64 - 1]
assert arrays['rows'].dtype == np.uint32 and arrays['rows'].tolist() == [7, 8, 9]
np.testing.assert_array_equal(arrays['sums'], np.array([0.5, np.nan, -0.0]))
assert np.signbit(arrays['sums'][2]) and arrays['none'].dtype == np.float32 and arrays['none'].size == 0
np.testing.assert_array_equal(arrays['distances'], np.array([np.inf, 1.5, 2.5], dtype=np.float32))
";
    let Some(mut python) = common::python() else { return };
    let output = python.arg("-c").arg(format!("{reader}{check}")).arg(&path).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The reader also detects a truncated file.
    fs::write(&path, &fs::read(&path).expect("read")[1..]).expect("written");
    let Some(mut python) = common::python() else { return };
    let output = python.arg("-c").arg(format!("{reader}{check}")).arg(&path).output().expect("Python starts");
    assert!(!output.status.success());
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, (0..5_u64).prop_map(|below| u64::MAX - below), Just(1 << 61), Just(1 << 32), any::<u64>()]
}

proptest! {
    /// With any directory that has a valid checksum, reading ends and takes memory in proportion to the file.
    #[test]
    fn no_directory_takes_more_memory_than_the_file(
        entries in prop::collection::vec((0..4_usize, number(), number()), 0..4),
        arrays in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let text = |(element, offset, length): &(usize, u64, u64)| {
            let element = ["u32", "u64", "f32", "f64"][*element];
            format!(r#"{{"name":"a","type":"{element}","offset":{offset},"length":{length},"checksum":""}}"#)
        };
        let entries: Vec<String> = entries.iter().map(text).collect();
        let bytes = forged(&arrays, &format!(r#"{{"header":0,"arrays":[{}]}}"#, entries.join(",")));
        let folder = common::scratch();
        let path = folder.path().join("first.part");
        fs::write(&path, &bytes).expect("written");
        let held = peak(|| {
            drop(PartFile::open(&path));
            if let Ok(part) = PartFile::glance(&path) {
                drop(part.read::<u32>("a"));
                drop(part.read::<f64>("a"));
            }
        });
        prop_assert!(held <= bound(bytes.len()), "{} bytes for a file of {}", held, bytes.len());
    }
}
