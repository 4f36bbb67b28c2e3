//! Row sources: embeddings, a subset of them, centroids of the level below, or a selection of these.

use std::ops::Range;

use ndarray::Array2;

use crate::backend::Kept;
use crate::base::error::Result;
use crate::base::magnitude;
use crate::base::matrix::Dtype;
use crate::base::numeric::to_usize;
use crate::formats::embeddings::Embeddings;

/// Rows closer than this are read at once: reading the gap costs less than another read.
const GAP_BYTES: usize = 64 << 10;
/// Maximum bytes read at once.
const READ_BYTES: usize = 4 << 20;

/// Vectors by position. Threads can read concurrently.
pub trait Points: Sync {
    /// Number of points.
    fn len(&self) -> u64;

    /// Whether there are no points.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Dimension d.
    fn dim(&self) -> usize;

    /// Element type of the points, little endian.
    fn dtype(&self) -> Dtype;

    /// Reads consecutive points from `first` into `out`, `[count, row_bytes]`. The length of `out` gives the count.
    ///
    /// # Errors
    /// I/O errors.
    fn read(&self, first: u64, out: &mut [u8]) -> Result<()>;

    /// Reads the points at `positions` (ascending) into `out`, `[positions.len(), row_bytes]`.
    ///
    /// # Errors
    /// I/O errors.
    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()>;

    /// The points among these that a device keeps; `None` if no store was opened for them.
    fn kept(&self) -> Option<Kept<'_>> {
        None
    }

    /// Bytes of one point.
    fn row_bytes(&self) -> usize {
        self.dim() * self.dtype().size()
    }
}

/// Whether all values of a point are within float32's range: none is NaN, infinite or beyond 3.4e38. Bounds and distances
/// between passes are kept in float32.
pub fn is_in_range(dtype: Dtype, bytes: &[u8]) -> bool {
    // false for NaN
    magnitude::largest(dtype, bytes) <= f64::from(f32::MAX)
}

/// Rows of embeddings: all, or a subset.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddingPoints<'a> {
    /// The embeddings, `[n, d]`.
    pub embeddings: &'a Embeddings,
    /// Row number of each point; `None` if every row is a point.
    pub subset: Option<&'a [u64]>,
}

impl Points for EmbeddingPoints<'_> {
    fn len(&self) -> u64 {
        self.subset.map_or(self.embeddings.rows(), |subset| subset.len() as u64)
    }

    fn dim(&self) -> usize {
        self.embeddings.dim()
    }

    fn dtype(&self) -> Dtype {
        self.embeddings.dtype()
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        let Some(subset) = self.subset else { return self.embeddings.read_rows(first, out) };
        let count = out.len() / self.row_bytes();
        self.rows(subset[to_usize(first)..][..count].iter().copied(), out)
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        match self.subset {
            None => self.rows(positions.iter().copied(), out),
            Some(subset) => {
                // positions are within the subset, which is in memory
                let row = |&position: &u64| subset[to_usize(position)];
                self.rows(positions.iter().map(row), out)
            }
        }
    }
}

impl EmbeddingPoints<'_> {
    /// Reads rows in the given order. Ascending runs of nearby rows are read at once.
    fn rows(&self, rows: impl Iterator<Item = u64> + Clone, out: &mut [u8]) -> Result<()> {
        let bytes = self.row_bytes();
        let (gap, most) = ((GAP_BYTES / bytes) as u64, (READ_BYTES / bytes).max(1) as u64);
        let mut block = Vec::new();
        let mut rows = rows.peekable();
        let mut out = out.chunks_exact_mut(bytes);
        let mut run = Vec::new();
        while let Some(first) = rows.next() {
            run.clear();
            run.push(first);
            let mut last = first;
            while let Some(row) = rows.next_if(|&row| row > last && row - last <= gap + 1 && row - first < most) {
                run.push(row);
                last = row;
            }
            // at most READ_BYTES, or one row
            block.resize(to_usize(last - first + 1) * bytes, 0);
            self.embeddings.read_rows(first, &mut block)?;
            for (row, out) in run.iter().zip(&mut out) {
                let at = to_usize(row - first) * bytes;
                out.copy_from_slice(&block[at..][..bytes]);
            }
        }
        Ok(())
    }
}

