//! Sums over a contingency table.

use crate::base::numeric::as_real;

/// Summary of the contingency table n_ij, the number of points in cluster i (row) with label j (column): its margins, the
/// largest cell of each row, and two sums over all cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contingency {
    /// One row per cluster, empty clusters included.
    pub rows: Vec<Row>,
    /// Number of points of each label; 0 if none is assigned to a cluster.
    pub columns: Vec<u64>,
    /// Number of points in the table: n.
    pub points: u64,
    /// Sum of n_ij^2; it exceeds 64 bits if n is above 2^32.
    pub(super) squares: u128,
    /// Sum of n_ij ln n_ij.
    pub(super) logs: f64,
}

/// Summary of one cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    /// Number of labelled points.
    pub points: u64,
    /// The most frequent label; on a tie, the lowest. `None` without labelled points.
    pub majority: Option<u32>,
    /// Number of points with that label.
    pub most: u64,
}

impl Contingency {
    /// Counts the labels, 0 to `columns` - 1, of the points of each cluster in turn. Time is linear in the number of points;
    /// memory is linear in the number of clusters and labels.
    ///
    /// # Panics
    /// If a label is not below `columns`.
    pub fn of_groups<G>(columns: usize, groups: impl IntoIterator<Item = G>) -> Contingency
    where
        G: IntoIterator<Item = u32>,
    {
        Self::of_groups_seen(columns, groups, |_, _, _| {})
    }

    /// As [`of_groups`](Self::of_groups). `seen` gets every cell that is not 0 once: its row, its column and its count.
    ///
    /// # Panics
    /// If a label is not below `columns`.
    pub fn of_groups_seen<G>(
        columns: usize,
        groups: impl IntoIterator<Item = G>,
        mut seen: impl FnMut(u64, u32, u64),
    ) -> Contingency
    where
        G: IntoIterator<Item = u32>,
    {
        let mut table = Contingency { columns: vec![0; columns], ..Contingency::default() };
        // one row at a time; only its non-zero cells are visited and reset
        let mut cells = vec![0_u64; columns];
        let mut used: Vec<u32> = Vec::new();
        for (row, group) in (0..).zip(groups) {
            for label in group {
                let cell = &mut cells[label as usize];
                if *cell == 0 {
                    used.push(label);
                }
                *cell += 1;
            }
            let of_row = used.drain(..).map(|label| (label, std::mem::take(&mut cells[label as usize])));
            table.push(of_row.inspect(|&(label, count)| seen(row, label, count)));
        }
        table
    }

    /// Adds a cluster, given as pairs of label and count.
    pub(super) fn push(&mut self, cells: impl Iterator<Item = (u32, u64)>) {
        let mut row = Row::default();
        // summed per row, to keep the rounding error small
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

    /// Sizes of the clusters with labelled points.
    pub(super) fn row_sizes(&self) -> impl Iterator<Item = u64> + Clone {
        self.rows.iter().map(|row| row.points).filter(|&points| points > 0)
    }

    /// Sizes of the labels with points.
    pub(super) fn column_sizes(&self) -> impl Iterator<Item = u64> + Clone {
        self.columns.iter().copied().filter(|&points| points > 0)
    }

    /// Whether the partitions are equal up to numbering.
    pub(super) fn is_perfect(&self) -> bool {
        let squares = |sizes: &mut dyn Iterator<Item = u64>| sizes.map(|s| u128::from(s) * u128::from(s)).sum::<u128>();
        squares(&mut self.row_sizes()) == self.squares && squares(&mut self.column_sizes()) == self.squares
    }
}

/// n ln n; 0 for n = 0.
pub(super) fn times_log(count: u64) -> f64 {
    if count == 0 { 0.0 } else { as_real(count) * as_real(count).ln() }
}
