//! Writes `.npy` files: headers, and float64 arrays.

use std::io::{self, Write};

use super::header::{MAGIC, shape_text};

/// Byte at which the data starts in every file written here. NumPy asks for a multiple of 64, and the header of a matrix
/// needs 112 bytes at most.
pub(in crate::formats) const DATA_OFFSET: usize = 128;

/// The bytes before the text of the header: magic, version, length.
const PREFIX: usize = 10;

/// The header of an array of at most two dimensions in C order: version 1.0, padded with spaces to [`DATA_OFFSET`] bytes.
///
/// # Panics
/// For a `descr` or a shape that does not fit.
pub(in crate::formats) fn header_bytes(descr: &str, shape: &[u64]) -> [u8; DATA_OFFSET] {
    // Two bytes, little endian: the length of what follows them.
    const LENGTH: [u8; 2] = [(DATA_OFFSET - PREFIX).to_le_bytes()[0], (DATA_OFFSET - PREFIX).to_le_bytes()[1]];
    let fields = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {}, }}", shape_text(shape));
    let mut header = [b' '; DATA_OFFSET];
    header[..6].copy_from_slice(MAGIC);
    header[6..8].copy_from_slice(&[1, 0]);
    header[8..PREFIX].copy_from_slice(&LENGTH);
    header[PREFIX..PREFIX + fields.len()].copy_from_slice(fields.as_bytes());
    header[DATA_OFFSET - 1] = b'\n';
    header
}

/// Writes numbers as a float64 array `[n]`.
///
/// # Errors
/// Those of `file`.
pub fn write_f64s(file: &mut impl Write, numbers: impl ExactSizeIterator<Item = f64>) -> io::Result<()> {
    file.write_all(&header_bytes("<f8", &[numbers.len() as u64]))?;
    numbers.map(f64::to_le_bytes).try_for_each(|bytes| file.write_all(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back() {
        let numbers = [0.5, -0.0, f64::NAN, f64::MIN_POSITIVE];
        let mut file = Vec::new();
        write_f64s(&mut file, numbers.into_iter()).unwrap();
        let read: ndarray::Array1<f64> = ndarray_npy::ReadNpyExt::read_npy(file.as_slice()).unwrap();
        assert_eq!(read.mapv(f64::to_bits).to_vec(), numbers.map(f64::to_bits));
    }

    #[test]
    fn the_longest_header_fits() {
        let header = header_bytes("<f4", &[u64::MAX, u64::MAX]);
        let text = std::str::from_utf8(&header[PREFIX..]).unwrap();
        assert!(text.trim_end().ends_with("18446744073709551615), }"), "{text}");
        assert!(text.ends_with(" \n"));
    }
}
