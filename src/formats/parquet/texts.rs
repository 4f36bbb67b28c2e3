//! Columns of texts and numbers in a Parquet file, row by row.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use parquet::basic::{LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::page_header::page_header;
use crate::base::error::Finding;

/// Rows decoded at a time.
const BATCH: usize = 1024;

/// Bytes read for the header of a page; it holds the smallest and the largest text.
const HEADER: u64 = 1 << 20;

/// Names shown in a message.
const SHOWN: usize = 12;

/// Receives the number of a row and its cells.
type Each<'a> = dyn FnMut(u64, Option<&str>, Option<&str>) -> Result<(), Finding> + 'a;

/// Names of all columns, those within others with dots.
///
/// # Errors
/// A file that can't be read.
pub(in crate::formats) fn column_names(file: File, path: &Path) -> Result<Vec<String>, Finding> {
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(path, &e.to_string()))?;
    let schema = reader.metadata().file_metadata().schema_descr();
    Ok(schema.columns().iter().map(|column| column.path().string()).collect())
}

/// An open file and the columns to read from it.
pub(in crate::formats) struct Texts<'a> {
    reader: SerializedFileReader<File>,
    columns: Vec<usize>,
    path: &'a Path,
}

impl<'a> Texts<'a> {
    /// Opens a file. `required` holds the names that the first column may have, in order of preference, `optional` those of a
    /// second one that may be missing. `kinds` says what they may hold.
    ///
    /// # Errors
    /// A file that can't be read, or without such a column.
    pub(in crate::formats) fn open(
        file: File,
        path: &'a Path,
        (required, optional): (&[&str], &[&str]),
        kinds: Kinds,
    ) -> Result<Self, Finding> {
        let reader = SerializedFileReader::new(file).map_err(|e| damaged(path, &e.to_string()))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let find = |names: &[&str]| names.iter().find_map(|name| position(schema, name));
        let Some(first) = find(required) else {
            let finding = Finding::new("the Parquet file has no such column").file(path);
            let finding = finding.expected(format!("a column named {}", quoted(required).join(" or ")));
            let names: Vec<String> = schema.columns().iter().take(SHOWN).map(|column| column.path().string()).collect();
            return Err(finding
                .found(names.join(", "))
                .hint("name the column (--image-column, --caption-column, --label-column)"));
        };
        // a second column that holds something else is not what is looked for
        let second = find(optional).filter(|&number| kinds.hold(&schema.column(number)));
        let columns: Vec<usize> = std::iter::once(first).chain(second).collect();
        for &column in &columns {
            let column = schema.column(column);
            if !kinds.hold(&column) {
                let finding = Finding::new(format!("a column does not hold {}", kinds.text())).file(path);
                return Err(finding.expected(kinds.text()).found(format!("`{}`, {}", column.path(), kind(&column))));
            }
        }
        Ok(Texts { reader, columns, path })
    }

