//! Part files: what is written is read again, and what is not, byte for byte, what was written is refused. The memory
//! that reading takes is counted by this test's own allocator, per thread.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use clustrata::error::Finding;
use clustrata::partfile::{PartFile, Writer, remove_unfinished};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Counts what the current thread holds, and its peak.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends may free after its counters are gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes held during `work`, beyond what was held before.
fn peak(work: impl FnOnce()) -> isize {
    let before = HELD.get();
    PEAK.set(before);
    work();
    PEAK.get() - before
}

/// What reading a file of `size` bytes may take: buffers, and a multiple of the file (JSON values are larger than their
/// text).
fn bound(size: usize) -> isize {
    (2 << 20) + 64 * size.cast_signed()
}

/// A file with an array of every type, an empty one, and one with zeros behind it.
fn example(path: &Path) {
    let mut writer = Writer::create(path).expect("created");
    writer.array("counts", [&[1_u64, u64::MAX]]).expect("written");
    writer.array("rows", [&[7_u32][..], &[8, 9]]).expect("written");
    writer.array("sums", [vec![0.5_f64, f64::NAN, -0.0]]).expect("written");
    writer.array::<f32>("none", [[]; 0]).expect("written");
    writer.array("distances", [&[f32::INFINITY, 1.5, 2.5]]).expect("written");
    writer.finish(&json!({"rows": [0, 3], "plan": "abc", "share": 0.1})).expect("written");
}

/// Opens a file and reads all that it may hold.
fn read_all(path: &Path) -> Result<(), Finding> {
    let part = PartFile::open(path)?;
    part.read::<u64>("counts")?;
    part.read::<f64>("sums").map(drop)
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn what_is_written_is_read() {
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
fn what_the_caller_did_not_write_is_refused_by_name() {
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
        fs::write(&path, bytes).expect("written");
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
