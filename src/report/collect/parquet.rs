//! A table of runs as a Parquet file.

use std::path::Path;

use serde_json::Value;

use super::table::{Table, text};
use crate::base::error::Result;
use crate::formats::parquet::{self, Cells};

/// Writes a table. A column holds whole numbers or reals if all its cells do, otherwise text.
///
/// # Errors
/// `Failed` if the file can't be written.
pub fn write(table: &Table, path: &Path) -> Result<()> {
    let columns = table.columns.iter().enumerate().map(|(c, name)| (name.clone(), cells(table, c)));
    parquet::write(path, &columns.collect::<Vec<_>>())
}

fn cells(table: &Table, column: usize) -> Cells {
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

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;
    use serde_json::json;
    use std::fs::File;

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
