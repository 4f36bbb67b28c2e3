//! Matrices and columns as Parquet files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use half::f16;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::writers::{Matrix, Written};

/// Rows of a row group, so that the larger matrices have several.
const GROUP: usize = 400;

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_dictionary_enabled(false).set_data_page_size_limit(2000).set_write_batch_size(100)
}

fn with_dictionary() -> WriterPropertiesBuilder {
    plain().set_dictionary_enabled(true)
}

fn element(physical: Physical, name: &str, repetition: Repetition) -> Arc<Type> {
    let field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    let field = match physical {
        Physical::FIXED_LEN_BYTE_ARRAY => field.with_length(2).with_logical_type(Some(LogicalType::Float16)),
        _ => field,
    };
    Arc::new(field.build().expect("a type"))
}

/// A schema of one column of lists; with `nulls`, lists and values may be missing.
fn lists(physical: Physical, nulls: bool) -> Arc<Type> {
    let repetition = if nulls { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let values = vec![element(physical, "element", repetition)];
    let inner = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(values).build();
    let list = Type::group_type_builder("emb").with_repetition(repetition).with_logical_type(Some(LogicalType::List));
    let list = list.with_fields(vec![Arc::new(inner.expect("a type"))]);
    let id = element(Physical::INT64, "id", Repetition::REQUIRED);
    let fields = vec![id, Arc::new(list.build().expect("a type"))];
    Arc::new(Type::group_type_builder("table").with_fields(fields).build().expect("a schema"))
}

/// Writes rows of any lengths; `None` in a row is a missing value.
pub(crate) fn write_lists<T: DataType>(
    path: &Path,
    (physical, nulls): (Physical, bool),
    properties: WriterPropertiesBuilder,
    rows: &[Vec<Option<T::T>>],
) {
    let file = File::create(path).expect("a file");
    let properties = Arc::new(properties.build());
    let mut writer = SerializedFileWriter::new(file, lists(physical, nulls), properties).expect("a writer");
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("a column").expect("there");
        let ids: Vec<i64> = (0..rows.len() as i64).collect();
        column.typed::<parquet::data_type::Int64Type>().write_batch(&ids, None, None).expect("writes");
        column.close().expect("writes");
        let mut column = group.next_column().expect("a column").expect("there");
        let values: Vec<T::T> = rows.iter().flatten().flatten().cloned().collect();
        let highest = if nulls { 3 } else { 1 };
        let (mut definitions, mut repetitions) = (Vec::new(), Vec::new());
        for row in rows {
            if row.is_empty() {
                definitions.push(highest - if nulls { 2 } else { 1 });
                repetitions.push(0);
            }
            for (at, value) in row.iter().enumerate() {
                definitions.push(highest - i16::from(value.is_none()));
                repetitions.push(i16::from(at > 0));
            }
        }
        column.typed::<T>().write_batch(&values, Some(&definitions), Some(&repetitions)).expect("writes");
        column.close().expect("writes");
        group.close().expect("writes");
    }
    writer.close().expect("writes");
}

/// Writes a column for each dimension.
fn write_columns<T: DataType>(
    path: &Path,
    (physical, nulls): (Physical, bool),
    properties: WriterPropertiesBuilder,
    rows: &[Vec<Option<T::T>>],
) {
    let repetition = if nulls { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let fields = (0..rows[0].len()).map(|column| element(physical, &format!("x{column}"), repetition)).collect();
    let schema = Arc::new(Type::group_type_builder("table").with_fields(fields).build().expect("a schema"));
    let file = File::create(path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).expect("a writer");
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group().expect("a group");
        let mut number = 0;
        while let Some(mut column) = group.next_column().expect("a column") {
            let values: Vec<T::T> = rows.iter().filter_map(|row| row[number].clone()).collect();
            let definitions: Vec<i16> = rows.iter().map(|row| i16::from(row[number].is_some())).collect();
            column.typed::<T>().write_batch(&values, nulls.then_some(&definitions), None).expect("writes");
            column.close().expect("writes");
            number += 1;
        }
        group.close().expect("writes");
    }
    writer.close().expect("writes");
}

fn rows<T>(matrix: &Matrix, value: impl Fn(u8) -> T) -> Vec<Vec<Option<T>>> {
    matrix.values.chunks(matrix.dim).map(|row| row.iter().map(|&v| Some(value(v))).collect()).collect()
}

/// The forms that Parquet files take, by name.
fn forms() -> Vec<(&'static str, WriterPropertiesBuilder)> {
    let mut forms = vec![
        ("plain", plain()),
        ("dictionary", with_dictionary()),
        ("fallback", with_dictionary().set_dictionary_page_size_limit(64)),
        ("snappy", plain().set_compression(Compression::SNAPPY)),
        ("gzip", plain().set_compression(Compression::GZIP(parquet::basic::GzipLevel::default()))),
        ("lz4", plain().set_compression(Compression::LZ4_RAW)),
        ("split", plain().set_encoding(Encoding::BYTE_STREAM_SPLIT)),
        ("v2", plain().set_writer_version(WriterVersion::PARQUET_2_0).set_encoding(Encoding::PLAIN)),
        (
            "v2-dictionary",
            with_dictionary().set_writer_version(WriterVersion::PARQUET_2_0).set_compression(Compression::SNAPPY),
        ),
    ];
    if cfg!(feature = "zstd") {
        forms.push(("zstd", with_dictionary().set_compression(Compression::ZSTD(ZstdLevel::default()))));
    }
    forms
}

fn each_form<T: DataType>(folder: &Path, physical: Physical, rows: &[Vec<Option<T::T>>]) -> Vec<Written> {
    let written = |name: String, write: &dyn Fn(&Path)| {
        let path = folder.join(name);
        write(&path);
        Written { path, options: Default::default(), arguments: Vec::new() }
    };
    let mut all = Vec::new();
    for (number, (name, properties)) in forms().into_iter().enumerate() {
        let kind = (physical, number % 2 == 0);
        all.push(written(format!("lists-{name}.parquet"), &|path| {
            write_lists::<T>(path, kind, properties.clone(), rows)
        }));
        let write = |path: &Path| write_columns::<T>(path, kind, properties.clone(), rows);
        all.push(written(format!("columns-{name}.parquet"), &write));
    }
    all
}

pub(crate) fn halves(matrix: &Matrix, folder: &Path) -> Vec<Written> {
    let value = |value: u8| FixedLenByteArray::from(f16::from_f32(value.into()).to_le_bytes().to_vec());
    each_form::<FixedLenByteArrayType>(folder, Physical::FIXED_LEN_BYTE_ARRAY, &rows(matrix, value))
}

pub(crate) fn singles(matrix: &Matrix, folder: &Path) -> Vec<Written> {
    each_form::<FloatType>(folder, Physical::FLOAT, &rows(matrix, f32::from))
}

pub(crate) fn doubles(matrix: &Matrix, folder: &Path) -> Vec<Written> {
    each_form::<DoubleType>(folder, Physical::DOUBLE, &rows(matrix, f64::from))
}

/// Whole rows of float32, with a page size that splits them.
pub(crate) fn ragged(path: &Path, nulls: bool, rows: &[Vec<Option<f32>>]) {
    write_lists::<FloatType>(path, (Physical::FLOAT, nulls), plain(), rows);
}

/// A column for each dimension of float32.
pub(crate) fn columns_with_gaps(path: &Path, rows: &[Vec<Option<f32>>]) {
    write_columns::<FloatType>(path, (Physical::FLOAT, true), plain(), rows);
}