    /// Number of rows.
    pub(in crate::formats) fn rows(&self) -> u64 {
        let groups = self.reader.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).fold(0, u64::saturating_add)
    }

    /// Passes the cells of every row in order, with its number; the second cell is `None` without a second column. Row groups
    /// that `wants` declines are skipped.
    ///
    /// # Errors
    /// A damaged file, and errors of `each`.
    pub(in crate::formats) fn each(
        &self,
        wants: &dyn Fn(Range<u64>) -> bool,
        each: &mut Each<'_>,
    ) -> Result<(), Finding> {
        let mut first = 0_u64;
        for number in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(number).map_err(|e| damaged(self.path, &e.to_string()))?;
            let rows = u64::try_from(group.metadata().num_rows())
                .map_err(|_| damaged(self.path, "a negative number of rows"))?;
            if wants(first..first.saturating_add(rows)) {
                self.group(group.as_ref(), first, rows, each)?;
            }
            first = first.saturating_add(rows);
        }
        Ok(())
    }

    fn group(&self, group: &dyn RowGroupReader, first: u64, rows: u64, each: &mut Each<'_>) -> Result<(), Finding> {
        let failed = |e: ParquetError| damaged(self.path, &e.to_string());
        let mut cells = Vec::new();
        for &column in &self.columns {
            self.check_pages(group.metadata().column(column))?;
            let descriptor = group.metadata().column(column).column_descr_ptr();
            cells.push(Cells::new(group.get_column_reader(column).map_err(failed)?, &descriptor));
        }
        let mut row = first;
        while row < first + rows {
            let wanted = BATCH.min(usize::try_from(first + rows - row).unwrap_or(BATCH));
            for cells in &mut cells {
                if cells.next(wanted).map_err(failed)? != wanted {
                    return Err(damaged(self.path, "fewer values than rows"));
                }
            }
            for at in 0..wanted {
                let wrong = |()| {
                    let finding = Finding::new("a text is not UTF-8").file(self.path).index(row);
                    finding.hint("write the column again as strings")
                };
                let one = cells.first().map_or(Ok(None), |cells| cells.text(at)).map_err(wrong)?;
                let two = cells.get(1).map_or(Ok(None), |cells| cells.text(at)).map_err(wrong)?;
                each(row, one.as_deref(), two.as_deref())?;
                row += 1;
            }
        }
        Ok(())
    }

    /// Refuses pages that would take too much memory, before the crate allocates for them.
    fn check_pages(&self, column: &ColumnChunkMetaData) -> Result<(), Finding> {
        use parquet::file::reader::ChunkReader as _;
        let wrong = |found: &str| damaged(self.path, found);
        let file = File::open(self.path).map_err(|e| Finding::io("the file can't be read", self.path, &e))?;
        let dictionary = column.dictionary_page_offset().filter(|&at| at > 0 && at < column.data_page_offset());
        let start = u64::try_from(dictionary.unwrap_or(column.data_page_offset()));
        let length = u64::try_from(column.compressed_size());
        let (Ok(mut at), Ok(length)) = (start, length) else { return Err(wrong("a negative position")) };
        let size = file.metadata().map_err(|e| Finding::io("the file can't be read", self.path, &e))?.len();
        let end = at.checked_add(length).filter(|&end| end <= size).ok_or_else(|| wrong("a column beyond the file"))?;
        while at < end {
            let mut header = None;
            for length in [256, HEADER] {
                let length = usize::try_from(length.min(end - at)).unwrap_or(0);
                header = page_header(&file.get_bytes(at, length).map_err(|e| wrong(&e.to_string()))?);
                if header.is_some() {
                    break;
                }
            }
            let header = header.ok_or_else(|| wrong("a page without a header"))?;
            if let Some(excess) = header.excess() {
                return Err(wrong(&excess));
            }
            at += header.length as u64 + u64::from(header.compressed);
        }
        Ok(())
    }
}

fn position(schema: &SchemaDescriptor, name: &str) -> Option<usize> {
    schema.columns().iter().position(|column| column.path().string() == name)
}

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::formats) enum Kinds {
    /// Texts and whole numbers.
    TextsAndIntegers,
    /// Also floats, as pandas writes whole numbers where some are missing.
    TextsAndNumbers,
}

impl Kinds {
    fn text(self) -> &'static str {
        match self {
            Kinds::TextsAndIntegers => "texts or whole numbers",
            Kinds::TextsAndNumbers => "texts or numbers",
        }
    }

    fn hold(self, column: &ColumnDescriptor) -> bool {
        let logical = column.logical_type_ref();
        let texts = matches!(logical, None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json));
        let integers = matches!(logical, None | Some(LogicalType::Integer(_)));
        column.max_rep_level() == 0
            && match column.physical_type() {
                Physical::BYTE_ARRAY => texts,
                Physical::INT32 | Physical::INT64 => integers,
                Physical::FLOAT | Physical::DOUBLE => self == Kinds::TextsAndNumbers,
                _ => false,
            }
    }
}

fn kind(column: &ColumnDescriptor) -> String {
    let lists = if column.max_rep_level() > 0 { "lists of " } else { "" };
    match column.logical_type_ref() {
        Some(logical) => format!("{lists}{} ({logical:?})", column.physical_type()),
        None => format!("{lists}{}", column.physical_type()),
    }
}

fn quoted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

fn damaged(path: &Path, found: &str) -> Finding {
    let finding = Finding::new("the Parquet file is damaged, or written in a way that is not supported").file(path);
    finding.found(found).hint("copy the file again, or write it again with PyArrow or pandas")
}

