//! A table of cells, and its text forms.

use std::path::Path;

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};

/// A table with named columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Names of the columns, all different.
    pub columns: Vec<String>,
    /// One cell per column: text, number, boolean or null.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// Writes CSV. A null is an empty cell; numbers have the shortest form that reads back to the same value.
    ///
    /// # Errors
    /// `Failed` if the file can't be written.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let failed = |e: csv::Error| Error::io("can't write the table", path, &std::io::Error::from(e));
        let mut file = csv::Writer::from_path(path).map_err(failed)?;
        file.write_record(&self.columns).map_err(failed)?;
        for row in &self.rows {
            file.write_record(row.iter().map(text)).map_err(failed)?;
        }
        file.flush().map_err(|e| Error::io("can't write the table", path, &e))
    }

    /// The table as a list of objects, one per row.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Value>| Value::Object(Map::from_iter(self.columns.iter().cloned().zip(row.clone())));
        self.rows.iter().map(object).collect()
    }
}

/// A cell as text; lists and maps as JSON.
pub(super) fn text(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
