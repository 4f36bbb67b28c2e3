//! Which files of values per row a run keeps, what they are called and how much room they need.

use std::path::PathBuf;

use crate::base::error::{Error, Finding, Result};
use crate::plan::Plan;
use crate::plan::settings::Distances;

/// Disk space to reserve for tables and pictures, in addition to the buffers.
const REST_BYTES: u64 = 16 << 20;

/// One file of values of every row, four bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// 1-based.
    pub(super) level: u32,
    pub(super) what: What,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Distances to the own centroid.
    Own,
    /// Distances to all centroids.
    All { clusters: u64 },
    /// The cluster with the nearest other centroid.
    Second,
    /// How much farther that centroid is than the own one.
    Margin,
    /// Simplified silhouettes.
    SimplifiedSilhouette,
    /// Exact silhouettes.
    Silhouette,
}

/// The files that a plan needs, by evaluated level.
pub(super) struct Kinds {
    pub(super) own: Vec<Kind>,
    pub(super) all: Vec<Kind>,
    /// Second, margin and simplified silhouette.
    pub(super) searched: Vec<[Kind; 3]>,
    /// Of all rows, whichever rows this process has.
    pub(super) silhouettes: Vec<Kind>,
}

impl Kind {
    /// File name in the folder of a part.
    pub(super) fn in_part(self) -> String {
        format!("level{}-{}", self.level, self.name())
    }

    /// Path relative to the output folder.
    pub(super) fn in_output(self) -> PathBuf {
        PathBuf::from(format!("level{}", self.level)).join(self.name())
    }

    /// Columns of the file; `None` for one value per row.
    pub(super) fn columns(self) -> Option<u64> {
        match self.what {
            What::All { clusters } => Some(clusters),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self.what {
            What::Own => "distances.npy",
            What::All { .. } => "distances_all.npy",
            What::Second => "second.npy",
            What::Margin => "margin.npy",
            What::SimplifiedSilhouette => "simplified_silhouette.npy",
            What::Silhouette => "silhouette.npy",
        }
    }
}

impl Kinds {
    pub(super) fn of(plan: &Plan) -> Kinds {
        let each = |wanted: bool| {
            plan.levels.iter().filter(move |_| wanted).map(|&level| (level, plan.hierarchy.levels[level].number))
        };
        let every = |wanted: bool, what: What| each(wanted).map(|(_, level)| Kind { level, what }).collect();
        let all = |(index, level)| Kind { level, what: What::All { clusters: plan.hierarchy.k(index) as u64 } };
        let found = [What::Second, What::Margin, What::SimplifiedSilhouette];
        Kinds {
            own: every(plan.keeps_rows(), What::Own),
            all: each(plan.settings.distances == Distances::All).map(all).collect(),
            searched: each(plan.keeps_search()).map(|(_, level)| found.map(|what| Kind { level, what })).collect(),
            silhouettes: every(plan.keeps_silhouettes(), What::Silhouette),
        }
    }

    /// Disk space that a process with `rows` rows of `all` needs. Silhouettes are kept where all rows come together.
    pub(super) fn bytes(&self, rows: u64, all: u64) -> Result<u64> {
        let found = self.searched.as_flattened();
        let silhouettes = self.silhouettes.iter().filter(|_| rows == all);
        let kinds = self.own.iter().chain(&self.all).chain(found).chain(silhouettes);
        let columns = kinds.map(|kind| kind.columns().unwrap_or(1)).try_fold(0u64, u64::checked_add);
        let bytes = columns.and_then(|columns| columns.checked_mul(rows)?.checked_mul(4)?.checked_add(REST_BYTES));
        bytes.ok_or_else(|| {
            let finding = Finding::new("the distances would take more than 2^64 bytes");
            Error::usage(finding.hint("leave out --distances all"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_row_is_reserved() {
        let kind = |what| Kind { level: 2, what };
        let kinds = Kinds {
            own: vec![kind(What::Own)],
            all: vec![kind(What::All { clusters: 7 })],
            searched: vec![[What::Second, What::Margin, What::SimplifiedSilhouette].map(kind)],
            silhouettes: vec![kind(What::Silhouette)],
        };
        assert_eq!(kinds.bytes(10, 10).expect("fits") - REST_BYTES, 10 * 4 * (1 + 7 + 3 + 1));
        assert_eq!(kinds.bytes(10, 20).expect("fits") - REST_BYTES, 10 * 4 * (1 + 7 + 3), "a part has no silhouettes");
        let none = Kinds { own: Vec::new(), all: Vec::new(), searched: Vec::new(), silhouettes: Vec::new() };
        assert_eq!(none.bytes(10, 10).expect("fits"), REST_BYTES);
        assert!(kinds.bytes(u64::MAX / 8, u64::MAX).is_err());
    }
}
