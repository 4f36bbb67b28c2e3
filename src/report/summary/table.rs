//! Aligned tables.

use serde_json::Value;

/// Aligns cells in columns two spaces apart, numbers to the right and text to the left. The first row is the header.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let is_number = |cell: &String| cell == "-" || cell.parse::<f64>().is_ok();
    let right: Vec<bool> =
        (0..columns).map(|c| rows.iter().skip(1).filter_map(|row| row.get(c)).all(is_number)).collect();
    let aligned = |(c, cell): (usize, &String)| {
        let width = widths[c];
        if right[c] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    };
    let line =
        |row: &Vec<String>| row.iter().enumerate().map(aligned).collect::<Vec<_>>().join("  ").trim_end().to_owned();
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The value of a metric; `-` if it is not defined.
pub(crate) fn figure(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(n)) if n.is_u64() => n.to_string(),
        Some(Value::Number(n)) => n.as_f64().map_or_else(String::new, |real| format!("{real:.6}")),
        _ => "-".to_owned(),
    }
}
