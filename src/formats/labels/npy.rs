//! Labels in a `.npy` file of integers or of fixed-width strings.

use std::io::{BufReader, Read};
use std::path::Path;

use super::code::Coder;
use super::list::Labels;
use crate::base::error::Finding;
use crate::base::numeric::to_usize;
use crate::formats::npy::{Header, each_integer, numpy_command, parse_header};
use crate::formats::pickle::Dtype;

/// Reads labels. The reader is at the start of a file of `size` bytes.
pub(super) fn read(mut reader: BufReader<impl Read>, path: &Path, size: u64) -> Result<Labels, Finding> {
    let header = parse_header(&mut reader, path)?;
    match Dtype::from_descr(&header.descr) {
        Some(dtype) if dtype.is_text() => texts(reader, &header, dtype, path, size),
        _ => integers(path),
    }
}

fn integers(path: &Path) -> Result<Labels, Finding> {
    let mut coder = Coder::new(path);
    each_integer(path, "labels", |row, label| match label {
        Ok(label) => coder.push(Some(&label)),
        Err(-1) => coder.push(None),
        Err(negative) => {
            let finding = Finding::new("a label is negative").file(path).index(row).found(negative.to_string());
            Err(finding.expected("whole numbers, or -1 for rows without a label"))
        }
    })?;
    Ok(coder.finish_numbers())
}

fn texts(mut reader: impl Read, header: &Header, dtype: Dtype, path: &Path, size: u64) -> Result<Labels, Finding> {
    let [rows] = header.shape[..] else {
        let finding = Finding::new("the array doesn't hold labels").file(path).expected("strings of shape (n,)");
        return Err(finding.found(format!("shape {}", header.shape_text())).hint("save labels.ravel()"));
    };
    let bytes = to_usize(dtype.size());
    // From here on, a string is no longer than the file.
    header.check_length(bytes, size, path)?;
    let mut coder = Coder::new(path);
    let mut cell = vec![0; if rows == 0 { 0 } else { bytes }];
    for row in 0..rows {
        reader.read_exact(&mut cell).map_err(|e| Finding::io("the file can't be read", path, &e))?;
        let text = dtype.text(&cell).ok_or_else(|| {
            let finding = Finding::new("a label is not valid text").file(path).index(row);
            finding.expected("Unicode, or UTF-8 in bytes").hint(if header.descr.contains('S') {
                numpy_command(path, "mmap_mode='r'", "np.char.decode(a, 'latin-1')") + ", or with their own encoding"
            } else {
                "write the labels again: the file is damaged".to_owned()
            })
        })?;
        coder.text(&text)?;
    }
    Ok(coder.finish_texts())
}
