//! Which array of a file is meant.

use std::path::Path;

use super::row_file::ReadOptions;
use crate::base::error::Finding;

/// Names shown in a message.
const SHOWN: usize = 10;

/// An array in a file.
pub(super) struct Found<T> {
    pub(super) name: String,
    /// Shape and type, for messages.
    pub(super) shown: String,
    /// Whether it could be the embeddings.
    pub(super) is_matrix: bool,
    pub(super) of: T,
}

/// The array that `--array` names, or the only matrix. `found` holds the arrays of that name only, if one is named; `names`
/// holds the names of all arrays.
pub(super) fn pick<T>(
    path: &Path,
    mut found: Vec<Found<T>>,
    names: &[String],
    options: &ReadOptions,
) -> Result<(String, T), Finding> {
    if options.array.is_none() {
        let matrices = found.iter().filter(|found| found.is_matrix).count();
        // a single array gets the findings about what it is
        if matrices > 0 || found.len() > 1 {
            let shown: Vec<String> = found.iter().map(|found| format!("`{}` {}", found.name, found.shown)).collect();
            let all = list(&shown);
            found.retain(|found| found.is_matrix);
            if found.len() != 1 {
                return Err(ambiguous(path, found.len(), all));
            }
        }
    }
    let count = found.len();
    match (found.pop(), count) {
        (Some(found), 1) => Ok((found.name, found.of)),
        (Some(found), _) => Err(Finding::new("several arrays have one name").file(path).found(found.name)),
        (None, _) => {
            let expected =
                options.array.as_ref().map_or("at least one array".to_owned(), |name| format!("an array `{name}`"));
            let finding = Finding::new("the file has no such array").file(path).expected(expected);
            let finding = finding.found(if names.is_empty() { "none".to_owned() } else { list(names) });
            Err(finding.hint("name another file, or another array with --array"))
        }
    }
}

fn ambiguous(path: &Path, matrices: usize, all: String) -> Finding {
    let what =
        if matrices == 0 { "no array of the file is a matrix of floats" } else { "the file has several matrices" };
    let finding = Finding::new(what).file(path).expected("one 2-D array of floats").found(all);
    finding.hint(if matrices == 0 { "name another file" } else { "name the one to read with --array NAME" })
}

/// The first of these, and how many more there are.
pub(super) fn list(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}
