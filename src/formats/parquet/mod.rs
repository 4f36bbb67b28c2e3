//! Parquet files: tables that are written, columns of texts that are read, and the headers of pages. Columns of vectors are
//! read by `embeddings`.

pub(super) mod page_header;
mod texts;
mod writer;

pub(super) use texts::{Kinds, Texts, column_names};
pub use writer::{Cells, ParquetFile, Picture, write};
