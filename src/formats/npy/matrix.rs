//! Matrices of centroids.
//!
//! Ten million centroids of 1,024 dimensions take 40 GB, so a file in the machine's own layout is mapped and never
//! loaded. Any other layout (float16, Fortran order, the other byte order, unaligned data) is converted in memory to
//! row-major order, because the backends need a centroid as one slice.

use std::path::Path;

use half::f16;
use memmap2::Mmap;
use ndarray::{Array2, ArrayView2, Ix2, ShapeBuilder};

use super::{ByteOrder, Element, Header, parse_header};
use crate::base::error::Finding;
use crate::base::matrix::MatrixView;
use crate::base::numeric::to_usize;
use crate::base::scale::Scale;
use crate::formats::input_file;

/// A matrix, `[rows, columns]`; at least 1 x 1 if it is from a `.npy` file.
#[derive(Debug)]
pub struct Matrix {
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    MappedF32(Mapped),
    MappedF64(Mapped),
    F32(Array2<f32>),
    F64(Array2<f64>),
}

/// The position of the elements in a mapped file, checked once when the file is opened.
#[derive(Debug)]
struct Mapped {
    map: Mmap,
    data_offset: usize,
    shape: Ix2,
    fortran_order: bool,
}

impl Matrix {
    /// Replaces the elements by a float64 copy in memory, divided by `scale`.
    pub fn divide_by(&mut self, scale: Scale) {
        let view = self.view();
        let mut divided = Array2::zeros((view.rows(), view.cols()));
        for (number, row) in divided.as_slice_mut().unwrap_or_default().chunks_mut(view.cols()).enumerate() {
            view.copy_row(number, row);
            row.iter_mut().for_each(|value| *value = scale.divide(*value));
        }
        self.storage = Storage::F64(divided);
    }

    /// A matrix in memory.
    pub fn of_values(values: Array2<f64>) -> Matrix {
        Matrix { storage: Storage::F64(values) }
    }

    /// Opens a 2-D `.npy` of `f2`, `f4` or `f8`, in any byte order, C or Fortran order.
    ///
    /// A mapped file must not change while it is open: if another program truncates it, the system kills this one.
    ///
    /// # Errors
    /// Another type or number of dimensions, zero rows or columns, or a file whose length doesn't fit its header.
    pub fn open(path: &Path) -> Result<Matrix, Finding> {
        let (mut file, metadata) = input_file::open(path)?;
        let header = parse_header(&mut file, path)?;
        let (element, shape) = check_type(&header, path)?;
        header.check_length(element.size, metadata.len(), path)?;
        // SAFETY: the map is read-only and every bit pattern is a valid float. The documentation above asks that the file
        // does not change while it is mapped; no system can enforce that.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Finding::io("the file can't be mapped", path, &e))?;
        if map.len() as u64 != metadata.len() {
            return Err(Finding::new("the file changed while it was opened").file(path).hint("run again"));
        }
        let data_offset = to_usize(header.data_offset);
        let mapped = Mapped { map, data_offset, shape, fortran_order: header.fortran_order };
        let storage = match element.size {
            2 => Storage::F32(mapped.convert(element, |b, order| read_f16(b, order).to_f32())),
            4 if mapped.in_place::<f32>(element.order) => Storage::MappedF32(mapped),
            4 => Storage::F32(mapped.convert(element, read_f32)),
            _ if mapped.in_place::<f64>(element.order) => Storage::MappedF64(mapped),
            _ => Storage::F64(mapped.convert(element, read_f64)),
        };
        Ok(Matrix { storage })
    }

    /// The elements, row-major, without a copy.
    pub fn view(&self) -> MatrixView<'_> {
        match &self.storage {
            Storage::MappedF32(mapped) => MatrixView::F32(mapped.view()),
            Storage::MappedF64(mapped) => MatrixView::F64(mapped.view()),
            Storage::F32(array) => MatrixView::F32(array.view()),
            Storage::F64(array) => MatrixView::F64(array.view()),
        }
    }

    /// Whether the elements stay in the file instead of in memory.
    pub fn is_mapped(&self) -> bool {
        matches!(self.storage, Storage::MappedF32(_) | Storage::MappedF64(_))
    }
}

impl Mapped {
    /// Whether the file's elements can be used in place: native byte order, aligned, row-major.
    fn in_place<T: bytemuck::Pod>(&self, order: ByteOrder) -> bool {
        !self.fortran_order && order == ByteOrder::NATIVE && bytemuck::try_cast_slice::<u8, T>(self.data()).is_ok()
    }

    fn data(&self) -> &[u8] {
        &self.map[self.data_offset..]
    }

    /// The elements in place. Only after `in_place::<T>`, which checks alignment.
    fn view<T: bytemuck::Pod>(&self) -> ArrayView2<'_, T> {
        let elements: &[T] = bytemuck::cast_slice(self.data());
        ArrayView2::from_shape(self.shape, elements).expect("length and shape were compared when the file was opened")
    }

    fn convert<T: Clone>(&self, element: Element, read: impl Fn(&[u8], ByteOrder) -> T) -> Array2<T> {
        let elements = self.data().chunks_exact(element.size).map(|bytes| read(bytes, element.order)).collect();
        let array = Array2::from_shape_vec(self.shape.set_f(self.fortran_order), elements)
            .expect("length and shape were compared when the file was opened");
        array.as_standard_layout().into_owned()
    }
}

