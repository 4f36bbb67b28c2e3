//! Checks that a NumPy array can serve as embeddings, and advises how to convert one that can't.

use std::path::Path;

use super::element::{Element, Kind};
use super::row_file::{ReadOptions, Untyped, checked_shape};
use crate::base::error::Finding;
use crate::formats::npy::{self, Header, floats, numpy_command};

/// The place of an array: a `.npy` file, or a member of a `.npz` file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) member: Option<&'a str>,
}

/// A matrix of numbers that can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) rows: u64,
    pub(super) dim: usize,
    pub(super) element: Element,
    /// Whether columns lie one after the other.
    pub(super) by_columns: bool,
}

/// The layout of embeddings that can be read as they lie. Otherwise a finding with the command that converts them.
pub(super) fn check(header: &Header, place: Place<'_>, options: &ReadOptions) -> Result<Layout, Finding> {
    let refuse = |what: &str, hint: String| {
        let order = if header.fortran_order { ", Fortran order" } else { "" };
        let member = place.member.map_or(String::new(), |member| format!(", array `{member}`"));
        Finding::new(what)
            .file(place.path)
            .expected("2-D, float16, float32, float64, bfloat16, int8 or uint8")
            .found(format!("shape {} of {}{order}{member}", header.shape_text(), header.descr))
            .hint(hint)
    };
    if header.element().is_some_and(|element| element.kind == 'O') {
        return Err(refuse("the embeddings are an array of Python objects, not a matrix", objects_hint(header, place)));
    }
    if header.shape.contains(&0) {
        return Err(refuse(
            "the embeddings are empty",
            "check what wrote the file, or leave it out of the list".into(),
        ));
    }
    let Some(element) = element(header, options) else {
        return Err(refuse("the embeddings are not floats", floats_hint(header, place)));
    };
    let &[rows, columns] = header.shape.as_slice() else {
        return Err(refuse("the embeddings are not a matrix", matrix_hint(header, place)));
    };
    let dim = checked_shape(place.path, rows, columns, element.delivered())?;
    // with one row or one column, both orders are the same bytes
    Ok(Layout { rows, dim, element, by_columns: header.fortran_order && rows > 1 && columns > 1 })
}

/// Type of the elements; `None` if they can't be delivered without loss.
pub(super) fn element(header: &Header, options: &ReadOptions) -> Option<Element> {
    let npy::Element { kind, size, order } = header.element()?;
    let kind = match (kind, size) {
        ('f', 2) => Kind::F16,
        ('f', 4) => Kind::F32,
        ('f', 8) => Kind::F64,
        ('i', 1) => Kind::I8,
        ('u', 1) => Kind::U8,
        ('V', 2) if options.untyped == Some(Untyped::Bf16) => Kind::Bf16,
        _ => return None,
    };
    Some(Element { kind, order })
}

/// The memory map lets NumPy convert embeddings that are larger than memory.
fn rewrite(place: Place<'_>, expression: &str) -> String {
    match place.member {
        None => numpy_command(place.path, "mmap_mode='r'", expression),
        Some(_) => "load the array with NumPy, and save it with numpy.save as a matrix of float32".to_owned(),
    }
}

fn floats_hint(header: &Header, place: Place<'_>) -> String {
    match header.element() {
        Some(npy::Element { kind: 'V', size: 2, .. }) => {
            "if it is bfloat16, add --dtype bf16 (--embeddings-dtype bf16 in kmeans)".to_owned()
        }
        _ if place.member.is_some() => rewrite(place, ""),
        _ => floats(header, place.path),
    }
}

fn matrix_hint(header: &Header, place: Place<'_>) -> String {
    match header.shape.as_slice() {
        [] | [_] => {
            "each image needs a row: stack the vectors with numpy.stack, or use a.reshape(-1, DIMENSIONS)".to_owned()
        }
        _ => format!("keep one vector per image, such as {}", rewrite(place, "a.reshape(len(a), -1)")),
    }
}

/// Object arrays are pickles, which this program does not execute. NumPy can convert the two usual kinds to matrices.
fn objects_hint(header: &Header, place: Place<'_>) -> String {
    if place.member.is_some() {
        return rewrite(place, "");
    }
    let path = place.path;
    let shard = numpy_command(path, "allow_pickle=True", "a[0]");
    // NumPy makes an object matrix of a list of vectors of one length
    let stacked = if header.shape.len() == 1 { "np.stack(a)" } else { "a.astype('<f4')" };
    let rows = numpy_command(path, "allow_pickle=True", stacked);
    if header.shape == [2] {
        format!("if it is a pair of embeddings and names: {shard}; if it is two rows: {rows}")
    } else {
        format!("if each object is a row: {rows}")
    }
}
