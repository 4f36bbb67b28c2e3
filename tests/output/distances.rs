//! Distance files: content, allocation, a full disk.

use clustrata::base::error::Kind;
use clustrata::formats::distances::{DistanceBuffer, DistanceFile};
use clustrata::formats::folder::{OutputFolder, ensure_room};
use std::fs;
use std::process::Command;

/// A folder on a file system of 256 kB. Unmounted on drop.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then(|| SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_is_an_error_at_the_start() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a full disk needs the right to mount a tmpfs");
        return;
    };
    let folder = OutputFolder::prepare(disk.0.path(), false).unwrap();
    assert!(ensure_room(folder.path(), 1_000_000).is_err());
    let path = folder.staging("level1/distances_all.npy").unwrap();
    let error = DistanceBuffer::create(&path, 1000, Some(1000)).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    let text = error.to_string();
    assert!(text.contains("not enough room") && text.contains("4000128 bytes"), "{text}");
    assert!(!path.exists());
    // A buffer that fits can be written to its last page.
    let mut buffer = DistanceBuffer::create(&path, 100, Some(100)).unwrap();
    buffer.values_mut().fill(1.0);
    buffer.finish().unwrap();
}

/// The text of a `.npy` header and the offset of the data. Shares no code with the writer.
fn npy_header(bytes: &[u8]) -> (String, usize) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n'));
    (header.trim_end().to_string(), 10 + length)
}

#[test]
fn distance_files_are_valid_npy() {
    let base = tempfile::tempdir().unwrap();
    for (columns, shape) in [(None, "(5,)"), (Some(1), "(5, 1)"), (Some(3), "(5, 3)")] {
        let path = base.path().join(format!("{columns:?}.npy"));
        let mut buffer = DistanceBuffer::create(&path, 5, columns).unwrap();
        let mut next = 0.0;
        for value in buffer.values_mut() {
            *value = next;
            next += 1.0;
        }
        buffer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        let (header, start) = npy_header(&bytes);
        assert_eq!(header, format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"));
        assert_eq!(start % 64, 0);
        let values: Vec<f32> = bytes[start..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let count = u8::try_from(5 * columns.unwrap_or(1)).unwrap();
        assert_eq!(values, (0..count).map(f32::from).collect::<Vec<_>>());
        assert_eq!(DistanceFile::open(&path).is_ok(), columns.is_none());
    }
}

/// The blocks are allocated before the first write.
#[cfg(unix)]
#[test]
fn the_space_is_allocated_before_it_is_mapped() {
    use std::os::unix::fs::MetadataExt as _;
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("d.npy");
    let _buffer = DistanceBuffer::create(&path, 1 << 20, None).unwrap();
    assert!(fs::metadata(&path).unwrap().blocks() * 512 >= 4 << 20);
    let sparse = fs::File::create(base.path().join("sparse")).unwrap();
    sparse.set_len(4 << 20).unwrap();
    assert!(sparse.metadata().unwrap().blocks() * 512 < 4 << 20, "a sparse file passes the check too");
}
