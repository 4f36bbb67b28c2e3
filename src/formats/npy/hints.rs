//! NumPy commands that turn an array into one that can be read. Each works as written.

use std::borrow::Cow;
use std::path::Path;

use super::{Element, Header};

/// How to open a large array: NumPy then converts it without holding it in memory.
const MAPPED: &str = "mmap_mode='r'";

/// The shell command that rewrites `file` as `expression`, in which `a` is the loaded array.
pub(in crate::formats) fn numpy_command(file: &Path, load: &str, expression: &str) -> String {
    let target = file.with_extension("fixed.npy");
    format!(
        "python -c \"import numpy as np, sys; a = np.load(sys.argv[1], {load}); np.save(sys.argv[2], {expression})\" {} {}",
        shell_word(file),
        shell_word(&target)
    )
}

/// The path as one word of a shell.
pub(crate) fn shell_word(path: &Path) -> String {
    match path.to_str() {
        Some(text) if cfg!(windows) => format!("\"{text}\""),
        Some(text) => shlex::try_quote(text).unwrap_or(Cow::Borrowed(text)).into_owned(),
        None => ansi_quoted(path),
    }
}

/// A path that is not UTF-8 in the notation of bash and zsh.
#[cfg(unix)]
fn ansi_quoted(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let byte = |&byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("$'{}'", path.as_os_str().as_bytes().iter().map(byte).collect::<String>())
}

#[cfg(not(unix))]
fn ansi_quoted(path: &Path) -> String {
    path.display().to_string()
}

/// How to convert an array of another type to floats.
pub(in crate::formats) fn floats(header: &Header, file: &Path) -> String {
    let command = |expression: &str| numpy_command(file, MAPPED, expression);
    match header.element() {
        // NumPy stores bfloat16 as two bytes without a type: the upper half of a float32
        Some(Element { kind: 'V', size: 2, .. }) => {
            let expression = "(a.view(np.uint16).astype(np.uint32) << 16).view(np.float32)";
            format!("if it is bfloat16: {}", command(expression))
        }
        Some(Element { kind: 'f' | 'i' | 'u' | 'b', .. }) => command("a.astype('<f4')"),
        Some(Element { kind: 'U' | 'S', .. }) => "these are texts; name the file of the vectors".to_owned(),
        Some(Element { kind: 'c', .. }) => {
            format!("if the real parts are the vectors: {}", command("a.real.astype('<f4')"))
        }
        Some(_) => "save them as floats where they were made: numpy.save(path, array.astype('float32'))".to_owned(),
        None => records(header, file),
    }
}

/// How to convert a record type, or a type with a unit.
fn records(header: &Header, file: &Path) -> String {
    let fields = record_fields(&header.descr);
    let is_number =
        |field: &Field<'_>| field.descr.trim_start_matches(['<', '>', '|', '=']).starts_with(['f', 'i', 'u', 'b']);
    let command = |expression: &str| numpy_command(file, MAPPED, expression);
    let simple = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fields.is_empty() {
        return "save them as floats where they were made: numpy.save(path, array.astype('float32'))".to_owned();
    }
    let vectors: Vec<&Field<'_>> =
        fields.iter().filter(|field| field.is_vector && is_number(field) && simple(field.name)).collect();
    if let [field] = vectors.as_slice() {
        return command(&format!("a['{}'].astype('<f4')", field.name));
    }
    if fields.iter().all(|field| !field.is_vector && is_number(field)) {
        return command("np.stack([a[n] for n in a.dtype.names], -1).astype('<f4')");
    }
    "save the field that holds the vectors: numpy.save(path, array['FIELD'])".to_owned()
}

/// A field of a record type.
#[derive(Debug, PartialEq)]
struct Field<'a> {
    name: &'a str,
    descr: &'a str,
    /// Whether it holds several values.
    is_vector: bool,
}

/// The fields of a record type such as `[('id', '<i8'), ('vector', '<f4', (768,))]`; none if it nests others.
fn record_fields(descr: &str) -> Vec<Field<'_>> {
    let Some(list) = descr.trim().strip_prefix('[').and_then(|list| list.strip_suffix(']')) else { return Vec::new() };
    let mut fields = Vec::new();
    let mut rest = list;
    while let Some((_, entry)) = rest.split_once("('") {
        let parsed = entry.split_once("', '").and_then(|(name, after)| {
            let (descr, after) = after.split_once('\'')?;
            Some((Field { name, descr, is_vector: after.trim_start().starts_with(", (") }, after))
        });
        let Some((field, after)) = parsed else { return Vec::new() };
        fields.push(field);
        rest = after;
    }
    if list.contains('[') { Vec::new() } else { fields }
}

/// How to convert an array to a list of labels.
pub(in crate::formats) fn labels(header: &Header, file: &Path) -> String {
    let Some(Element { kind, .. }) = header.element() else {
        return "save one column: numpy.save(path, array['FIELD'])".to_owned();
    };
    let (load, known) =
        if kind == 'O' { ("allow_pickle=True", true) } else { (MAPPED, matches!(kind, 'f' | 'i' | 'u' | 'b' | 'c')) };
    let command = |expression: &str| numpy_command(file, load, expression);
    match header.shape.as_slice() {
        [] | [_] | [_, 1] | [1, _] if kind == 'O' => {
            command("np.array(['' if x is None or x != x else str(x) for x in a.ravel()])")
        }
        // `astype(int)` would merge 0.2 and 0.7, and make a number of NaN
        [] | [_] | [_, 1] | [1, _] if matches!(kind, 'f' | 'c') => {
            command("np.where(np.isnan(a), '', a.astype(str)).ravel()")
        }
        [] | [_] | [_, 1] | [1, _] if known => command("a.ravel().astype(np.int64)"),
        [_, _] if matches!(kind, 'i' | 'u' | 'b' | 'f') => {
            format!("if it is one-hot: {}", command("np.where((a > 0).any(1), np.argmax(a, 1), -1)"))
        }
        _ => "save one label per row".to_owned(),
    }
}

/// How to convert an array to a list of row numbers.
pub(super) fn row_numbers(header: &Header, file: &Path) -> String {
    match header.element().map(|element| element.kind) {
        Some('b') => numpy_command(file, MAPPED, "np.flatnonzero(a)"),
        Some('i' | 'u') => numpy_command(file, MAPPED, "a.ravel()"),
        Some('f') => numpy_command(file, MAPPED, "a.ravel().astype(np.int64)"),
        Some('O') => numpy_command(file, "allow_pickle=True", "np.array([int(x) for x in a.ravel()], np.int64)"),
        _ => "name a file of row numbers, counted from 0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_records_are_found() {
        let field = |name, descr, is_vector| Field { name, descr, is_vector };
        let fields = record_fields("[('id', '<i8'), ('vector', '<f4', (768,))]");
        assert_eq!(fields, [field("id", "<i8", false), field("vector", "<f4", true)]);
        assert_eq!(record_fields("[('x', [('y', '<f4')])]"), []);
        assert_eq!(record_fields("<M8[ns]"), []);
    }
}
