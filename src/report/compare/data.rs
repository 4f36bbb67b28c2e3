//! Whether both runs judged the same data.

use serde::Serialize;

use crate::base::text::counted;
use crate::formats::fingerprint::FileFingerprint;
use crate::plan::record::{InputFile, Inputs, RunRecord};

/// Whether both runs judged the same data: metrics of different data can't tell which clustering is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SameData {
    /// Whether the embeddings are the same; `None` if that is not known.
    pub embeddings: Option<bool>,
    /// Whether both have the same number of rows, so that row i may be the same thing in both.
    pub rows: bool,
    /// Whether both read the same file of classes; `None` unless both read one.
    pub classes: Option<bool>,
    /// What differs, in words.
    pub differences: Vec<String>,
}

impl SameData {
    /// Compares the inputs of two runs. Files with other paths or times are compared by their contents, if they still are
    /// as the runs read them.
    pub(super) fn of(a: &RunRecord, b: &RunRecord) -> SameData {
        let mut differences = Vec::new();
        let embeddings = same_embeddings(&a.inputs, &b.inputs, &mut differences);
        let rows = a.inputs.rows == b.inputs.rows;
        if rows && a.skipped_rows != b.skipped_rows {
            differences.push(format!(
                "A skipped {} with NaN or infinity, B {}",
                counted(a.skipped_rows, "row"),
                b.skipped_rows
            ));
        }
        let classes = match (&a.inputs.labels, &b.inputs.labels) {
            (Some(a), Some(b)) => {
                let same = same_file(a, b) || same_contents(a, b) == Some(true);
                if !same && rows {
                    differences.push(format!("the classes are from {} in A and {} in B", name(a), name(b)));
                }
                Some(same && rows)
            }
            _ => None,
        };
        SameData { embeddings, rows, classes, differences }
    }
}

fn same_embeddings(a: &Inputs, b: &Inputs, differences: &mut Vec<String>) -> Option<bool> {
    let shape = |inputs: &Inputs| format!("{} of {}", counted(inputs.rows, "row"), counted(inputs.dim, "column"));
    let mut differ = |what: String| {
        differences.push(what);
        Some(false)
    };
    if (a.rows, a.dim) != (b.rows, b.dim) {
        return differ(format!("A has {}, B has {}", shape(a), shape(b)));
    }
    if a.normalized != b.normalized {
        let words = |normalized| if normalized { "divided by their norms" } else { "taken as they are" };
        return differ(format!("the rows of A were {}, those of B {}", words(a.normalized), words(b.normalized)));
    }
    let pairs = || a.embeddings.iter().zip(&b.embeddings);
    let as_many = a.embeddings.len() == b.embeddings.len();
    if as_many && pairs().all(|(a, b)| same_file(a, b)) {
        return Some(true);
    }
    // the same values in another type or container are other bytes
    let kind = |file: &InputFile| (file.container.clone(), file.array.clone());
    let alike = as_many && a.dtype == b.dtype && pairs().all(|(a, b)| kind(a) == kind(b));
    let first = |inputs: &Inputs| inputs.embeddings.first().map_or_else(String::new, name);
    let files = format!("the embeddings are other files: {} in A, {} in B", first(a), first(b));
    if !alike {
        differences.push(format!("{files}. They have the same shape; whether they hold the same data is not known"));
        return None;
    }
    let contents: Vec<Option<bool>> = pairs().map(|(a, b)| same_contents(a, b)).collect();
    if contents.contains(&Some(false)) {
        return differ(format!("{files}, with other contents"));
    }
    if contents.iter().all(|same| *same == Some(true)) {
        return Some(true);
    }
    differences.push(format!(
        "{files}. They can't be compared, because they have changed since or are gone; whether they held the same data is \
         not known"
    ));
    None
}

/// Whether both are the same version of one file, by path, size and time of the last change.
pub(super) fn same_file(a: &InputFile, b: &InputFile) -> bool {
    (&a.path, a.bytes, &a.modified, &a.array) == (&b.path, b.bytes, &b.modified, &b.array) && a.modified.is_some()
}

/// Whether the contents are equal; `None` if that is not known any more.
fn same_contents(a: &InputFile, b: &InputFile) -> Option<bool> {
    if a.bytes != b.bytes {
        return Some(false);
    }
    Some(checksum(a)? == checksum(b)?)
}

/// The checksum of a file as the run read it. Records of earlier versions have none: then the file's own, if it is unchanged.
fn checksum(file: &InputFile) -> Option<String> {
    if file.checksum.is_some() {
        return file.checksum.clone();
    }
    let now = FileFingerprint::of(&file.path).ok()?;
    (now.bytes == file.bytes && now.modified == file.modified).then_some(now.checksum)
}

fn name(file: &InputFile) -> String {
    file.path.display().to_string()
}
