//! The clusters of a level, the worst first.

use std::collections::BTreeSet;

use super::Level;
use crate::base::numeric::as_real;
use crate::metrics::Better;

impl Level {
    /// These clusters by how much a reader wants to see them: the worst of the ranking, the best of it, then all other ranked
    /// clusters from the worst on, then those that are too small to be ranked, largest first. `better` is the direction of the
    /// metric that ranks. Ties go to the lower index.
    pub fn worst_first(&self, clusters: &[u64], better: Better) -> Vec<u64> {
        let sign = if better == Better::Higher { 1.0 } else { -1.0 };
        let place = |cluster: u64| {
            let size = self.cluster_figure("size", cluster);
            let value = self.cluster_figure(&self.ranking.by, cluster);
            match value {
                Some(value) if size.is_none_or(|size| size >= as_real(self.ranking.min_size)) => {
                    (0, sign * value, cluster)
                }
                _ => (1, -size.unwrap_or(0.0), cluster),
            }
        };
        let asked: BTreeSet<u64> = clusters.iter().copied().collect();
        let listed = self.ranking.worst.iter().chain(&self.ranking.best).copied();
        let listed: Vec<u64> = listed.filter(|cluster| asked.contains(cluster)).collect();
        let first: BTreeSet<u64> = listed.iter().copied().collect();
        let mut others: Vec<(i32, f64, u64)> = asked.difference(&first).map(|&cluster| place(cluster)).collect();
        others.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        listed.into_iter().chain(others.into_iter().map(|(_, _, cluster)| cluster)).collect()
    }

    /// Number of clusters that are not empty.
    pub fn non_empty(&self) -> usize {
        match self.clusters.get("size") {
            Some(sizes) => (0..self.len()).filter(|&cluster| sizes.real(cluster) > 0.0).count(),
            None => self.len(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::{Columns, Ranking, Samples};
    use super::*;
    use crate::metrics::Column;

    /// A level whose clusters have these sizes and silhouettes.
    pub(crate) fn level(number: u32, sizes: &[u64], silhouettes: &[f64], worst: &[u64], best: &[u64]) -> Level {
        let columns = vec![
            ("size".to_owned(), Column::Count(sizes.to_vec())),
            ("silhouette".to_owned(), Column::Real(silhouettes.to_vec())),
        ];
        let ranking = Ranking {
            by: "silhouette".into(),
            min_size: 5,
            ranked: 0,
            small_points: 0,
            singletons: 0,
            best: best.to_vec(),
            worst: worst.to_vec(),
        };
        Level {
            level: number,
            figures: serde_json::Map::new(),
            undefined: Default::default(),
            clusters: Columns(columns),
            parent: Vec::new(),
            ranking,
            montages: Vec::new(),
            contact_sheet: None,
            samples: Samples::default(),
        }
    }

    #[test]
    fn the_worst_come_first_and_small_clusters_last() {
        let level = level(1, &[9, 0, 9, 4, 2, 9, 9], &[0.5, f64::NAN, -0.1, -0.9, 0.0, 0.2, 0.5], &[2], &[6]);
        assert_eq!(level.non_empty(), 6);
        assert_eq!(level.worst_first(&[0, 2, 3, 4, 5, 6], Better::Higher), [2, 6, 5, 0, 3, 4]);
        assert_eq!(level.worst_first(&[0, 5, 4], Better::Higher), [5, 0, 4], "only those that are asked for");
        assert_eq!(level.worst_first(&[0, 5, 4], Better::Lower), [0, 5, 4]);
    }
}
