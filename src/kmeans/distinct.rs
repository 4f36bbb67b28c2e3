//! Which rows are distinct: repeated rows must not become two first centroids while other rows are left.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

/// A set of rows, compared value by value; 0 and -0 are equal.
#[derive(Debug, Default)]
pub(super) struct DistinctRows {
    hashes: HashSet<[u8; 32]>,
    /// How many rows were hashed, equal ones included.
    hashed: u64,
}

impl DistinctRows {
    /// Adds the rows of `[n, d]`.
    pub(super) fn extend(&mut self, rows: ArrayView2<'_, f64>) {
        rows.outer_iter().for_each(|row| {
            self.insert(row);
        });
    }

    /// Adds a row; false where an equal one is there already.
    pub(super) fn insert(&mut self, row: ArrayView1<'_, f64>) -> bool {
        let mut hasher = blake3::Hasher::new();
        // adding 0 turns -0 into 0
        row.iter().for_each(|value| {
            hasher.update(&(value + 0.0).to_le_bytes());
        });
        self.hashed += 1;
        self.hashes.insert(*hasher.finalize().as_bytes())
    }

    /// Number of rows that differ.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// How many rows were hashed, equal ones included.
    #[cfg(test)]
    pub(super) fn hashed(&self) -> u64 {
        self.hashed
    }
}

/// Places of the first of equal rows, ascending.
pub(super) fn first_of_each(rows: ArrayView2<'_, f64>) -> Vec<usize> {
    let mut distinct = DistinctRows::default();
    (0..rows.nrows()).filter(|&row| distinct.insert(rows.row(row))).collect()
}

/// As many rows as `wanted`: repeats the given ones in turn where they are fewer. A repeated centroid stays empty, since ties go
/// to the lower index.
pub(super) fn padded(rows: &Array2<f64>, wanted: usize) -> Array2<f64> {
    let places: Vec<usize> = (0..wanted).map(|place| place % rows.nrows().max(1)).collect();
    rows.select(Axis(0), &places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_rows_count_once() {
        let rows = array![[1.0, 2.0], [0.0, 1.0], [1.0, 2.0], [-0.0, 1.0], [1.0, 2.000_000_1]];
        assert_eq!(first_of_each(rows.view()), [0, 1, 4]);
        let mut distinct = DistinctRows::default();
        distinct.extend(rows.view());
        assert_eq!((distinct.len(), distinct.hashed()), (3, 5));
        assert!(!distinct.insert(rows.row(3)));
        assert!(distinct.insert(array![2.0, 1.0].view()), "columns are not exchanged");
    }

    #[test]
    fn missing_rows_are_repeated() {
        assert_eq!(padded(&array![[1.0], [2.0]], 5), array![[1.0], [2.0], [1.0], [2.0], [1.0]]);
    }
}
