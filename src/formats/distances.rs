//! Buffers of rows: memory-mapped `.npy` files of distances (float32) or labels (int32) whose disk space is allocated before
//! the first write.
//!
//! A mapped file that is only *sized* has no blocks: the disk fills up hours later, and the writer then dies of SIGBUS
//! in the middle of a store. So [`RowBuffer::create`] allocates every byte first, and a full disk is an ordinary
//! error at the start. The header holds the shape, so users read it with `numpy.load(path, mmap_mode="r")`.

use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;
use crate::formats::folder::describe_bytes;
use crate::formats::npy::{DATA_OFFSET, Header, header_bytes, parse_header};
use fs4::FileExt;
use memmap2::{Mmap, MmapMut};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

#[cfg(target_endian = "big")]
compile_error!("buffers of rows are little endian on disk and are written as they lie in memory");

/// The type of a buffer's elements.
pub trait Element: bytemuck::Pod {
    /// As NumPy spells it.
    const DESCR: &'static str;
    /// What the elements are, for messages.
    const WHAT: &'static str;
    /// What a user can do where the address space is too small.
    const SMALLER: &'static str;
    /// What else a user can do where the disk is too full.
    const WITHOUT: &'static str;
}

impl Element for f32 {
    const DESCR: &'static str = "<f4";
    const WHAT: &'static str = "distances";
    const SMALLER: &'static str = "write one distance per row with --distances own";
    const WITHOUT: &'static str = "; `metrics` can leave out --distances and --parquet";
}

impl Element for i32 {
    const DESCR: &'static str = "<i4";
    const WHAT: &'static str = "labels";
    const SMALLER: &'static str = "assign fewer rows";
    const WITHOUT: &'static str = "";
}

/// A buffer of distances: float32 `[rows]` or `[rows, columns]`.
pub type DistanceBuffer = RowBuffer<f32>;

/// A buffer of labels: int32 `[rows]`.
pub type LabelBuffer = RowBuffer<i32>;

/// A buffer being written: `[rows]` or `[rows, columns]`, row-major.
#[derive(Debug)]
pub struct RowBuffer<T> {
    map: MmapMut,
    path: PathBuf,
    elements: PhantomData<T>,
}

impl<T: Element> RowBuffer<T> {
    /// Creates the file, allocates its space and maps it. All elements start at 0. For one element per row (shape
    /// `[rows]`), `columns` is `None`.
    ///
    /// # Errors
    /// `Failed` if the file exists, the disk is full (the partial file is then removed), or the size exceeds the address
    /// space.
    pub fn create(path: &Path, rows: u64, columns: Option<u64>) -> Result<Self> {
        let size = file_size::<T>(rows, columns).ok_or_else(|| too_large::<T>(path, rows, columns))?;
        let file = File::options().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(|e| Error::io(&format!("can't create a file of {}", T::WHAT), path, &e))?;
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
                return Err(not_allocated::<T>(path, size, &error, removed.err()));
            }
        };
        map[..DATA_OFFSET].copy_from_slice(&header::<T>(rows, columns));
        Ok(RowBuffer { map, path: path.to_path_buf(), elements: PhantomData })
    }

    /// Opens a file that [`RowBuffer::create`] made for the same shape, to resume writing. `None` if there is none.
    ///
    /// # Errors
    /// `Failed` if it can't be opened or mapped.
    pub fn reopen(path: &Path, rows: u64, columns: Option<u64>) -> Result<Option<Self>> {
        let failed = |e: io::Error| Error::io("can't open what an interrupted run has written", path, &e);
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        if Some(file.metadata().map_err(failed)?.len()) != file_size::<T>(rows, columns) {
            return Ok(None);
        }
        // SAFETY: the file lies in a folder that this process holds the lock of; nothing else writes or truncates it.
        let map = unsafe { MmapMut::map_mut(&file) }.map_err(failed)?;
        let same = map[..DATA_OFFSET] == header::<T>(rows, columns);
        Ok(same.then(|| RowBuffer { map, path: path.to_path_buf(), elements: PhantomData }))
    }

    /// All elements, row after row.
    pub fn values(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[DATA_OFFSET..])
    }

    /// All elements, row after row. Split it with `chunks_mut` to write from several threads.
    pub fn values_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.map[DATA_OFFSET..])
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes everything to the disk.
    ///
    /// # Errors
    /// `Failed` for an error of the disk.
    pub fn flush(&self) -> Result<()> {
        self.map.flush().map_err(|e| Error::io(&format!("can't write the {} to the disk", T::WHAT), &self.path, &e))
    }

    /// Writes everything to the disk and closes the file.
    ///
    /// # Errors
    /// `Failed` for an error of the disk.
    pub fn finish(self) -> Result<()> {
        self.flush()
    }
}

/// A finished file with one element per row, for looking up single rows.
#[derive(Debug)]
pub struct RowFile<T> {
    map: Mmap,
    start: usize,
    elements: PhantomData<T>,
}

/// A finished file of the distances of rows to their own centroids; NaN for an unassigned row.
pub type DistanceFile = RowFile<f32>;

