//! One table with a row per row of the embeddings.
//!
//! | column | type in Parquet | content |
//! |---|---|---|
//! | `row` | int64 | number of the row, from 0 |
//! | `level1`, ... | int64 | cluster on each level; empty (null) for skipped rows |
//! | `level1_distance`, ... | float | distance to that cluster's centroid |
//! | `level1_margin`, ... | float | distance to the second nearest centroid minus that to the nearest, of each searched level |

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use super::inputs::Inputs;
use super::part::LevelArrays;
use super::survey::Done;
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;
use crate::base::signals;

/// Rows that are written at a time, which form one row group of a Parquet file.
const GROUP: u64 = 1 << 17;

/// Calls `write` for groups of rows, in row order: number of the first row, the arrays of its part, and the rows within them.
fn each_group(
    inputs: &Inputs,
    parts: &[Done],
    mut write: impl FnMut(u64, &[LevelArrays], Range<usize>) -> Result<()>,
) -> Result<()> {
    for part in parts {
        let arrays = part.arrays(inputs, false)?;
        let rows = part.rows();
        let mut first = rows.start;
        while first < rows.end {
            signals::go_on()?;
            let end = rows.end.min(first + GROUP);
            write(first, &arrays, to_usize(first - rows.start)..to_usize(end - rows.start))?;
            first = end;
        }
    }
    Ok(())
}

/// Writes the table as CSV.
pub(super) fn write_csv(path: &Path, inputs: &Inputs, parts: &[Done]) -> Result<()> {
    let cannot = |e: std::io::Error| Error::io("can't write the table", path, &e);
    let mut file = BufWriter::with_capacity(1 << 18, File::create(path).map_err(cannot)?);
    let mut header = vec!["row".to_owned()];
    for level in &inputs.levels {
        let margin = inputs.searches(level).then_some("_margin");
        header.extend(["", "_distance"].into_iter().chain(margin).map(|what| format!("level{}{what}", level.number)));
    }
    writeln!(file, "{}", header.join(",")).map_err(cannot)?;
    each_group(inputs, parts, |first, levels, rows| {
        let lines = (first..).zip(rows).try_for_each(|(row, at)| {
            write!(file, "{row}")?;
            for level in levels {
                let label = level.labels.values()[at];
                if label < 0 {
                    write!(file, ",")?
                } else {
                    write!(file, ",{label}")?
                }
                write_real(&mut file, level.distances.values()[at])?;
                if let Some(margins) = &level.margins {
                    write_real(&mut file, margins.values()[at])?;
                }
            }
            writeln!(file)
        });
        lines.map_err(cannot)
    })?;
    file.flush().map_err(cannot)
}

/// Writes a comma and a number in the shortest form that reads back to the same float32; nothing for NaN.
fn write_real(file: &mut impl Write, value: f32) -> std::io::Result<()> {
    if value.is_nan() { write!(file, ",") } else { write!(file, ",{value}") }
}

/// Writes the table as Parquet.
#[cfg(feature = "parquet")]
pub(super) fn write_parquet(path: &Path, inputs: &Inputs, parts: &[Done]) -> Result<()> {
    use crate::formats::parquet::{Cells, ParquetFile};
    let mut written: Option<ParquetFile> = None;
    each_group(inputs, parts, |first, levels, rows| {
        let numbers = (first..).take(rows.len()).map(|row| i64::try_from(row).ok()).collect();
        let mut columns = vec![("row".to_owned(), Cells::Whole(numbers))];
        let reals = |values: &[f32]| {
            Cells::Single(values[rows.clone()].iter().map(|&value| (!value.is_nan()).then_some(value)).collect())
        };
        for level in levels {
            let labels = level.labels.values()[rows.clone()].iter();
            let labels = labels.map(|&label| (label >= 0).then_some(i64::from(label))).collect();
            columns.push((format!("level{}", level.number), Cells::Whole(labels)));
            columns.push((format!("level{}_distance", level.number), reals(level.distances.values())));
            let margins = level.margins.as_ref().map(|margins| reals(margins.values()));
            columns.extend(margins.map(|cells| (format!("level{}_margin", level.number), cells)));
        }
        let file = match &mut written {
            Some(file) => file,
            None => written.insert(ParquetFile::create(path, &columns)?),
        };
        file.write(&columns)
    })?;
    written.map_or(Ok(()), ParquetFile::finish)
}

/// Settings refuse this format where Parquet is not built in.
#[cfg(not(feature = "parquet"))]
pub(super) fn write_parquet(_: &Path, _: &Inputs, _: &[Done]) -> Result<()> {
    Ok(())
}
