//! Rows with a NaN or an infinity, and rows of zeros that can't be normalised, where these are refused.

use crate::base::error::{Error, Finding, Result};
use crate::formats::embeddings::{Embeddings, was_zero};

/// Number of rows listed in the message.
pub(super) const NAMED_ROWS: usize = 10;

/// Refuses these rows (ascending) of the `read` ones; `Ok` if there are none.
///
/// # Errors
/// `Input` if there are any; errors of the disk.
pub(super) fn refuse(embeddings: &Embeddings, rows: &[u64], read: u64) -> Result<()> {
    let Some(&first) = rows.first() else { return Ok(()) };
    let named: Vec<String> = rows.iter().take(NAMED_ROWS).map(u64::to_string).collect();
    let more = if rows.len() > NAMED_ROWS { ", ..." } else { "" };
    let [what, expected, verb] = match zeros_among(embeddings, &rows[..named.len()])? {
        0 => ["NaN or infinite values", "finite values", "repair"],
        zeros if zeros == named.len() => ["rows of zeros, which have no direction", "a value other than 0", "remove"],
        _ => {
            ["NaN or infinite values, and rows of zeros, which have no direction", "finite values, not all 0", "repair"]
        }
    };
    let finding = Finding::new(format!("the embeddings hold {what}"))
        .file(&embeddings.file_of(first).path)
        .expected(format!("{expected} in every row that has a label"))
        .found(format!("{} such rows among the {read} read: {}{more}", rows.len(), named.join(", ")))
        .hint(format!("{verb} those rows, or leave them out of every metric with --nonfinite skip"));
    Err(Error::input(finding))
}

/// How many of these rows are all zeros, and so could not be normalised.
fn zeros_among(embeddings: &Embeddings, rows: &[u64]) -> Result<usize> {
    let mut bytes = vec![0; embeddings.row_bytes()];
    let mut zeros = 0;
    for &row in rows.iter().filter(|_| embeddings.is_normalized()) {
        embeddings.read_rows(row, &mut bytes)?;
        zeros += usize::from(was_zero(embeddings.dtype(), &bytes));
    }
    Ok(zeros)
}