/// A batch of cells of one column.
struct Cells {
    typed: Typed,
    /// Highest definition level: that of a cell that is there.
    highest: i16,
    unsigned: bool,
    definitions: Vec<i16>,
    /// For each row, the place of its value; `None` if it is missing.
    places: Vec<Option<usize>>,
}

enum Typed {
    Text(ColumnReaderImpl<ByteArrayType>, Vec<parquet::data_type::ByteArray>),
    Narrow(ColumnReaderImpl<Int32Type>, Vec<i32>),
    Wide(ColumnReaderImpl<Int64Type>, Vec<i64>),
    Single(ColumnReaderImpl<FloatType>, Vec<f32>),
    Double(ColumnReaderImpl<DoubleType>, Vec<f64>),
}

impl Cells {
    /// The type was checked when the file was opened.
    fn new(reader: ColumnReader, column: &ColumnDescriptor) -> Cells {
        let typed = match column.physical_type() {
            Physical::INT32 => Typed::Narrow(get_typed_column_reader(reader), Vec::new()),
            Physical::INT64 => Typed::Wide(get_typed_column_reader(reader), Vec::new()),
            Physical::FLOAT => Typed::Single(get_typed_column_reader(reader), Vec::new()),
            Physical::DOUBLE => Typed::Double(get_typed_column_reader(reader), Vec::new()),
            _ => Typed::Text(get_typed_column_reader(reader), Vec::new()),
        };
        let unsigned = matches!(column.logical_type_ref(), Some(LogicalType::Integer(integer)) if !integer.is_signed);
        let (definitions, places) = (Vec::new(), Vec::new());
        Cells { typed, highest: column.max_def_level(), unsigned, definitions, places }
    }

    /// Decodes the next rows and returns their number.
    fn next(&mut self, wanted: usize) -> Result<usize, ParquetError> {
        self.definitions.clear();
        let levels = &mut self.definitions;
        let read = match &mut self.typed {
            Typed::Text(reader, values) => read_batch(reader, wanted, levels, values)?,
            Typed::Narrow(reader, values) => read_batch(reader, wanted, levels, values)?,
            Typed::Wide(reader, values) => read_batch(reader, wanted, levels, values)?,
            Typed::Single(reader, values) => read_batch(reader, wanted, levels, values)?,
            Typed::Double(reader, values) => read_batch(reader, wanted, levels, values)?,
        };
        let (mut place, highest) = (0, self.highest);
        let is_there = |at: usize| highest == 0 || self.definitions.get(at) == Some(&highest);
        self.places.clear();
        self.places.extend((0..read).map(|at| {
            let there = is_there(at).then_some(place);
            place += usize::from(there.is_some());
            there
        }));
        Ok(read)
    }

    /// The cell of a row of the batch as text; `None` if it is missing or NaN, as pandas writes what is missing. The error is a text that is not UTF-8.
    fn text(&self, at: usize) -> Result<Option<std::borrow::Cow<'_, str>>, ()> {
        let Some(place) = self.places.get(at).copied().flatten() else { return Ok(None) };
        Ok(match &self.typed {
            Typed::Text(_, values) => match values.get(place) {
                Some(value) => Some(std::str::from_utf8(value.data()).map_err(|_| ())?.into()),
                None => None,
            },
            Typed::Narrow(_, values) if self.unsigned => {
                values.get(place).map(|v| v.cast_unsigned().to_string().into())
            }
            Typed::Narrow(_, values) => values.get(place).map(|value| value.to_string().into()),
            Typed::Wide(_, values) if self.unsigned => values.get(place).map(|v| v.cast_unsigned().to_string().into()),
            Typed::Wide(_, values) => values.get(place).map(|value| value.to_string().into()),
            Typed::Single(_, values) => values.get(place).filter(|v| !v.is_nan()).map(|v| v.to_string().into()),
            Typed::Double(_, values) => values.get(place).filter(|v| !v.is_nan()).map(|v| v.to_string().into()),
        })
    }
}

/// Decodes up to `wanted` rows of a column without lists.
fn read_batch<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    wanted: usize,
    levels: &mut Vec<i16>,
    values: &mut Vec<T::T>,
) -> Result<usize, ParquetError> {
    values.clear();
    let (rows, _, _) = reader.read_records(wanted, Some(levels), None, values)?;
    Ok(rows)
}
