//! `.npy` headers, small matrices and row numbers.
//!
//! A header is read by our own strict parser, which allocates no more than the header's own bytes, so that a hostile
//! file is a finding and never a panic or a gigabyte. Format: numpy's `numpy/lib/format.py`, versions 1 to 3.

mod header;
mod indices;
mod literal;
mod matrix;

use std::fs::{File, Metadata};
use std::path::Path;

use crate::base::error::Finding;

pub use header::{ByteOrder, Element, Header, parse_header};
pub(super) use indices::each_integer;
pub use indices::read_indices;
pub use matrix::Matrix;

/// Opens a plain file. A folder, a pipe or a socket is refused before it is opened, since opening a pipe would wait.
pub(super) fn open_file(path: &Path) -> Result<(File, Metadata), Finding> {
    let cannot = |e: std::io::Error| Finding::io("cannot open the file", path, &e);
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
        let hint = "name the .npy file itself; for all files of a folder write a pattern such as 'FOLDER/*.npy'";
        return Err(Finding::new("not a file").file(path).expected("a file").found(found).hint(hint));
    }
    let file = File::open(path).map_err(cannot)?;
    Ok((file, metadata))
}

/// The numpy command that rewrites `file` as `expression`, in which `a` is the array as numpy loads it.
pub(super) fn numpy_command(file: &Path, load: &str, expression: &str) -> String {
    let target = file.with_extension("fixed.npy");
    format!(
        "python -c \"import numpy as np; a = np.load(r'{}', {load}); np.save(r'{}', {expression})\"",
        file.display(),
        target.display()
    )
}
