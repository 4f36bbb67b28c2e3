//! Distance buffers: `.npy` files of float32, mapped into memory, whose space is on the disk before the first write.
//!
//! A mapped file that is only *sized* has no blocks: the disk fills up hours later, and the writer then dies of SIGBUS
//! in the middle of a store. So [`DistanceBuffer::create`] allocates every byte first, and a full disk is an ordinary
//! error at the start. The shape is in the header, so the file can't be read with another one:
//! `numpy.load(path, mmap_mode="r")`.

use crate::base::error::{Error, Finding, Result};
use crate::formats::folder::describe_bytes;
use fs4::FileExt;
use memmap2::{Mmap, MmapMut};
use ndarray::ArrayView1;
use ndarray_npy::{ViewNpyError, ViewNpyExt as _};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

#[cfg(target_endian = "big")]
compile_error!("distance buffers are little endian on disk and are written as they lie in memory");

/// Start of the data in the file. numpy asks for a multiple of 64, and every header written here fits one such block
/// twice over (a 2-D shape of two 20-digit numbers needs 112 bytes).
const DATA: usize = 128;

/// Bytes of one distance.
const SIZE: u64 = 4;

/// A distance buffer being written: float32 `[rows]` or `[rows, columns]`, in C order.
#[derive(Debug)]
pub struct DistanceBuffer {
    map: MmapMut,
    path: PathBuf,
}

impl DistanceBuffer {
    /// Creates the file, allocates its space and maps it. All distances are 0 until they are written.
    ///
    /// `columns` is `None` for one distance per row (shape `[rows]`).
    ///
    /// # Errors
    /// `Failed` when the file exists, the disk is full (the partial file is then removed), or this machine can't
    /// address that much.
    pub fn create(path: &Path, rows: u64, columns: Option<u64>) -> Result<Self> {
        let size = file_size(rows, columns).ok_or_else(|| too_large(path, rows, columns))?;
        let file = File::options().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(|e| Error::io("can't create a distance file", path, &e))?;
        let mapped = allocate(&file, size).and_then(|()| {
            // SAFETY: the file was created by this call under a name of the locked output folder, so nothing else
            // writes or truncates it while it is mapped, and all of its space is allocated.
            unsafe { MmapMut::map_mut(&file) }
        });
        let mut map = match mapped {
            Ok(map) => map,
            Err(error) => {
                drop(file);
                let removed = fs::remove_file(path);
                return Err(not_allocated(path, size, &error, removed.err()));
            }
        };
        map[..DATA].copy_from_slice(&header(rows, columns));
        Ok(DistanceBuffer { map, path: path.to_path_buf() })
    }

    /// Opens a file that [`DistanceBuffer::create`] made for the same shape, to go on writing; `None` where there is none.
    ///
    /// # Errors
    /// `Failed` where it can't be opened or mapped.
    pub fn reopen(path: &Path, rows: u64, columns: Option<u64>) -> Result<Option<Self>> {
        let failed = |e: io::Error| Error::io("can't open the distances of an interrupted run", path, &e);
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        if Some(file.metadata().map_err(failed)?.len()) != file_size(rows, columns) {
            return Ok(None);
        }
        // SAFETY: the file lies in a folder that this process holds the lock of; nothing else writes or truncates it.
        let map = unsafe { MmapMut::map_mut(&file) }.map_err(failed)?;
        let same = map[..DATA] == header(rows, columns);
        Ok(same.then(|| DistanceBuffer { map, path: path.to_path_buf() }))
    }

    /// All distances, row after row. `chunks_mut` gives each of several threads a stretch of its own.
    pub fn values_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.map[DATA..])
    }

    /// Writes everything to the disk and closes the file.
    ///
    /// # Errors
    /// `Failed` when the disk does.
    pub fn finish(self) -> Result<()> {
        self.map.flush().map_err(|e| Error::io("can't write the distances to the disk", &self.path, &e))
    }
}

/// A finished file of one distance per row, to look some of them up.
#[derive(Debug)]
pub struct DistanceFile {
    map: Mmap,
    start: usize,
}

