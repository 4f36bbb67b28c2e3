//! The sums of a contingency table.

use crate::base::numeric::as_real;

/// What the measures take of the table of counts n_ij, the points that lie in cluster i (a row) and have label j (a
/// column): its margins, its largest cells, and two sums over its cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contingency {
    /// Of every cluster, the empty ones included.
    pub rows: Vec<Row>,
    /// Points of every label; 0 where none of them is in a cluster.
    pub columns: Vec<u64>,
    /// All points in the table, n.
    pub points: u64,
    /// Sum of n_ij^2; n can be 10^9.
    pub(super) squares: u128,
    /// Sum of n_ij ln n_ij.
    pub(super) logs: f64,
}

/// One cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    /// Its points that have a label.
    pub points: u64,
    /// The label that most of them have, ties to the lower one; `None` where it has no such point.
    pub majority: Option<u32>,
    /// How many have that one.
    pub most: u64,
}

impl Contingency {
    /// Counts the labels, 0 to `columns` - 1, of the points of each cluster in turn. Takes time for each point, in any
    /// order, and memory for each cluster and each label.
    ///
    /// # Panics
    /// For a label that is not below `columns`.
    pub fn of_groups<G>(columns: usize, groups: impl IntoIterator<Item = G>) -> Contingency
    where
        G: IntoIterator<Item = u32>,
    {
        let mut table = Contingency { columns: vec![0; columns], ..Contingency::default() };
        // one row of the table at a time, of which only the cells in use are looked at
        let mut cells = vec![0_u64; columns];
        let mut used: Vec<u32> = Vec::new();
        for group in groups {
            for label in group {
                let cell = &mut cells[label as usize];
                if *cell == 0 {
                    used.push(label);
                }
                *cell += 1;
            }
            table.push(used.drain(..).map(|label| (label, std::mem::take(&mut cells[label as usize]))));
        }
        table
    }

    /// Adds a cluster, given as its labels with their counts.
    pub(super) fn push(&mut self, cells: impl Iterator<Item = (u32, u64)>) {
        let mut row = Row::default();
        // summed by itself, so that rounding does not grow with the number of cells
        let mut logs = 0.0;
        for (label, count) in cells {
            row.points += count;
            if count > row.most || (count == row.most && row.majority.is_none_or(|other| label < other)) {
                (row.majority, row.most) = (Some(label), count);
            }
            self.columns[label as usize] += count;
            self.squares += u128::from(count) * u128::from(count);
            logs += times_log(count);
        }
        self.logs += logs;
        self.points += row.points;
        self.rows.push(row);
    }

    /// Points of the clusters that have any.
    pub(super) fn row_sizes(&self) -> impl Iterator<Item = u64> + Clone {
        self.rows.iter().map(|row| row.points).filter(|&points| points > 0)
    }

    /// Points of the labels that have any.
    pub(super) fn column_sizes(&self) -> impl Iterator<Item = u64> + Clone {
        self.columns.iter().copied().filter(|&points| points > 0)
    }

    /// Whether the partitions are the same but for the numbers of their parts.
    pub(super) fn is_perfect(&self) -> bool {
        let squares = |sizes: &mut dyn Iterator<Item = u64>| sizes.map(|s| u128::from(s) * u128::from(s)).sum::<u128>();
        squares(&mut self.row_sizes()) == self.squares && squares(&mut self.column_sizes()) == self.squares
    }
}

/// n ln n, 0 for none.
pub(super) fn times_log(count: u64) -> f64 {
    if count == 0 { 0.0 } else { as_real(count) * as_real(count).ln() }
}
