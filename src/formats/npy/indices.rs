//! 1-D `.npy` files of integers, such as row numbers.

use std::io::{BufReader, Read};
use std::path::Path;

use super::{ByteOrder, Element, Header, hints, parse_header};
use crate::base::error::Finding;
use crate::formats::input_file;

/// What a caller of [`each_integer`] calls row numbers. In their place, a user may pass a mask of booleans.
const ROW_NUMBERS: &str = "row numbers";

/// Reads a 1-D `.npy` of integers of any width and byte order.
///
/// # Errors
/// Another type or number of dimensions, a file whose length doesn't fit its header, or a negative number.
pub fn read_indices(path: &Path) -> Result<Vec<u64>, Finding> {
    let mut indices = Vec::new();
    each_integer(path, ROW_NUMBERS, |position, number| {
        indices.push(number.map_err(|negative| {
            Finding::new("a row number is negative")
                .file(path)
                .index(position)
                .expected("row numbers from 0 on")
                .found(negative.to_string())
        })?);
        Ok(())
    })?;
    Ok(indices)
}

/// Passes each integer of a 1-D `.npy`, of any width and byte order, to `each` with its position: `Ok` for 0 and above, `Err`
/// for a negative one. Returns their number. `what` names the integers in messages.
///
/// # Errors
/// Another type or number of dimensions, a file whose length doesn't fit its header, and errors of `each`.
pub(in crate::formats) fn each_integer(
    path: &Path,
    what: &str,
    mut each: impl FnMut(u64, Result<u64, i64>) -> Result<(), Finding>,
) -> Result<u64, Finding> {
    let (file, metadata) = input_file::open(path)?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let header = parse_header(&mut reader, path)?;
    let element = check_type(&header, path, what)?;
    header.check_length(element.size, metadata.len(), path)?;
    let count = header.shape[0];
    let mut bytes = [0_u8; 8];
    for position in 0..count {
        let number = &mut bytes[..element.size];
        reader.read_exact(number).map_err(|e| Finding::io("the file can't be read", path, &e))?;
        each(position, decode(number, element))?;
    }
    Ok(count)
}

fn check_type(header: &Header, path: &Path, what: &str) -> Result<Element, Finding> {
    let refuse = || {
        let hint = if what == ROW_NUMBERS { hints::row_numbers(header, path) } else { hints::labels(header, path) };
        let found = format!("{} of {}", header.shape_text(), header.descr);
        let finding = Finding::new(format!("not a list of {what}")).file(path).expected("a 1-D array of integers");
        finding.found(found).hint(hint)
    };
    match header.element() {
        Some(element) if matches!((element.kind, element.size), ('i' | 'u', 1 | 2 | 4 | 8)) => match header.shape.len()
        {
            1 => Ok(element),
            _ => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}

/// The number in `bytes`, which are 1, 2, 4 or 8: `Ok` for 0 and above, `Err` for a negative one.
fn decode(bytes: &[u8], element: Element) -> Result<u64, i64> {
    let shift = |value: u64, &byte: &u8| (value << 8) | u64::from(byte);
    let value = match element.order {
        ByteOrder::Big => bytes.iter().fold(0, shift),
        ByteOrder::Little => bytes.iter().rev().fold(0, shift),
    };
    if element.kind == 'u' {
        return Ok(value);
    }
    // Shifting left and back extends the sign.
    let unused = 64 - 8 * element.size;
    let signed = (value << unused).cast_signed() >> unused;
    u64::try_from(signed).map_err(|_| signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn write(folder: &tempfile::TempDir, descr: &str, shape: &str, data: &[u8]) -> PathBuf {
        let path = folder.path().join("indices.npy");
        let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(dict.len()).unwrap().to_le_bytes());
        bytes.extend(dict.as_bytes());
        bytes.extend(data);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn reads_every_width_and_byte_order() {
        let folder = tempfile::tempdir().unwrap();
        for (descr, data, expected) in [
            ("<i8", [258_i64.to_le_bytes(), i64::MAX.to_le_bytes()].concat(), vec![258, i64::MAX.unsigned_abs()]),
            (">i8", [258_i64.to_be_bytes(), 7_i64.to_be_bytes()].concat(), vec![258, 7]),
            ("<i4", [258_i32.to_le_bytes(), 7_i32.to_le_bytes()].concat(), vec![258, 7]),
            (">u4", [u32::MAX.to_be_bytes(), 7_u32.to_be_bytes()].concat(), vec![u64::from(u32::MAX), 7]),
            ("<u8", [u64::MAX.to_le_bytes(), 7_u64.to_le_bytes()].concat(), vec![u64::MAX, 7]),
            ("<u2", vec![2, 1, 7, 0], vec![258, 7]),
            ("|u1", vec![255, 7], vec![255, 7]),
            ("|i1", vec![127, 7], vec![127, 7]),
        ] {
            assert_eq!(read_indices(&write(&folder, descr, "(2,)", &data)).unwrap(), expected, "{descr}");
        }
        assert!(read_indices(&write(&folder, "<i8", "(0,)", &[])).unwrap().is_empty());
    }

    #[test]
    fn refuses_negatives_other_types_and_wrong_lengths() {
        let folder = tempfile::tempdir().unwrap();
        for (descr, shape, data, wrong) in [
            ("<i4", "(2,)", [1_i32.to_le_bytes(), (-3_i32).to_le_bytes()].concat(), "index 1"),
            ("|i1", "(1,)", vec![0x80], "-128"),
            ("<f8", "(1,)", vec![0; 8], "integers"),
            ("|b1", "(1,)", vec![1], "flatnonzero"),
            ("<i8", "(1, 1)", vec![0; 8], "ravel"),
            ("<i8", "(2,)", vec![0; 8], "shorter"),
            ("<i8", "(1,)", vec![0; 16], "longer"),
            ("<i8", "(1152921504606846976,)", vec![0; 16], "shorter"),
            ("<i8", "(4611686018427387904,)", vec![0; 16], "impossible"),
        ] {
            let finding = read_indices(&write(&folder, descr, shape, &data)).unwrap_err().to_string();
            assert!(finding.contains(wrong) && finding.contains("indices.npy"), "{descr} {shape}: {finding}");
        }
    }
}