impl DistanceFile {
    /// Opens a file of shape `[rows]`.
    ///
    /// # Errors
    /// `Failed` when it can't be read or is no such file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io("can't open the distances", path, &e))?;
        // SAFETY: it is a file of the output folder that this run holds the lock of and has finished writing; nothing
        // of the program truncates or writes it again.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io("can't map the distances", path, &e))?;
        let rows = ArrayView1::<f32>::view_npy(&map).map_err(|e| not_distances(path, &e))?.len();
        // The view was accepted, so the data are the last bytes of the file and aligned.
        let start = map.len() - rows * size_of::<f32>();
        Ok(DistanceFile { map, start })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.distances().len()
    }

    /// The distance of `row` to its own centroid; `None` past the end, NaN for a row without a label.
    pub fn get(&self, row: u64) -> Option<f32> {
        self.distances().get(usize::try_from(row).ok()?).copied()
    }

    fn distances(&self) -> &[f32] {
        bytemuck::cast_slice(&self.map[self.start..])
    }
}

/// Bytes of the whole file; `None` when they don't fit this machine's addresses.
fn file_size(rows: u64, columns: Option<u64>) -> Option<u64> {
    let distances = rows.checked_mul(columns.unwrap_or(1))?;
    let size = distances.checked_mul(SIZE)?.checked_add(DATA as u64)?;
    // A slice can't be longer than isize::MAX bytes.
    isize::try_from(size).ok().map(|_| size)
}

/// The `.npy` header, version 1.0, padded with spaces to [`DATA`] bytes.
fn header(rows: u64, columns: Option<u64>) -> [u8; DATA] {
    let shape = match columns {
        None => format!("({rows},)"),
        Some(columns) => format!("({rows}, {columns})"),
    };
    let fields = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    const PREFIX: usize = 10;
    // Two bytes, little endian: the length of what follows them.
    const LENGTH: [u8; 2] = [(DATA - PREFIX).to_le_bytes()[0], (DATA - PREFIX).to_le_bytes()[1]];
    let mut header = [b' '; DATA];
    header[..6].copy_from_slice(b"\x93NUMPY");
    header[6..8].copy_from_slice(&[1, 0]);
    header[8..PREFIX].copy_from_slice(&LENGTH);
    header[PREFIX..PREFIX + fields.len()].copy_from_slice(fields.as_bytes());
    header[DATA - 1] = b'\n';
    header
}

/// Gives the file `size` bytes that are on the disk.
fn allocate(mut file: &File, size: u64) -> io::Result<()> {
    match FileExt::allocate(file, size) {
        // Some systems only set the length: then the allocated size tells.
        Ok(()) if FileExt::allocated_size(file)? >= size => return file.set_len(size),
        Ok(()) => {}
        Err(e) if cannot_allocate(&e) => {}
        Err(e) => return Err(e),
    }
    // What is written has its space, on most file systems: the next best thing, at the price of writing twice.
    const BLOCK: usize = 1 << 20;
    let zeros = vec![0; BLOCK];
    let mut left = size;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        file.write_all(&zeros[..length])?;
        left -= length as u64;
    }
    file.sync_data()
}

