//! A table as a Parquet file.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;

use super::table::{Table, text};
use crate::error::{Error, Result};

/// What a column holds; any cell can be null.
enum Cells {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Writes a table: a column is of whole numbers or of reals where all its cells are, else of texts.
///
/// # Errors
/// `Failed` where the file can't be written.
pub fn write(table: &Table, path: &Path) -> Result<()> {
    let file = File::create(path).map_err(|e| Error::io("can't write", path, &e))?;
    let written = columns(table, file);
    written.map_err(|e| Error::io("can't write the Parquet file", path, &std::io::Error::other(e)))
}

fn columns(table: &Table, file: File) -> Result<(), ParquetError> {
    let columns: Vec<Cells> = (0..table.columns.len()).map(|c| Cells::of(table, c)).collect();
    let fields = table.columns.iter().zip(&columns).map(|(name, cells)| cells.field(name));
    let schema = Type::group_type_builder("runs").with_fields(fields.collect::<Result<_, _>>()?).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for cells in &columns {
        cells.write(&mut group)?;
    }
    group.close()?;
    let mut file = writer.into_inner()?;
    file.flush()?;
    Ok(())
}

impl Cells {
    fn of(table: &Table, column: usize) -> Cells {
        let cells = || table.rows.iter().map(move |row| row.get(column).unwrap_or(&Value::Null));
        let is_real = |cell: &Value| cell.is_null() || cell.is_f64() || cell.as_i64().is_some();
        if cells().all(|cell| cell.as_i64().is_some() || cell.is_null()) && cells().any(|cell| !cell.is_null()) {
            Cells::Whole(cells().map(Value::as_i64).collect())
        } else if cells().all(is_real) {
            Cells::Real(cells().map(Value::as_f64).collect())
        } else {
            Cells::Text(cells().map(|cell| (!cell.is_null()).then(|| text(cell))).collect())
        }
    }

    fn field(&self, name: &str) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match self {
            Cells::Whole(_) => (Physical::INT64, None),
            Cells::Real(_) => (Physical::DOUBLE, None),
            Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        field.with_logical_type(logical).build().map(Arc::new)
    }

    fn write(&self, group: &mut SerializedRowGroupWriter<File>) -> Result<(), ParquetError> {
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
            Cells::Text(cells) => {
                let values: Vec<ByteArray> = cells.iter().flatten().map(|text| text.as_str().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&defined(cells)), None)?;
            }
        }
        column.close()
    }
}

/// 1 where there is a value, 0 where there is none.
fn defined<T>(cells: &[Option<T>]) -> Vec<i16> {
    cells.iter().map(|cell| i16::from(cell.is_some())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::json;

    #[test]
    fn cells_read_back_with_their_types() {
        let rows = vec![
            vec![json!("a,b"), json!(1), json!(0.1), json!(null), json!(u64::MAX)],
            vec![json!(null), json!(null), json!(2), json!(null), json!([1])],
        ];
        let table = Table { columns: ["t", "w", "r", "n", "m"].map(str::to_owned).to_vec(), rows };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.parquet");
        write(&table, &path).expect("writes");
        let reader = SerializedFileReader::new(File::open(path).expect("there")).expect("a Parquet file");
        let rows = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row"));
        let cells: Vec<Vec<Field>> =
            rows.map(|row| row.get_column_iter().map(|(_, cell)| cell.clone()).collect()).collect();
        let text = |text: &str| Field::Str(text.to_owned());
        let most = u64::MAX.to_string();
        assert_eq!(cells[0], [text("a,b"), Field::Long(1), Field::Double(0.1), Field::Null, text(&most)]);
        assert_eq!(cells[1], [Field::Null, Field::Null, Field::Double(2.0), Field::Null, text("[1]")]);
    }
}
