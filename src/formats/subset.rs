//! Row numbers of a subset: upstream can cluster only some rows of the embeddings (`subset_indices_path`).
//!
//! Member j of level 1 then means row `subset[j]`.

use std::path::Path;

use super::npy;
use crate::base::error::Finding;

/// Reads a `.npy` of row numbers and checks them against embeddings of `rows` rows.
///
/// # Errors
/// What [`npy::read_indices`] and [`check`] refuse.
pub fn read(path: &Path, rows: u64) -> Result<Vec<u64>, Finding> {
    let subset = npy::read_indices(path)?;
    check(&subset, rows).map_err(|finding| finding.file(path))?;
    Ok(subset)
}

/// Refuses an empty subset, a row number past the end of the embeddings, and a row that is listed twice.
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
    let mut seen = vec![false; usize::try_from(rows).map_err(|_| Finding::new("too many rows for this machine"))?];
    for (position, &row) in subset.iter().enumerate() {
        // Every row is below `rows`, as was just checked, so that none is passed over.
        let Some(seen) = usize::try_from(row).ok().and_then(|row| seen.get_mut(row)) else { continue };
        if std::mem::replace(seen, true) {
            return Err(Finding::new("a row is in the subset twice")
                .index(position as u64)
                .expected("every row number once")
                .found(format!("row {row} again"))
                .hint("remove the repeats (numpy.unique) if the clustering was made without them"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_any_order_and_refuses_what_cannot_be_a_subset() {
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