/// The file system has no such operation (NFS 3, FAT, ZFS), as opposed to no room.
fn cannot_allocate(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

fn shape_text(rows: u64, columns: Option<u64>) -> String {
    columns.map_or(format!("{rows} distances"), |columns| format!("{rows} x {columns} distances"))
}

fn too_large(path: &Path, rows: u64, columns: Option<u64>) -> Error {
    Error::failed(
        Finding::new("the distances are more than this machine can address")
            .file(path)
            .expected(format!("at most {}", describe_bytes(isize::MAX.unsigned_abs() as u64)))
            .found(shape_text(rows, columns))
            .hint("write one distance per row with --distances own"),
    )
}

fn not_allocated(path: &Path, size: u64, error: &io::Error, not_removed: Option<io::Error>) -> Error {
    let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
    let what = if is_full { "there is not enough room for the distances" } else { "can't allocate the distances" };
    // The parent, since the file itself is gone.
    let available = path.parent().and_then(|folder| fs4::available_space(folder).ok());
    let available = available.map_or(String::new(), |bytes| format!(", {} available", describe_bytes(bytes)));
    let left = not_removed.map_or(String::new(), |e| format!("; the partial file could not be removed: {e}"));
    let finding = Finding::new(what)
        .file(path)
        .expected(describe_bytes(size))
        .found(format!("{error}{available}{left}"))
        .hint("free some space, name a folder on another disk with --out, or leave out --distances");
    Error::failed(finding)
}

fn not_distances(path: &Path, error: &ViewNpyError) -> Error {
    Error::failed(
        Finding::new("the file holds no distances")
            .file(path)
            .expected("a .npy of little-endian float32 with one dimension")
            .found(error.to_string())
            .hint("run again with --distances own"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_header_fits() {
        let header = header(u64::MAX, Some(u64::MAX));
        let text = std::str::from_utf8(&header[10..]).unwrap();
        assert!(text.trim_end().ends_with("18446744073709551615), }"), "{text}");
        assert!(text.ends_with(" \n"));
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert_eq!(file_size(10, None), Some(168));
        assert_eq!(file_size(10, Some(3)), Some(248));
        assert_eq!(file_size(u64::MAX, Some(2)), None);
        assert_eq!(file_size(u64::MAX / 4, None), None);
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("d.npy");
        let error = DistanceBuffer::create(&path, u64::MAX / 8, Some(9)).unwrap_err();
        assert!(error.to_string().contains("more than this machine can address"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn threads_fill_stretches_of_their_own() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("d.npy");
        let mut buffer = DistanceBuffer::create(&path, 5, Some(3)).unwrap();
        std::thread::scope(|scope| {
            for (i, rows) in buffer.values_mut().chunks_mut(6).enumerate() {
                scope.spawn(move || rows.fill(f32::from(u8::try_from(i).unwrap())));
            }
        });
        buffer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 128 + 15 * 4);
        let written = bytes[128..].chunks_exact(12).map(|row| f32::from_le_bytes(row[4..8].try_into().unwrap()));
        assert_eq!(written.collect::<Vec<_>>(), [0.0, 0.0, 1.0, 1.0, 2.0]);
    }

    #[test]
    fn looked_up_distances_are_those_written() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("d.npy");
        let mut buffer = DistanceBuffer::create(&path, 4, None).unwrap();
        buffer.values_mut().copy_from_slice(&[0.25, 0.25, 0.25, f32::NAN]);
        buffer.finish().unwrap();
        let file = DistanceFile::open(&path).unwrap();
        assert_eq!((file.rows(), file.get(0), file.get(2), file.get(4)), (4, Some(0.25), Some(0.25), None));
        assert!(file.get(3).unwrap().is_nan());
    }

    #[test]
    fn other_files_are_no_distances() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("d.npy");
        DistanceBuffer::create(&path, 4, Some(2)).unwrap().finish().unwrap();
        let error = DistanceFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("one dimension"), "{error}");
        // One byte short.
        let one = base.path().join("one.npy");
        DistanceBuffer::create(&one, 4, None).unwrap().finish().unwrap();
        assert_eq!(DistanceFile::open(&one).unwrap().rows(), 4);
        File::options().write(true).open(&one).unwrap().set_len(128 + 15).unwrap();
        assert!(DistanceFile::open(&one).is_err());
    }

    #[test]
    fn empty_buffers_are_valid() {
        let base = tempfile::tempdir().unwrap();
        for (name, rows, columns) in [("a", 0, None), ("b", 0, Some(3)), ("c", 3, Some(0))] {
            let mut buffer = DistanceBuffer::create(&base.path().join(name), rows, columns).unwrap();
            assert!(buffer.values_mut().is_empty());
            buffer.finish().unwrap();
        }
    }

    #[test]
    fn an_existing_file_is_kept() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("d.npy");
        fs::write(&path, "mine").unwrap();
        assert!(DistanceBuffer::create(&path, 4, None).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
