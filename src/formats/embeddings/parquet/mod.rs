//! Parquet files. The vectors are a column of lists, or a column of numbers for each dimension.
//!
//! The parquet crate reads the footer. Pages are read here: a page that is neither compressed nor encoded is read straight
//! into the caller's rows, and any other is decoded by itself, so no row group has to fit into memory and threads share
//! nothing but the decoded pages at the ends of their tiles.

mod chunk;
mod codec;
mod columns;
mod hybrid;
mod levels;
mod lists;
mod schema;

use std::path::Path;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::column_major::ColumnMajor;
use super::data_file::DataFile;
use super::element::{Element, Kind};
use super::row_file::{Candidate, Opened, RowFile, checked_shape};
use super::spill::{self, Lazy};
use crate::base::error::Finding;
use crate::base::matrix::Dtype;
use chunk::{Chunk, Column};
use columns::Columns;
use levels::Highest;
use lists::{Kept, Lists};
use schema::{Choice, Vectors, choose};

/// Opens the columns that the options name, or the only ones.
pub(super) fn open(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let path = candidate.path;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&candidate.file);
    let metadata = metadata.map_err(|e| damaged(path, &e.to_string()))?;
    let choice = choose(metadata.file_metadata().schema_descr(), candidate.options.column.as_deref(), path)?;
    let groups = row_groups(&metadata, path)?;
    let numbers = match &choice.vectors {
        Vectors::Lists(number) => vec![*number],
        Vectors::Columns(numbers) => numbers.clone(),
    };
    let mut chunks = Vec::new();
    for number in numbers {
        chunks.push(chunks_of(&metadata, &groups, number, &candidate)?);
    }
    match choice.vectors {
        Vectors::Lists(number) => open_lists(candidate, &metadata, choice, number, chunks.swap_remove(0), &groups),
        Vectors::Columns(_) => open_columns(candidate, &metadata, choice, chunks, &groups),
    }
}

fn open_lists(
    candidate: Candidate<'_>,
    metadata: &ParquetMetaData,
    choice: Choice,
    number: usize,
    chunks: Vec<Chunk>,
    groups: &[u64],
) -> Result<Opened, Finding> {
    let (path, rows) = (candidate.path, groups.iter().sum());
    let filled = chunks.iter().zip(groups).find(|(_, rows)| **rows > 0);
    // rows of another length are found below
    let columns = filled.map_or(0, |(chunk, rows)| chunk.values / rows);
    let dim = checked_shape(path, rows, columns.max(u64::from(rows > 0)), choice.dtype)?;
    let descriptor = metadata.file_metadata().schema_descr().column(number);
    let highest = Highest { repetition: descriptor.max_rep_level(), definition: descriptor.max_def_level() };
    let column = Column { file: DataFile::new(candidate), width: choice.dtype.size(), highest, dim: dim as u64 };
    for (chunk, rows) in chunks.iter().zip(groups) {
        if rows.checked_mul(column.dim) != Some(chunk.values) {
            let refused = chunk.refuse_row(&column).err();
            let refused = refused.unwrap_or_else(|| column.damaged(format!("{} values in {rows} rows", chunk.values)));
            return Err(refused.first_finding());
        }
    }
    let reader = Lists { column, chunks, kept: Kept::default() };
    Ok(Opened {
        rows,
        dim,
        dtype: choice.dtype,
        array: Some(choice.name),
        note: None,
        columns: Vec::new(),
        reader: Box::new(reader),
    })
}

fn open_columns(
    candidate: Candidate<'_>,
    metadata: &ParquetMetaData,
    choice: Choice,
    chunks: Vec<Vec<Chunk>>,
    groups: &[u64],
) -> Result<Opened, Finding> {
    let (path, dtype) = (candidate.path, choice.dtype);
    let rows = groups.iter().sum::<u64>();
    let dim = checked_shape(path, rows, chunks.len() as u64, dtype)?;
    let Vectors::Columns(numbers) = &choice.vectors else { return Err(damaged(path, "no columns")) };
    let schema = metadata.file_metadata().schema_descr();
    let names = numbers.iter().map(|&number| schema.column(number).path().string()).collect();
    let definitions = numbers.iter().map(|&number| schema.column(number).max_def_level());
    let mut different: Vec<i16> = definitions.collect();
    different.dedup();
    let &[definition] = different.as_slice() else {
        let finding = Finding::new("some columns of the embeddings may have missing values, others not").file(path);
        return Err(finding.hint("write all of them in one way, or as one column of lists"));
    };
    let fits = |chunks: &Vec<Chunk>| chunks.iter().zip(groups).all(|(chunk, rows)| chunk.values == *rows);
    if !chunks.iter().all(fits) {
        return Err(damaged(path, "columns of different lengths"));
    }
    let bytes = rows.checked_mul((dim * dtype.size()) as u64).filter(|bytes| i64::try_from(*bytes).is_ok());
    let bytes = bytes.ok_or_else(|| damaged(path, "more rows than a file can hold"))?;
    let folder = spill::folder(candidate.options.scratch.as_deref());
    let note = format!(
        "{} has a column for each dimension: its {bytes} bytes are rewritten to a temporary file in {} first; one column of lists \
         is read in place",
        path.display(),
        folder.display()
    );
    let highest = Highest { repetition: 0, definition };
    let column = Column { file: DataFile::new(candidate), width: dtype.size(), highest, dim: 1 };
    let source = Box::new(Columns { column, chunks, spill: Lazy::new(folder, bytes, path)? });
    let kind = match dtype {
        Dtype::F16 => Kind::F16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
    };
    let reader: Box<dyn RowFile> =
        Box::new(ColumnMajor { source, offset: 0, element: Element::little(kind), rows, dim });
    Ok(Opened { rows, dim, dtype, array: Some(choice.name), note: Some(note), columns: names, reader })
}

/// The chunks of a column in the order of the row groups.
fn chunks_of(
    metadata: &ParquetMetaData,
    groups: &[u64],
    number: usize,
    candidate: &Candidate<'_>,
) -> Result<Vec<Chunk>, Finding> {
    let mut first_row = 0;
    let mut chunks = Vec::with_capacity(groups.len());
    for (group, rows) in metadata.row_groups().iter().zip(groups) {
        let column =
            group.columns().get(number).ok_or_else(|| damaged(candidate.path, "a row group without a column"))?;
        chunks.push(Chunk::new(column, first_row, candidate.bytes).map_err(|wrong| damaged(candidate.path, &wrong))?);
        first_row += rows;
    }
    Ok(chunks)
}

/// Number of rows of each row group.
fn row_groups(metadata: &ParquetMetaData, path: &Path) -> Result<Vec<u64>, Finding> {
    let rows = metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).ok());
    let rows: Option<Vec<u64>> = rows.collect();
    let rows = rows.filter(|rows| rows.iter().try_fold(0_u64, |sum, rows| sum.checked_add(*rows)).is_some());
    rows.ok_or_else(|| damaged(path, "row groups of a negative number of rows"))
}

fn damaged(path: &Path, found: &str) -> Finding {
    let finding = Finding::new("the Parquet file is damaged, or written in a way that is not supported").file(path);
    finding
        .found(found)
        .hint("copy the file again, or write it again with PyArrow or pandas, compressed by snappy or zstd")
}
