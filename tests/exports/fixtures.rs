//! A small clustering, and how exported files are read.

use crate::common::{Clustering, Draw, Dtype};

/// Two levels of 3-column points; the last row is in no cluster.
pub(crate) fn clustering() -> Clustering {
    let mut draw = Draw(11);
    let mut rows = |count: usize| (0..count).map(|_| (0..3).map(|_| draw.value()).collect()).collect::<Vec<Vec<f64>>>();
    let points = rows(31);
    let first = (0..5).map(|cluster| (0..30).filter(|row| row % 5 == cluster).collect()).collect();
    let levels = vec![(first, rows(5)), (vec![vec![0, 1], vec![2, 3, 4]], rows(2))];
    Clustering { points, dtype: Dtype::F8, levels, subset: None }
}

#[cfg(feature = "parquet")]
pub(crate) use read::{Row, cell, has, read, real, succeeded};

#[cfg(feature = "parquet")]
mod read {
    use std::fs::File;
    use std::path::Path;
    use std::process::Command;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    /// The cells of a row with their columns' names.
    pub(crate) type Row = Vec<(String, Field)>;

    /// The rows of a file.
    pub(crate) fn read(path: &Path) -> Vec<Row> {
        let file = File::open(path).expect("there");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        let rows = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row"));
        rows.map(|row| row.get_column_iter().map(|(name, cell)| (name.clone(), cell.clone())).collect()).collect()
    }

    /// Whether a row has a column.
    pub(crate) fn has(row: &Row, column: &str) -> bool {
        row.iter().any(|(name, _)| name == column)
    }

    pub(crate) fn cell<'a>(row: &'a Row, column: &str) -> &'a Field {
        &row.iter().find(|(name, _)| name == column).unwrap_or_else(|| panic!("no {column}")).1
    }

    /// A cell as a number; `None` for null.
    pub(crate) fn real(row: &Row, column: &str) -> Option<f64> {
        match cell(row, column) {
            Field::Null => None,
            Field::Float(value) => Some(f64::from(*value)),
            Field::Long(value) => Some(*value as f64),
            other => panic!("{column} holds {other}"),
        }
    }

    /// Runs a command, which must succeed; what it said.
    pub(crate) fn succeeded(command: &mut Command) -> String {
        let ended = command.output().expect("starts");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{said}");
        said
    }
}
