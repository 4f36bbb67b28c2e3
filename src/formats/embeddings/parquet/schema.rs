//! Which columns of a Parquet file hold the vectors.

use std::path::Path;

use parquet::basic::{LogicalType, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::super::pick::list;
use crate::base::error::Finding;
use crate::base::matrix::Dtype;

/// Columns, by their number in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vectors {
    /// A column of lists: a list is a row.
    Lists(usize),
    /// A column for each dimension.
    Columns(Vec<usize>),
}

/// The chosen columns.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) vectors: Vectors,
    pub(super) dtype: Dtype,
    /// Their name, for records.
    pub(super) name: String,
}

/// The columns that `wanted` names: a column of lists, a column of numbers, or a glob over columns of numbers. Without a name,
/// the only column of lists, or all columns of floats if every column is a number.
pub(super) fn choose(schema: &SchemaDescriptor, wanted: Option<&str>, path: &Path) -> Result<Choice, Finding> {
    let columns = schema.columns();
    let floats = columns.iter().enumerate().filter(|(_, column)| dtype(column).is_some());
    let (lists, flat): (Vec<usize>, Vec<usize>) =
        floats.map(|(number, _)| number).partition(|&number| columns[number].max_rep_level() == 1);
    let flat: Vec<usize> = flat.into_iter().filter(|&number| columns[number].max_rep_level() == 0).collect();
    let (lists, flat) = match wanted {
        Some(wanted) => {
            let pattern = glob::Pattern::new(wanted).ok();
            let is_named = |number: &usize| name(&columns[*number]) == wanted;
            let matches = |number: &usize| pattern.as_ref().is_some_and(|p| p.matches(&name(&columns[*number])));
            let (lists, one) = (lists.into_iter().filter(is_named), flat.iter().copied().find(is_named));
            let flat = one.map_or_else(|| flat.into_iter().filter(matches).collect(), |one| vec![one]);
            (lists.collect(), flat)
        }
        None => {
            let all_numbers = columns.iter().all(|column| column.max_rep_level() == 0 && is_number(column));
            (lists, if all_numbers { flat } else { Vec::new() })
        }
    };
    let vectors = match (lists.as_slice(), flat.as_slice()) {
        ([], []) => return Err(nothing(schema, wanted, path)),
        ([one], _) => Vectors::Lists(*one),
        ([], _) => Vectors::Columns(flat),
        _ => return Err(several(columns, &lists, path)),
    };
    let numbers: &[usize] = if let Vectors::Columns(numbers) = &vectors { numbers } else { &lists };
    let first = &columns[numbers[0]];
    let dtype = |number: &usize| dtype(&columns[*number]).unwrap_or(Dtype::F32);
    if let Some(other) = numbers.iter().find(|other| dtype(other) != dtype(&numbers[0])) {
        let finding = Finding::new("the columns of the embeddings differ in type").file(path);
        let finding = finding.expected(format!("{} as in `{}`", dtype(&numbers[0]).descr(), name(first)));
        let finding = finding.found(format!("{} in `{}`", dtype(other).descr(), name(&columns[*other])));
        return Err(
            finding.hint("name columns of one type with a glob, such as --column 'x*', or write all as float32")
        );
    }
    let name = match numbers {
        [one] => name(&columns[*one]),
        [one, .., last] => format!("{} to {} ({} columns)", name(&columns[*one]), name(&columns[*last]), numbers.len()),
        [] => String::new(),
    };
    let dtype = dtype(&numbers[0]);
    Ok(Choice { vectors, dtype, name })
}

/// The name of a column; of a column of lists, without the two levels that make it one.
pub(super) fn name(column: &ColumnDescriptor) -> String {
    let parts = column.path().parts();
    let kept = if column.max_rep_level() == 0 { parts.len() } else { parts.len().saturating_sub(2).max(1) };
    parts[..kept].join(".")
}

fn dtype(column: &ColumnDescriptor) -> Option<Dtype> {
    match column.physical_type() {
        Physical::FLOAT => Some(Dtype::F32),
        Physical::DOUBLE => Some(Dtype::F64),
        Physical::FIXED_LEN_BYTE_ARRAY
            if column.logical_type_ref() == Some(&LogicalType::Float16) && column.type_length() == 2 =>
        {
            Some(Dtype::F16)
        }
        _ => None,
    }
}

fn is_number(column: &ColumnDescriptor) -> bool {
    let is_integer = matches!(column.physical_type(), Physical::INT32 | Physical::INT64 | Physical::BOOLEAN);
    let plain = matches!(column.logical_type_ref(), None | Some(LogicalType::Integer(_)));
    dtype(column).is_some() || (is_integer && plain)
}

fn nothing(schema: &SchemaDescriptor, wanted: Option<&str>, path: &Path) -> Finding {
    let expected = "a column of lists of float16, float32 or float64, or a column of floats for each dimension";
    let what = match wanted {
        Some(wanted) => format!("the file has no column of vectors named `{wanted}`"),
        None => "the file has no column of vectors".to_owned(),
    };
    let columns: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| {
            let lists = if column.max_rep_level() > 0 { "lists of " } else { "" };
            format!("`{}` {lists}{}", name(column), column.physical_type())
        })
        .collect();
    let finding = Finding::new(what).file(path).expected(expected);
    let finding = finding.found(if columns.is_empty() { "no columns".to_owned() } else { list(&columns) });
    finding
        .hint("name the column with --column NAME, or the columns of all dimensions with a glob, such as --column 'x*'")
}

fn several(columns: &[std::sync::Arc<ColumnDescriptor>], lists: &[usize], path: &Path) -> Finding {
    let names: Vec<String> = lists.iter().map(|&number| format!("`{}`", name(&columns[number]))).collect();
    let finding = Finding::new("the file has several columns of vectors").file(path).expected("one");
    finding.found(list(&names)).hint("name the one to read with --column NAME")
}