/// The `N` bytes of `bytes` in little-endian order.
fn in_order<const N: usize>(bytes: &[u8], order: ByteOrder) -> [u8; N] {
    let mut little = [0; N];
    little.copy_from_slice(bytes);
    if order == ByteOrder::Big {
        little.reverse();
    }
    little
}

fn read_f16(bytes: &[u8], order: ByteOrder) -> f16 {
    f16::from_le_bytes(in_order(bytes, order))
}

fn read_f32(bytes: &[u8], order: ByteOrder) -> f32 {
    f32::from_le_bytes(in_order(bytes, order))
}

fn read_f64(bytes: &[u8], order: ByteOrder) -> f64 {
    f64::from_le_bytes(in_order(bytes, order))
}

fn check_type(header: &Header, path: &Path) -> Result<(Element, Ix2), Finding> {
    let refuse = |hint: &str| {
        let found = format!("shape {} of {}", header.shape_text(), header.descr);
        let expected = "a 2-D array of float16, float32 or float64 with at least one row and one column";
        Finding::new("not a matrix of floats").file(path).expected(expected).found(found).hint(hint)
    };
    let element = header
        .element()
        .filter(|element| matches!((element.kind, element.size), ('f', 2 | 4 | 8)))
        .ok_or_else(|| refuse(&super::floats(header, path)))?;
    let shape = match header.shape.as_slice() {
        &[rows, columns] if rows > 0 && columns > 0 => Ix2(to_usize(rows), to_usize(columns)),
        _ => return Err(refuse("check that this is the right file; each row is one vector")),
    };
    Ok((element, shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn write(folder: &tempfile::TempDir, descr: &str, fortran: bool, shape: &str, pad: usize, data: &[u8]) -> PathBuf {
        let path = folder.path().join("centroids.npy");
        let order = if fortran { "True" } else { "False" };
        let mut dict = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        // The data starts `pad` bytes past a multiple of 64.
        dict.push_str(&" ".repeat((63 + pad) - (10 + dict.len()) % 64));
        dict.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(dict.len()).unwrap().to_le_bytes());
        bytes.extend(dict.as_bytes());
        bytes.extend(data);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn rows_of(matrix: &Matrix) -> Vec<Vec<f64>> {
        let view = matrix.view();
        let mut row = vec![f64::NAN; view.cols()];
        (0..view.rows())
            .map(|r| {
                view.copy_row(r, &mut row);
                row.clone()
            })
            .collect()
    }

    #[test]
    fn every_layout_gives_the_same_matrix() {
        let folder = tempfile::tempdir().unwrap();
        let (c_order, f_order) = ([0.5, 1.0, -2.0, 3.0, 4.0, 5.5], [0.5, 3.0, 1.0, 4.0, -2.0, 5.5]);
        let expected = vec![vec![0.5, 1.0, -2.0], vec![3.0, 4.0, 5.5]];
        for (fortran, values) in [(false, c_order), (true, f_order)] {
            let f16s = values.map(f16::from_f64);
            let f32s = values.map(|v| f16::from_f64(v).to_f32());
            for (descr, data, mappable) in [
                ("<f2", f16s.map(f16::to_le_bytes).concat(), false),
                (">f2", f16s.map(f16::to_be_bytes).concat(), false),
                ("<f4", f32s.map(f32::to_le_bytes).concat(), true),
                (">f4", f32s.map(f32::to_be_bytes).concat(), false),
                ("<f8", values.map(f64::to_le_bytes).concat(), true),
                (">f8", values.map(f64::to_be_bytes).concat(), false),
            ] {
                for pad in [0, 1, 4] {
                    let matrix = Matrix::open(&write(&folder, descr, fortran, "(2, 3)", pad, &data)).unwrap();
                    assert_eq!(rows_of(&matrix), expected, "{descr} {fortran} {pad}");
                    let aligned = pad == 0 || (pad == 4 && descr == "<f4");
                    let native = cfg!(target_endian = "little") && !fortran;
                    assert_eq!(matrix.is_mapped(), mappable && aligned && native, "{descr} {fortran} {pad}");
                    let row_major = match matrix.view() {
                        MatrixView::F32(view) => view.is_standard_layout(),
                        MatrixView::F64(view) => view.is_standard_layout(),
                    };
                    assert!(row_major, "{descr} {fortran} {pad}");
                }
            }
        }
    }

    #[test]
    fn refuses_what_is_not_a_matrix() {
        let folder = tempfile::tempdir().unwrap();
        for (descr, shape, bytes, wrong) in [
            ("<i8", "(1, 2)", 16, "not a matrix of floats"),
            ("|O", "(2,)", 16, "not a matrix of floats"),
            ("<f4", "(2,)", 8, "2-D"),
            ("<f4", "(0, 2)", 0, "at least one row"),
            ("<f4", "(2, 0)", 0, "at least one row"),
            ("<f4", "(2, 2)", 15, "found:    143 bytes"),
            ("<f4", "(2, 2)", 17, "longer"),
            ("<f4", "(1152921504606846976, 4)", 16, "impossible"),
            ("<f4", "(1152921504606846976, 1)", 16, "shorter"),
        ] {
            let path = write(&folder, descr, false, shape, 0, &vec![0; bytes]);
            let finding = Matrix::open(&path).unwrap_err().to_string();
            assert!(finding.contains(wrong) && finding.contains("centroids.npy"), "{descr} {shape}: {finding}");
        }
    }
}
