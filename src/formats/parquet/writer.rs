//! Writes Parquet files, column by column.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use serde_json::{Map, json};

use crate::base::error::{Error, Result};

/// Fields of a picture.
const BYTES: &str = "bytes";
const PATH: &str = "path";

/// The cells of a column. Any cell can be null.
#[derive(Debug)]
pub enum Cells {
    /// 64-bit integers.
    Whole(Vec<Option<i64>>),
    /// float64.
    Real(Vec<Option<f64>>),
    /// float32.
    Single(Vec<Option<f32>>),
    /// UTF-8 text.
    Text(Vec<Option<String>>),
    /// Pictures, as Hugging Face's data sets hold them: a struct of `bytes` and `path`.
    Pictures(Vec<Option<Picture>>),
}

/// A picture in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Content of an image file.
    pub bytes: Vec<u8>,
    /// Name of the file that it was made from.
    pub path: String,
}

/// A file being written, one row group at a time.
pub struct ParquetFile {
    writer: SerializedFileWriter<File>,
    path: PathBuf,
}

impl ParquetFile {
    /// Starts a file with the names and types of these columns.
    ///
    /// # Errors
    /// `Failed` if it can't be written.
    pub fn create(path: &Path, columns: &[(String, Cells)]) -> Result<ParquetFile> {
        let file = File::create(path).map_err(|e| Error::io("can't create the Parquet file", path, &e))?;
        let begun =
            schema(columns).and_then(|schema| SerializedFileWriter::new(file, schema, Arc::new(properties(columns))));
        let writer = begun.map_err(|e| failed(path, e))?;
        Ok(ParquetFile { writer, path: path.to_owned() })
    }

    /// Adds a row group. Needs the same columns in the same order, all of one length.
    ///
    /// # Errors
    /// `Failed` if it can't be written.
    pub fn write(&mut self, columns: &[(String, Cells)]) -> Result<()> {
        let written = self.writer.next_row_group().and_then(|mut group| {
            columns.iter().try_for_each(|(_, cells)| cells.write(&mut group))?;
            group.close().map(drop)
        });
        written.map_err(|e| failed(&self.path, e))
    }

    /// Completes the file, which is unreadable before.
    ///
    /// # Errors
    /// `Failed` if it can't be written.
    pub fn finish(self) -> Result<()> {
        let mut file = self.writer.into_inner().map_err(|e| failed(&self.path, e))?;
        file.flush().map_err(|e| Error::io("can't write the Parquet file", &self.path, &e))
    }
}

/// Writes a file with one row group.
///
/// # Errors
/// `Failed` if it can't be written.
pub fn write(path: &Path, columns: &[(String, Cells)]) -> Result<()> {
    let mut file = ParquetFile::create(path, columns)?;
    file.write(columns)?;
    file.finish()
}

fn failed(path: &Path, error: ParquetError) -> Error {
    Error::io("can't write the Parquet file", path, &std::io::Error::other(error))
}

fn properties(columns: &[(String, Cells)]) -> WriterProperties {
    let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let mut features = Map::new();
    for (name, _) in columns.iter().filter(|(_, cells)| matches!(cells, Cells::Pictures(_))) {
        // no two pictures are equal, and their order means nothing
        let bytes = ColumnPath::new(vec![name.clone(), BYTES.to_owned()]);
        properties = properties
            .set_column_dictionary_enabled(bytes.clone(), false)
            .set_column_statistics_enabled(bytes, EnabledStatistics::None);
        features.insert(name.clone(), json!({ "_type": "Image" }));
    }
    if features.is_empty() {
        return properties.build();
    }
    // by this key, Hugging Face's `datasets` knows that the structs are pictures
    let known = json!({ "info": { "features": features } }).to_string();
    properties.set_key_value_metadata(Some(vec![KeyValue::new("huggingface".to_owned(), known)])).build()
}

fn schema(columns: &[(String, Cells)]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(|(name, cells)| cells.field(name)).collect::<Result<_, _>>()?;
    Type::group_type_builder("table").with_fields(fields).build().map(Arc::new)
}

impl Cells {
    fn field(&self, name: &str) -> Result<TypePtr, ParquetError> {
        let text = Some(LogicalType::String);
        match self {
            Cells::Whole(_) => optional(name, Physical::INT64, None),
            Cells::Real(_) => optional(name, Physical::DOUBLE, None),
            Cells::Single(_) => optional(name, Physical::FLOAT, None),
            Cells::Text(_) => optional(name, Physical::BYTE_ARRAY, text),
            Cells::Pictures(_) => {
                let fields =
                    vec![optional(BYTES, Physical::BYTE_ARRAY, None)?, optional(PATH, Physical::BYTE_ARRAY, text)?];
                let group = Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL);
                group.with_fields(fields).build().map(Arc::new)
            }
        }
    }

    fn write(&self, group: &mut SerializedRowGroupWriter<File>) -> Result<(), ParquetError> {
        if let Cells::Pictures(cells) = self {
            // a missing picture is null as a whole, so its fields are missing on both levels
            let levels: Vec<i16> = cells.iter().map(|cell| if cell.is_some() { 2 } else { 0 }).collect();
            let fields: [fn(&Picture) -> ByteArray; 2] =
                [|picture| picture.bytes.clone().into(), |picture| picture.path.as_str().into()];
            for field in fields {
                let Some(mut column) = group.next_column()? else { return Ok(()) };
                let values: Vec<ByteArray> = cells.iter().flatten().map(field).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
                column.close()?;
            }
            return Ok(());
        }
        let Some(mut column) = group.next_column()? else { return Ok(()) };
        match self {
            Cells::Whole(cells) => {
                let values: Vec<i64> = cells.iter().flatten().copied().collect();
                column.typed::<Int64Type>().write_batch(&values, Some(&defined(cells)), None)?;
            }
            Cells::Real(cells) => {
                let values: Vec<f64> = cells.iter().flatten().copied().collect();
                column.typed::<DoubleType>().write_batch(&values, Some(&defined(cells)), None)?;
            }
            Cells::Single(cells) => {
                let values: Vec<f32> = cells.iter().flatten().copied().collect();
                column.typed::<FloatType>().write_batch(&values, Some(&defined(cells)), None)?;
            }
            Cells::Text(cells) => {
                let values: Vec<ByteArray> = cells.iter().flatten().map(|text| text.as_str().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&defined(cells)), None)?;
            }
            Cells::Pictures(_) => {}
        }
        column.close()
    }
}

/// A field of one value that can be null.
fn optional(name: &str, physical: Physical, logical: Option<LogicalType>) -> Result<TypePtr, ParquetError> {
    let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    field.with_logical_type(logical).build().map(Arc::new)
}

/// Definition levels: 1 for a value, 0 for null.
fn defined<T>(cells: &[Option<T>]) -> Vec<i16> {
    cells.iter().map(|cell| i16::from(cell.is_some())).collect()
}
