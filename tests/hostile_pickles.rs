//! Hostile pickles. Reading any of them ends, and takes memory in proportion to the file. This test's own allocator counts
//! the memory per thread.

#[path = "common/counting.rs"]
mod counting;

use std::path::Path;

use clustrata::formats::names::Names;
use clustrata::formats::pickle::read_clusters;
use counting::peak;
use proptest::prelude::*;

/// Memory limit for reading a file of `size` bytes: buffers, and a fixed multiple of the file.
fn bound(size: usize) -> isize {
    (4 << 20) + 64 * size.cast_signed()
}

/// Reads the pickle as clusters and as names, as a list and as the content of a `.npy`.
fn read_both(pickle: &[u8]) -> isize {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{:<117}\n", "{'descr': '|O', 'fortran_order': False, 'shape': (4,), }").bytes());
    npy.extend(pickle);
    let mut most = 0;
    for (name, content) in [("x.pkl", pickle), ("x.npy", &npy)] {
        let file = folder.path().join(name);
        std::fs::write(&file, content).expect("written");
        most = most.max(peak(|| drop(read_clusters(&file))));
        most = most.max(peak(|| {
            if let Ok(names) = Names::open(&file) {
                drop(names.read(&[0, names.len().saturating_sub(1)]));
            }
        }));
    }
    most
}

/// Building blocks for an attacker: every known opcode with plausible arguments.
const PIECES: &[&[u8]] = &[
    b"(", b"]", b"\x94", b"a", b"e", b"t", b"l", b"R", b"b", b"N", b"\x88", b"\x89", b")", b"\x85", b"\x86", b"\x87", b"\x93",
    b"h\x00", b"h\x01", b"h\x02", b"h\x05", b"j\x03\x00\x00\x00", b"g7\n", b"q\x00", b"q\x01", b"r\x04\x00\x00\x00", b"p2\n",
    b"K\x00", b"K\x03", b"M\x00\x80", b"J\xff\xff\xff\xff", b"I5\n", b"I01\n", b"L-7L\n", b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00",
    b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10", b"C\x08\x01\x00\x00\x00\x00\x00\x00\x00", b"C\x00", b"X\x02\x00\x00\x00i8",
    b"\x8c\x02O8", b"\x8c\x02f8", b"\x8c\x02U2", b"\x8c\x01<", b"\x8c\x01C", b"Vlatin1\n", b"V\\u0041\\\\\n",
    b"\x96\x08\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00",
    b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy.core.multiarray\nscalar\n",
    b"cnumpy._core.numeric\n_frombuffer\n", b"c_codecs\nencode\n", b"cbuiltins\nbytes\n",
    // Complete constructs.
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR",
    b"cnumpy\ndtype\n(X\x02\x00\x00\x00i8\x89\x88tR(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
    b"cnumpy\ndtype\n\x8c\x02O8\x85R", b"(K\x01K\x02\x85", b"(K\x01K\x00K\x05\x86", b"(K\x01\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40K\x08\x86",
    b"tb", b"](K\x01K\x02e", b"\x8c\x05a.png\x8c\x01b\x86",
];

fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pickle");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let pickles = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "pkl"));
    pickles.map(|path| std::fs::read(path).expect("a fixture")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(content in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_both(&content) <= bound(content.len()));
    }

    #[test]
    fn arbitrary_programs(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let mut content = pieces.concat();
        content.push(b'.');
        prop_assert!(read_both(&content) <= bound(content.len()));
    }

    #[test]
    fn changed_fixtures(
        fixture in prop::sample::select(fixtures()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut content = fixture;
        if !content.is_empty() {
            for (at, byte) in changes {
                let at = at.index(content.len());
                content[at] = byte;
            }
            if let Some(cut) = cut {
                content.truncate(cut.index(content.len()));
            }
        }
        prop_assert!(read_both(&content) <= bound(content.len()));
    }
}

