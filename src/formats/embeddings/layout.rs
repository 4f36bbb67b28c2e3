//! Checks that a `.npy` array can serve as embeddings, and advises how to convert one that can't.

use std::path::Path;

use crate::base::error::Finding;
use crate::base::matrix::Dtype;
use crate::base::numeric::to_usize;
use crate::formats::npy::{ByteOrder, Header, floats, numpy_command};

/// Rows, columns and type of embeddings that can be read in place. Otherwise a finding with the command that converts them.
pub(super) fn check(header: &Header, path: &Path) -> Result<(u64, usize, Dtype), Finding> {
    let refuse = |what: &str, hint: String| {
        let order = if header.fortran_order { ", Fortran order" } else { "" };
        Finding::new(what)
            .file(path)
            .expected("2-D, float16, float32 or float64, little endian, C order")
            .found(format!("shape {} of {}{order}", header.shape_text(), header.descr))
            .hint(hint)
    };
    // The memory map lets NumPy convert embeddings that are larger than memory.
    let rewrite = |expression: &str| numpy_command(path, "mmap_mode='r'", expression);
    let element = header.element();
    if element.is_some_and(|element| element.kind == 'O') {
        return Err(refuse("the embeddings are an array of Python objects, not a matrix", objects_hint(header, path)));
    }
    if header.shape.contains(&0) {
        return Err(refuse(
            "the embeddings are empty",
            "check what wrote the file, or leave it out of the list".into(),
        ));
    }
    let dtype = match element.map(|element| (element.kind, element.size)) {
        Some(('f', 2)) => Dtype::F16,
        Some(('f', 4)) => Dtype::F32,
        Some(('f', 8)) => Dtype::F64,
        _ => return Err(refuse("the embeddings are not floats", floats(header, path))),
    };
    let &[rows, columns] = header.shape.as_slice() else {
        let hint = match header.shape.as_slice() {
            [] | [_] => {
                "each image needs a row: stack the vectors with numpy.stack, or use a.reshape(-1, DIMENSIONS)".into()
            }
            _ => format!("keep one vector per image, such as {}", rewrite("a.reshape(len(a), -1)")),
        };
        return Err(refuse("the embeddings are not a matrix", hint));
    };
    if element.is_some_and(|element| element.order == ByteOrder::Big) {
        return Err(refuse("the embeddings are big endian", rewrite(&format!("a.astype('{}')", dtype.descr()))));
    }
    // With one row or one column, both orders are the same bytes.
    if header.fortran_order && rows > 1 && columns > 1 {
        return Err(refuse("the embeddings are in Fortran order", rewrite("np.ascontiguousarray(a)")));
    }
    let dim = to_usize(columns);
    if dim.checked_mul(dtype.size()).is_none() {
        return Err(refuse("a row exceeds the address space of this machine", "check the file".into()));
    }
    Ok((rows, dim, dtype))
}

/// Object arrays are pickles, which this program does not execute. NumPy can convert the two usual kinds to matrices.
fn objects_hint(header: &Header, path: &Path) -> String {
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