/// Vectors in memory, such as the centroids of the level below.
#[derive(Debug, Clone, Copy)]
pub struct MatrixPoints<'a> {
    /// `[n, d]`, row-major.
    pub matrix: &'a Array2<f64>,
}

impl MatrixPoints<'_> {
    fn rows(&self, rows: impl Iterator<Item = u64>, out: &mut [u8]) {
        for (row, out) in rows.zip(out.chunks_exact_mut(self.row_bytes().max(1))) {
            let row = self.matrix.row(to_usize(row));
            for (&value, out) in row.iter().zip(out.as_chunks_mut::<8>().0) {
                *out = value.to_le_bytes();
            }
        }
    }
}

impl Points for MatrixPoints<'_> {
    fn len(&self) -> u64 {
        self.matrix.nrows() as u64
    }

    fn dim(&self) -> usize {
        self.matrix.ncols()
    }

    fn dtype(&self) -> Dtype {
        Dtype::F64
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        self.rows(first.., out);
        Ok(())
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        self.rows(positions.iter().copied(), out);
        Ok(())
    }
}

/// A selection of other points, such as a sample.
#[derive(Clone, Copy)]
pub struct Picked<'a> {
    /// The other points.
    pub of: &'a dyn Points,
    /// Positions among the other points, ascending.
    pub positions: &'a [u64],
}

impl Points for Picked<'_> {
    fn len(&self) -> u64 {
        self.positions.len() as u64
    }

    fn dim(&self) -> usize {
        self.of.dim()
    }

    fn dtype(&self) -> Dtype {
        self.of.dtype()
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        let count = out.len() / self.row_bytes();
        self.of.gather(&self.positions[to_usize(first)..][..count], out)
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        let of = |&position: &u64| self.positions[to_usize(position)];
        let positions: Vec<u64> = positions.iter().map(of).collect();
        self.of.gather(&positions, out)
    }
}

/// Points in memory, for repeated reading.
#[derive(Debug, Clone)]
pub struct Held {
    bytes: Vec<u8>,
    dim: usize,
    dtype: Dtype,
}

impl Held {
    /// Reads all of `points`.
    ///
    /// # Errors
    /// I/O errors.
    pub fn read(points: &dyn Points) -> Result<Held> {
        // the caller ensures that the points fit into memory
        let count = to_usize(points.len());
        let mut bytes = vec![0; count.saturating_mul(points.row_bytes())];
        points.read(0, &mut bytes)?;
        Ok(Held { bytes, dim: points.dim(), dtype: points.dtype() })
    }

    fn row(&self, position: u64) -> &[u8] {
        &self.bytes[to_usize(position) * self.row_bytes()..][..self.row_bytes()]
    }
}

impl Points for Held {
    fn len(&self) -> u64 {
        (self.bytes.len() / self.row_bytes().max(1)) as u64
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        let at = to_usize(first) * self.row_bytes();
        out.copy_from_slice(&self.bytes[at..][..out.len()]);
        Ok(())
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        for (&position, out) in positions.iter().zip(out.chunks_exact_mut(self.row_bytes().max(1))) {
            out.copy_from_slice(self.row(position));
        }
        Ok(())
    }
}

/// A range of other points, such as one process's share.
#[derive(Clone)]
pub struct Stretch<'a> {
    /// The other points.
    pub of: &'a dyn Points,
    /// Positions among the other points.
    pub range: Range<u64>,
}