/// Reads a pickle that must be refused, within the bound.
fn refused(what: &str, pickle: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("x.pkl");
    std::fs::write(&file, pickle).expect("written");
    let most = peak(|| assert!(read_clusters(&file).is_err(), "{what} was read"));
    assert!(most <= bound(pickle.len()), "{what} took {most} bytes");
    let most = peak(|| drop(Names::open(&file)));
    assert!(most <= bound(pickle.len()), "{what} took {most} bytes as names");
}

#[test]
fn lengths_beyond_the_file_are_refused_before_anything_is_allocated() {
    for opcode in [0x8e_u8, 0x8d, 0x96, 0x95] {
        for length in [1_u64 << 60, 1 << 40, u64::MAX] {
            let mut pickle = vec![0x80, 4, opcode];
            pickle.extend(length.to_le_bytes());
            pickle.extend(b"abc.");
            refused("a length", &pickle);
        }
    }
    refused("a long BINBYTES", b"\x80\x03B\xff\xff\xff\xff.");
    refused("a long BINUNICODE", b"\x80\x03X\xff\xff\xff\xff.");
}

#[test]
fn deep_and_repeated_structures_are_refused() {
    let million = 1_000_000;
    let repeat = |start: &[u8], piece: &[u8], end: &[u8]| [start, &piece.repeat(million), end].concat();
    refused("deep lists", &repeat(b"", b"]", b"."));
    refused("deep lists, appended", &[b"]".repeat(million), b"a".repeat(million - 1), b".".to_vec()].concat());
    refused("deep tuples", &repeat(b")", b"\x85", b"."));
    refused("open marks", &repeat(b"", b"(", b"."));
    refused("unused values", &repeat(b"", b"N", b"."));
    refused("a tuple of everything", &repeat(b"(", b"N", b"t."));
    refused("doubling tuples", &repeat(b"\x80\x04]\x94)\x94", b"h\x01h\x01\x86q\x01", b"a."));
    refused("doubling lists", &repeat(b"\x80\x04]\x94]q\x01", b"h\x01h\x01a", b"a."));
    refused("a huge number", &repeat(b"I", b"9", b"\n."));
    refused("a huge long", &repeat(b"L", b"9", b"L\n."));
    refused("a huge memo slot", b"g18446744073709551615\n.");
    refused("a forged memo slot", b"j\xff\xff\xff\xff.");
    refused("the outermost list in itself", b"\x80\x04]\x94h\x00a.");
    refused("a list in itself", b"\x80\x04]]\x94h\x00aa.");
}

#[test]
fn one_array_over_and_over_is_refused() {
    let mut pickle = b"\x80\x04](](".to_vec();
    pickle.extend(b"K\x01".repeat(10_000));
    pickle.extend(b"e\x94");
    pickle.extend(b"h\x00".repeat(20_000));
    pickle.extend(b"e.");
    refused("200 million members in 60 kB", &pickle);
}

#[test]
fn impossible_shapes_are_refused() {
    let array = |shape: &[u8], list: &[u8]| {
        let start: &[u8] = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR(K\x01";
        let dtype: &[u8] = b"cnumpy\ndtype\n\x8c\x02O8\x85R\x89";
        [start, shape, dtype, list, b"tb."].concat()
    };
    let huge = b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40";
    refused("2^62 x 2^62", &array(&[huge.as_slice(), huge, b"\x86"].concat(), b"]"));
    refused("2^62 x 0", &array(&[huge.as_slice(), b"K\x00\x86"].concat(), b"]"));
    refused("0 x 2^62 with an item", &array(&[b"K\x00".as_slice(), huge, b"\x86"].concat(), b"]K\x01a"));
    refused("2^62", &array(&[huge.as_slice(), b"\x85"].concat(), b"]"));
    refused("negative", &array(b"J\xff\xff\xff\xff\x85", b"]"));
    refused("three axes", &array(b"K\x01K\x01K\x01\x87", b"]K\x01a"));
}

#[test]
fn the_bound_can_be_exceeded() {
    assert!(peak(|| drop(vec![1_u8; 8 << 20])) > bound(10), "the allocator counts");
}