impl<T: Element> RowFile<T> {
    /// Opens a file of shape `[rows]`.
    ///
    /// # Errors
    /// `Failed` when it can't be read or is no such file.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |what: &str, e: &io::Error| Error::io(&format!("can't {what} the {}", T::WHAT), path, e);
        let file = File::open(path).map_err(|e| failed("open", &e))?;
        // SAFETY: it is a file of the output folder that this run holds the lock of and has finished writing; nothing
        // of the program truncates or writes it again.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| failed("map", &e))?;
        let header = parse_header(&mut &map[..], path).map_err(Error::failed)?;
        let start = to_usize(header.data_offset);
        if header.descr != T::DESCR || header.shape.len() != 1 || !start.is_multiple_of(align_of::<T>()) {
            return Err(not_rows::<T>(path, &header));
        }
        header.check_length(size_of::<T>(), map.len() as u64, path).map_err(Error::failed)?;
        Ok(RowFile { map, start, elements: PhantomData })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values().len()
    }

    /// The element of `row`; `None` past the end.
    pub fn get(&self, row: u64) -> Option<T> {
        self.values().get(to_usize(row)).copied()
    }

    fn values(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[self.start..])
    }
}

/// Bytes of the whole file. `None` if they exceed the address space.
fn file_size<T: Element>(rows: u64, columns: Option<u64>) -> Option<u64> {
    let elements = rows.checked_mul(columns.unwrap_or(1))?;
    let size = elements.checked_mul(size_of::<T>() as u64)?.checked_add(DATA_OFFSET as u64)?;
    // A slice can't be longer than isize::MAX bytes.
    (size <= isize::MAX.unsigned_abs() as u64).then_some(size)
}

/// The `.npy` header of the file.
fn header<T: Element>(rows: u64, columns: Option<u64>) -> [u8; DATA_OFFSET] {
    match columns {
        None => header_bytes(T::DESCR, &[rows]),
        Some(columns) => header_bytes(T::DESCR, &[rows, columns]),
    }
}

/// Extends the file to `size` bytes, all allocated on the disk.
fn allocate(mut file: &File, size: u64) -> io::Result<()> {
    match FileExt::allocate(file, size) {
        // Some systems only set the length, which the allocated size reveals.
        Ok(()) if FileExt::allocated_size(file)? >= size => return file.set_len(size),
        Ok(()) => {}
        Err(e) if cannot_allocate(&e) => {}
        Err(e) => return Err(e),
    }
    // On most file systems, writing zeros allocates the space too, at the price of writing twice.
    const BLOCK: usize = 1 << 20;
    let zeros = vec![0; BLOCK];
    let mut left = size;
    while left > 0 {
        let length = to_usize(left).min(BLOCK);
        file.write_all(&zeros[..length])?;
        left -= length as u64;
    }
    file.sync_data()
}

/// Whether the file system lacks the operation (NFS 3, FAT, ZFS), as opposed to lacking room.
fn cannot_allocate(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

fn shape_text<T: Element>(rows: u64, columns: Option<u64>) -> String {
    columns.map_or(format!("{rows} {}", T::WHAT), |columns| format!("{rows} x {columns} {}", T::WHAT))
}

fn too_large<T: Element>(path: &Path, rows: u64, columns: Option<u64>) -> Error {
    Error::failed(
        Finding::new(format!("the {} exceed the address space of this machine", T::WHAT))
            .file(path)
            .expected(format!("at most {}", describe_bytes(isize::MAX.unsigned_abs() as u64)))
            .found(shape_text::<T>(rows, columns))
            .hint(T::SMALLER),
    )
}

fn not_allocated<T: Element>(path: &Path, size: u64, error: &io::Error, not_removed: Option<io::Error>) -> Error {
    let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
    let what = if is_full { "there is not enough room for the" } else { "can't allocate the" };
    // The file itself is gone, so ask for its folder.
    let available = path.parent().and_then(|folder| fs4::available_space(folder).ok());
    let available = available.map_or(String::new(), |bytes| format!(", {} available", describe_bytes(bytes)));
    let left = not_removed.map_or(String::new(), |e| format!("; the partial file could not be removed: {e}"));
    let finding = Finding::new(format!("{what} {}", T::WHAT))
        .file(path)
        .expected(describe_bytes(size))
        .found(format!("{error}{available}{left}"))
        .hint(format!("free some space, or name a folder on another disk with --out{}", T::WITHOUT));
    Error::failed(finding)
}

fn not_rows<T: Element>(path: &Path, header: &Header) -> Error {
    Error::failed(
        Finding::new(format!("the file is not a file of {}", T::WHAT))
            .file(path)
            .expected(format!("a .npy of {} with one dimension", T::DESCR))
            .found(format!("shape {} of {} from byte {}", header.shape_text(), header.descr, header.data_offset))
            .hint("run again from the start"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert_eq!(file_size::<f32>(10, None), Some(168));
        assert_eq!(file_size::<f32>(10, Some(3)), Some(248));
        assert_eq!(file_size::<f32>(u64::MAX, Some(2)), None);
        assert_eq!(file_size::<i32>(u64::MAX / 4, None), None);
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("d.npy");
        let error = DistanceBuffer::create(&path, u64::MAX / 8, Some(9)).unwrap_err();
        assert!(error.to_string().contains("exceed the address space"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn threads_fill_chunks_of_their_own() {
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
    fn distances_are_looked_up() {
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
    fn other_files_are_refused() {
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
        let error = DistanceFile::open(&one).unwrap_err().to_string();
        assert!(error.contains("144 bytes") && error.contains("143 bytes"), "{error}");
        // Another type of the same size.
        let mut bytes = fs::read(&path).unwrap();
        bytes[..DATA_OFFSET].copy_from_slice(&header_bytes("<i4", &[8]));
        fs::write(&path, bytes).unwrap();
        let error = DistanceFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("shape (8,) of <i4"), "{error}");
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
