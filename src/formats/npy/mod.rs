//! `.npy` files: headers, matrices of centroids and row numbers.
//!
//! The header parser is strict and allocates no more than the header's own bytes: a hostile file is a finding, never a
//! panic or a gigabyte of memory. Format: `numpy/lib/format.py` of NumPy, versions 1 to 3.

mod header;
mod indices;
mod literal;
mod matrix;
mod writer;

use std::path::Path;

pub(super) use header::MAGIC;
pub use header::{ByteOrder, Element, Header, parse_header};
pub(super) use indices::each_integer;
pub use indices::read_indices;
pub use matrix::Matrix;
pub(super) use writer::{DATA_OFFSET, header_bytes};

/// The NumPy command that rewrites `file` as `expression`, in which `a` is the loaded array.
pub(super) fn numpy_command(file: &Path, load: &str, expression: &str) -> String {
    let target = file.with_extension("fixed.npy");
    format!(
        "python -c \"import numpy as np; a = np.load(r'{}', {load}); np.save(r'{}', {expression})\"",
        file.display(),
        target.display()
    )
}
