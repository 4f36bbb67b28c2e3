//! Agreement measured over pairs of points.

use super::Contingency;

/// Adjusted Rand index (Hubert and Arabie 1985), scikit-learn's `adjusted_rand_score`: 1 if the partitions are equal;
/// its expected value is 0 for random partitions with the same sizes, and its minimum is -0.5. 1 without points.
pub fn ari(table: &Contingency) -> f64 {
    if table.is_perfect() {
        return 1.0;
    }
    let squares = |sizes: &mut dyn Iterator<Item = u64>| sizes.map(|s| u128::from(s) * u128::from(s)).sum::<u128>();
    let points = u128::from(table.points);
    // ordered pairs of distinct points: together in both, in one only, in none; in integers, which are exact
    let both = table.squares - points;
    let in_rows = squares(&mut table.row_sizes()) - table.squares;
    let in_columns = squares(&mut table.column_sizes()) - table.squares;
    let none = points * points - in_rows - in_columns - table.squares;
    let [both, in_rows, in_columns, none] = [both, in_rows, in_columns, none].map(|pairs| pairs as f64);
    let chance = (both + in_rows) * (in_rows + none) + (both + in_columns) * (in_columns + none);
    2.0 * (both * none - in_rows * in_columns) / chance
}