impl Points for Stretch<'_> {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn dim(&self) -> usize {
        self.of.dim()
    }

    fn dtype(&self) -> Dtype {
        self.of.dtype()
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<()> {
        self.of.read(self.range.start + first, out)
    }

    fn gather(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        let positions: Vec<u64> = positions.iter().map(|position| self.range.start + position).collect();
        self.of.gather(&positions, out)
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::base::error::Findings;

    fn read_all(points: &dyn Points) -> Vec<u8> {
        let mut out = vec![0; usize::try_from(points.len()).expect("small") * points.row_bytes()];
        points.read(0, &mut out).expect("reads");
        out
    }

    /// Rows whose values encode their number, far enough apart that some are read one by one.
    #[test]
    fn points_are_the_requested_rows() {
        const DIM: usize = 8192;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("e.npy");
        let rows: Vec<f32> = (0..40u8).flat_map(|row| vec![f32::from(row); DIM]).collect();
        let array = ndarray::Array2::from_shape_vec((40, DIM), rows).expect("a matrix");
        ndarray_npy::write_npy(&path, &array).expect("writes");
        let embeddings = Embeddings::open(&[path], &mut Findings::new()).expect("opens");
        let numbers = |points: &dyn Points| -> Vec<f32> {
            let bytes = read_all(points);
            let floats: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            floats.chunks(DIM).inspect(|row| assert!(row.iter().all(|v| v == &row[0]))).map(|row| row[0]).collect()
        };
        let all = EmbeddingPoints { embeddings: &embeddings, subset: None };
        assert_eq!(numbers(&all).len(), 40);
        let subset = [7, 3, 4, 6, 39, 0];
        let some = EmbeddingPoints { embeddings: &embeddings, subset: Some(&subset) };
        assert_eq!(numbers(&some), [7.0, 3.0, 4.0, 6.0, 39.0, 0.0]);
        let picked = Picked { of: &some, positions: &[1, 2, 4] };
        assert_eq!(numbers(&picked), [3.0, 4.0, 39.0]);
        let stretch = Stretch { of: &picked, range: 1..3 };
        assert_eq!(numbers(&stretch), [4.0, 39.0]);
        assert_eq!(numbers(&Picked { of: &stretch, positions: &[1] }), [39.0]);
        let apart = Picked { of: &all, positions: &[0, 1, 2, 30, 31] };
        assert_eq!(numbers(&apart), [0.0, 1.0, 2.0, 30.0, 31.0]);
        let held = Held::read(&apart).expect("reads");
        assert_eq!(numbers(&held), [0.0, 1.0, 2.0, 30.0, 31.0]);
        assert_eq!(numbers(&Stretch { of: &held, range: 3..5 }), [30.0, 31.0]);
        assert_eq!(numbers(&Picked { of: &held, positions: &[1, 4] }), [1.0, 31.0]);
    }

    #[test]
    fn a_value_beyond_float32_is_noticed_in_every_element_type() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.5] {
            let finite = value.is_finite();
            let row = |bytes: Vec<u8>, dtype: Dtype| is_in_range(dtype, &[vec![0; dtype.size()], bytes].concat());
            assert_eq!(row(f16::from_f64(value).to_le_bytes().to_vec(), Dtype::F16), finite);
            assert_eq!(row(f32::from(f16::from_f64(value)).to_le_bytes().to_vec(), Dtype::F32), finite);
            assert_eq!(row(value.to_le_bytes().to_vec(), Dtype::F64), finite);
        }
        assert!(
            is_in_range(Dtype::F64, &3.4e38_f64.to_le_bytes()) && !is_in_range(Dtype::F64, &(-1e39_f64).to_le_bytes())
        );
    }

    #[test]
    fn centroids_are_points() {
        let matrix = ndarray::array![[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]];
        let points = MatrixPoints { matrix: &matrix };
        let picked = Picked { of: &points, positions: &[0, 2] };
        let values: Vec<f64> =
            read_all(&picked).as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
        assert_eq!(values, [0.5, 1.0, 4.0, 5.0]);
    }
}
