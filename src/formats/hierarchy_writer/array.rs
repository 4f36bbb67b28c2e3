//! `.npy` files of numbers. A file gets its name once it is complete.
//!
//! Values are converted one by one as they are written: labels of 10^9 points take 4 GB in memory, and converted to int64
//! they would take another 8 GB.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use ndarray::ArrayView2;

use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::Dtype;
use crate::base::numeric::to_f32;
use crate::formats::atomic_file::AtomicFile;
use crate::formats::npy::header_bytes;

/// Bytes written at a time.
const BUFFER: usize = 1 << 18;

/// Writes row numbers or labels: int64 `[n]`.
///
/// # Errors
/// Those of the disk, and a number of 2^63 or more.
pub fn write_indices(path: &Path, values: impl ExactSizeIterator<Item = u64>) -> Result<()> {
    write_file(path, |file| {
        file.write_all(&header_bytes("<i8", &[values.len() as u64]))?;
        values.map(index_bytes).try_for_each(|bytes| file.write_all(&bytes?))
    })
}

/// Writes centroids `[k, d]`, rounded to the type `stored`.
///
/// # Errors
/// Those of the disk, and the type float16, whose rounding would exceed what k-means gains.
pub fn write_centroids(path: &Path, centroids: ArrayView2<'_, f64>, stored: Dtype) -> Result<()> {
    if stored == Dtype::F16 {
        return Err(Error::failed(
            Finding::new("centroids are not written as float16").file(path).expected("float32 or float64"),
        ));
    }
    write_file(path, |file| {
        file.write_all(&header_bytes(stored.descr(), &[centroids.nrows() as u64, centroids.ncols() as u64]))?;
        let mut values = centroids.iter();
        match stored {
            Dtype::F64 => values.try_for_each(|value| file.write_all(&value.to_le_bytes())),
            _ => values.try_for_each(|&value| file.write_all(&to_f32(value).to_le_bytes())),
        }
    })
}

/// An index as int64, little endian.
pub(super) fn index_bytes(index: u64) -> io::Result<[u8; 8]> {
    match i64::try_from(index) {
        Ok(index) => Ok(index.to_le_bytes()),
        Err(_) => {
            let what = format!("{index}, but the largest int64 is {}", i64::MAX);
            Err(io::Error::new(io::ErrorKind::InvalidInput, what))
        }
    }
}

/// Writes a file. It gets its name once all of it is on the disk.
pub(super) fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<AtomicFile>) -> io::Result<()>) -> Result<()> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidInput => {
            Error::failed(Finding::new("a number is too large for an index").file(path).found(error.to_string()))
        }
        _ => Error::io("can't write a file of the clustering", path, &error),
    };
    let file = AtomicFile::create(path).map_err(failed)?;
    let mut file = BufWriter::with_capacity(BUFFER, file);
    write(&mut file).map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::matrix::MatrixView;
    use crate::formats::npy::{Matrix, read_indices};
    use ndarray::array;

    #[test]
    fn arrays_read_back_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for values in [vec![], vec![7], vec![3, 0, i64::MAX.unsigned_abs()]] {
            write_indices(&path, values.iter().copied()).unwrap();
            assert_eq!(read_indices(&path).unwrap(), values);
        }
        let centroids = array![[0.1, -2.0, 1e30], [f64::MIN_POSITIVE, 5.0, 1.0 / 3.0]];
        write_centroids(&path, centroids.view(), Dtype::F64).unwrap();
        assert!(matches!(Matrix::open(&path).unwrap().view(), MatrixView::F64(read) if read == centroids));
        write_centroids(&path, centroids.view(), Dtype::F32).unwrap();
        assert!(matches!(Matrix::open(&path).unwrap().view(), MatrixView::F32(read) if read == centroids.mapv(to_f32)));
    }

    #[test]
    fn a_refused_array_leaves_the_earlier_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        write_indices(&path, [1].into_iter()).unwrap();
        let refused = write_indices(&path, [1, u64::MAX].into_iter()).unwrap_err().to_string();
        assert!(refused.contains("18446744073709551615"), "{refused}");
        write_centroids(&path, array![[1.0]].view(), Dtype::F16).unwrap_err();
        assert_eq!(read_indices(&path).unwrap(), [1]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
