//! Which arrays of the embeddings' files are read.

use std::path::Path;

use serde::Serialize;

use super::layer::options;
use crate::formats::embeddings::{ReadOptions, Untyped};

options! {
    /// Which arrays of the embeddings' files are read, as written.
    #[derive(PartialEq, Eq, Serialize)]
    pub struct Reading {
        /// Read this array of .npz or .safetensors embeddings [default: the only matrix]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub array: Option<String>,

        /// Read this column of Parquet embeddings, or a column for each dimension by a glob such as 'x*' [default: the only
        /// column of lists, or all columns of floats]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub column: Option<String>,

        /// Read elements without a type, NumPy's V2, as this type
        #[arg(long, value_name = "TYPE", help_heading = "Input")]
        pub dtype: Option<Untyped>,
    }
}

impl Reading {
    /// The same for the reader, which unpacks compressed arrays to the folder `scratch`.
    pub(super) fn options(&self, scratch: Option<&Path>) -> ReadOptions {
        let (array, column) = (self.array.clone(), self.column.clone());
        ReadOptions { array, column, untyped: self.dtype, scratch: scratch.map(Path::to_owned) }
    }
}
