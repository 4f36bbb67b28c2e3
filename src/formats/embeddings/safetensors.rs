//! `.safetensors` files: a length, a JSON header, and the arrays in place.
//!
//! Format: the README of huggingface/safetensors. Elements are little endian, in C order.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::data_file::{DataFile, read_up_to_at};
use super::element::{Element, Kind};
use super::pick::{Found, pick};
use super::row_file::{Candidate, Opened, checked_shape};
use super::row_major::RowMajor;
use crate::base::error::Finding;

/// Largest header that is read. That of a model with 100,000 tensors takes 10 MB.
const MAX_HEADER: u64 = 32 << 20;

/// Bytes of the header's length.
const LENGTH: u64 = 8;

/// The entry of a tensor.
#[derive(Debug, Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Whether the file starts with a plausible length and a JSON object.
pub(super) fn recognises(start: &[u8]) -> bool {
    let Some((length, rest)) = start.split_first_chunk::<8>() else { return false };
    let length = u64::from_le_bytes(*length);
    length > 0 && length <= MAX_HEADER && rest.starts_with(b"{\"")
}

/// Opens the array that the options name, or the only matrix.
pub(super) fn open(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let path = candidate.path;
    let (mut tensors, data) = header(&candidate)?;
    let names: Vec<String> = tensors.iter().map(|(name, _)| name.clone()).collect();
    if let Some(name) = &candidate.options.array {
        tensors.retain(|(tensor, _)| tensor == name);
    }
    let found = tensors.into_iter().map(|(name, tensor)| Found {
        name,
        shown: format!("{:?} of {}", tensor.shape, tensor.dtype),
        is_matrix: tensor.shape.len() == 2 && kind(&tensor.dtype).is_some(),
        of: tensor,
    });
    let (name, tensor) = pick(path, found.collect(), &names, candidate.options)?;
    let refuse = |what: &str, hint: &str| {
        let finding = Finding::new(what).file(path).expected("a 2-D tensor of F16, BF16, F32, F64, I8 or U8");
        finding.found(format!("`{name}`, {:?} of {}", tensor.shape, tensor.dtype)).hint(hint)
    };
    let Some(kind) = kind(&tensor.dtype) else {
        let hint = "save it as floats: tensor.float()";
        return Err(refuse("the embeddings are not floats", hint));
    };
    let &[rows, columns] = tensor.shape.as_slice() else {
        return Err(refuse("the embeddings are not a matrix", "keep one vector per image: tensor.flatten(1)"));
    };
    let element = Element::little(kind);
    let dim = checked_shape(path, rows, columns, element.delivered())?;
    let [begin, end] = tensor.data_offsets;
    let wanted = rows.checked_mul(columns).and_then(|count| count.checked_mul(element.size() as u64));
    if begin > end || Some(end - begin) != wanted || data.checked_add(end).is_none_or(|end| end > candidate.bytes) {
        let found = format!("`{name}`, {:?} of {} in bytes {begin} to {end}", tensor.shape, tensor.dtype);
        return Err(damaged(path, &found));
    }
    let reader = RowMajor { source: Box::new(DataFile::new(candidate)), offset: data + begin, element, dim };
    Ok(Opened {
        rows,
        dim,
        dtype: element.delivered(),
        array: Some(name),
        note: None,
        columns: Vec::new(),
        reader: Box::new(reader),
    })
}

/// The tensors in the order of the header, and where their data starts.
fn header(candidate: &Candidate<'_>) -> Result<(Vec<(String, Tensor)>, u64), Finding> {
    let path = candidate.path;
    let length = read_up_to_at(&candidate.file, path, 0, 8)?;
    let length = length.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if length == 0 || length > MAX_HEADER || length > candidate.bytes.saturating_sub(LENGTH) {
        return Err(damaged(path, &format!("a header of {length} bytes in a file of {}", candidate.bytes)));
    }
    let text = read_up_to_at(&candidate.file, path, LENGTH, usize::try_from(length).unwrap_or(0))?;
    let parsed: Result<serde_json::Map<String, Value>, _> = serde_json::from_slice(&text);
    let parsed = parsed.map_err(|e| damaged(path, &e.to_string()))?;
    let mut tensors = Vec::new();
    for (name, value) in parsed.into_iter().filter(|(name, _)| name != "__metadata__") {
        let tensor = serde_json::from_value(value).map_err(|e| damaged(path, &format!("`{name}`: {e}")))?;
        tensors.push((name, tensor));
    }
    Ok((tensors, LENGTH + length))
}

fn kind(dtype: &str) -> Option<Kind> {
    match dtype {
        "F16" => Some(Kind::F16),
        "BF16" => Some(Kind::Bf16),
        "F32" => Some(Kind::F32),
        "F64" => Some(Kind::F64),
        "I8" => Some(Kind::I8),
        "U8" => Some(Kind::U8),
        _ => None,
    }
}

fn damaged(path: &Path, found: &str) -> Finding {
    let finding =
        Finding::new("the .safetensors file is damaged").file(path).expected("a JSON header that fits the file");
    finding.found(found).hint("copy the file again, or write it again")
}
