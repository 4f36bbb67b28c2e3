//! `.npy` files: headers, matrices of centroids and row numbers.
//!
//! The header parser is strict and allocates no more than the header's own bytes: a hostile file is a finding, never a
//! panic or a gigabyte of memory. Format: `numpy/lib/format.py` of NumPy, versions 1 to 3.

mod header;
mod hints;
mod indices;
mod literal;
mod matrix;
mod writer;

pub(super) use header::MAGIC;
pub use header::{ByteOrder, Element, Header, parse_header};
pub(crate) use hints::shell_word;
pub(super) use hints::{floats, labels as label_hint, numpy_command};
pub(super) use indices::each_integer;
pub use indices::read_indices;
pub use matrix::Matrix;
pub use writer::write_f64s;
pub(super) use writer::{DATA_OFFSET, header_bytes};
