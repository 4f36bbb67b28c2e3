//! The table formats hold what the arrays hold.

use std::fs;

use crate::common::Dtype;
use crate::fixtures::{Place, labels, reals};

fn place() -> Place {
    let mut place = Place::new(333, Dtype::F4, 0.0);
    place.write_new(|points| points[5][2] = f64::NAN, Dtype::F4);
    place.assigned("arrays", &["--nonfinite", "skip"]);
    place
}

/// The columns that the arrays stand for, as numbers; NaN for an empty cell.
fn expected(place: &Place) -> Vec<(String, Vec<f64>)> {
    let out = place.at("arrays");
    let rows = place.points.len();
    let mut columns = vec![("row".to_owned(), (0..rows).map(|row| row as f64).collect())];
    for level in [1, 2] {
        let label = |label: i32| if label < 0 { f64::NAN } else { f64::from(label) };
        columns.push((format!("level{level}"), labels(&out, level).into_iter().map(label).collect()));
        let of = |what: &str| reals(&out, level, what).into_iter().map(f64::from).collect();
        columns.push((format!("level{level}_distance"), of("distances")));
        if level == 1 {
            columns.push(("level1_margin".to_owned(), of("margins")));
        }
    }
    columns
}

fn same(found: &[(String, Vec<f64>)], expected: &[(String, Vec<f64>)]) -> bool {
    let bits = |columns: &[(String, Vec<f64>)]| -> Vec<(String, Vec<Option<u64>>)> {
        let cells = |cells: &Vec<f64>| cells.iter().map(|cell| (!cell.is_nan()).then(|| cell.to_bits())).collect();
        columns.iter().map(|(name, column)| (name.clone(), cells(column))).collect()
    };
    bits(found) == bits(expected)
}

#[test]
fn a_csv_has_a_line_per_row() {
    let place = place();
    place.assigned("table", &["--nonfinite", "skip", "--format", "csv"]);
    assert!(!place.at("table/level1").exists());
    let text = fs::read_to_string(place.at("table/assigned.csv")).expect("a table");
    let mut lines = text.lines();
    let names = lines.next().expect("a header").split(',').map(str::to_owned);
    let mut columns: Vec<(String, Vec<f64>)> = names.map(|name| (name, Vec::new())).collect();
    for line in lines {
        for ((name, column), cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(match cell {
                "" => f64::NAN,
                // distances are written as float32
                cell if name.contains('_') => f64::from(cell.parse::<f32>().expect("a number")),
                cell => cell.parse().expect("a number"),
            });
        }
    }
    assert!(same(&columns, &expected(&place)), "{columns:?}");
    columns[1].1[7] += 1.0;
    assert!(!same(&columns, &expected(&place)), "the comparison can fail");
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_has_the_same_columns() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    let place = place();
    place.assigned("table", &["--nonfinite", "skip", "--format", "parquet"]);
    let file = fs::File::open(place.at("table/assigned.parquet")).expect("there");
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    for row in reader.get_row_iter(None).expect("rows") {
        for (at, (name, cell)) in row.expect("a row").get_column_iter().enumerate() {
            if columns.len() == at {
                columns.push((name.clone(), Vec::new()));
            }
            columns[at].1.push(match cell {
                Field::Null => f64::NAN,
                Field::Long(value) => *value as f64,
                Field::Float(value) => f64::from(*value),
                other => panic!("{name}: {other:?}"),
            });
        }
    }
    assert!(same(&columns, &expected(&place)), "{columns:?}");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_says_so() {
    let place = place();
    crate::fixtures::refused(&mut place.assign("table", &["--format", "parquet"]), 2, &["built without Parquet"]);
}

/// The arrays are what other tools take as labels: one-dimensional integers, -1 for none.
#[test]
fn labels_are_a_plain_array() {
    let place = place();
    let bytes = fs::read(place.at("arrays/level1/labels.npy")).expect("labels");
    let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
    assert!(header.contains("'descr': '<i4'") && header.contains("'shape': (333,)"), "{header}");
    assert_eq!(bytes.len(), 128 + 4 * 333);
    assert_eq!(labels(&place.at("arrays"), 1)[5], -1);
}
