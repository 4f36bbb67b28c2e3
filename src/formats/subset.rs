//! Row numbers of a subset. Upstream can cluster only some rows of the embeddings (`subset_indices_path`). Member j of level 1 is
//! then row `subset[j]`.

use std::path::Path;

use super::npy;
use crate::base::error::Finding;
use crate::base::numeric::to_usize;

/// Reads a `.npy` of row numbers and checks it against embeddings of `rows` rows.
///
/// # Errors
/// Those of [`npy::read_indices`] and [`check`].
pub fn read(path: &Path, rows: u64) -> Result<Vec<u64>, Finding> {
    let subset = npy::read_indices(path)?;
    check(&subset, rows).map_err(|finding| finding.file(path))?;
    Ok(subset)
}

/// Refuses an empty subset, a row number past the end of the embeddings, and a repeated row.
pub fn check(subset: &[u64], rows: u64) -> Result<(), Finding> {
    if subset.is_empty() {
        return Err(Finding::new("the subset has no rows").expected("at least one row number").found("none"));
    }
    let past_end = subset.iter().filter(|&&row| row >= rows).count();
    if let Some(position) = subset.iter().position(|&row| row >= rows) {
        return Err(Finding::new("a row of the subset is not in the embeddings")
            .index(position as u64)
            .expected(format!("row numbers below {rows}, the rows of the embeddings"))
            .found(format!("{}; {past_end} of {} entries are past the end", subset[position], subset.len()))
            .hint("check that subset and embeddings belong together"));
    }
    let mut seen = vec![false; to_usize(rows)];
    for (position, &row) in subset.iter().enumerate() {
        if std::mem::replace(&mut seen[to_usize(row)], true) {
            return Err(Finding::new("a row is in the subset twice")
                .index(position as u64)
                .expected("every row number once")
                .found(format!("row {row} again"))
                .hint("if the clustering was made without the repeats, remove them (numpy.unique)"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_is_valid_and_other_lists_are_refused() {
        assert_eq!(check(&[4, 0, 2], 5), Ok(()));
        for (subset, wrong) in [
            (vec![], "no rows"),
            (vec![0, 5, 6], "5; 2 of 3 entries"),
            (vec![0, u64::MAX], "past the end"),
            (vec![3, 1, 3], "row 3 again"),
        ] {
            let finding = check(&subset, 5).unwrap_err().to_string();
            assert!(finding.contains(wrong), "{finding}");
        }
    }
}
