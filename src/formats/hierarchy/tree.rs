//! The clusters of all levels without centroids or embeddings, which is all that sampling from a clustering needs.

use std::path::Path;

use super::Hierarchy;
use super::checks::{Ground, Membership};
use super::layout;
use super::open::group;
use crate::base::error::{Finding, Findings};
use crate::base::numeric::to_usize;
use crate::formats::pickle::{Clusters, read_clusters};

/// The clusters of every level. Members are rows on level 1, and clusters of the level below above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Level 1 first.
    levels: Vec<Clusters>,
}

impl Tree {
    /// A tree of the clusters of each level, level 1 first.
    ///
    /// # Panics
    /// Without a level, or if a member is not a cluster of the level below.
    #[must_use]
    pub fn from_levels(levels: Vec<Clusters>) -> Self {
        assert!(!levels.is_empty(), "a tree has a level");
        for pair in levels.windows(2) {
            let below = pair[0].len() as u64;
            assert!(pair[1].members().iter().all(|&member| member < below), "members are clusters of the level below");
        }
        Tree { levels }
    }

    /// The clusters of a hierarchy made from labels, up to level `top` (`None` for all levels). Levels that do not nest are
    /// refused: adds a finding, and the result is `None`.
    pub fn of_assignments(hierarchy: &Hierarchy, top: Option<u32>, findings: &mut Findings) -> Option<Tree> {
        let height = hierarchy.levels.len();
        let Some(top) = top.map_or(Some(height), |top| hierarchy.index_of(top).map(|index| index + 1)) else {
            let finding = Finding::new("the clustering has no such level");
            let finding = finding.expected(format!("a level from 1 to {height}")).found(top.unwrap_or(0).to_string());
            findings.push_usage(finding.hint("change --level, or leave it out to begin at the top"));
            return None;
        };
        if let Some(apart) = (1..top).find(|&level| hierarchy.starts_chain(level)) {
            let level = &hierarchy.levels[apart];
            let finding =
                Finding::new("a level does not nest in the level below, so there is no hierarchy to sample from");
            let finding = finding.level(level.number).file(&level.sources.clusters);
            findings.push(finding.hint("name the labels of one level only, or choose a lower --level"));
            return None;
        }
        let levels = hierarchy.levels[..top].iter().map(|level| level.members.to_clusters()).collect();
        Some(Tree { levels })
    }

    /// Reads the folder `clustering` up to level `top` (`None` for all levels). Checks that no row is in two clusters and that
    /// every cluster is in one cluster of the next level. Adds every problem to `findings`; the result is then `None`.
    pub fn open(
        clustering: &Path,
        top: Option<u32>,
        findings: &mut Findings,
        warnings: &mut Vec<String>,
    ) -> Option<Tree> {
        let before = findings.count();
        let there = layout::levels(clustering, &[], findings);
        if findings.count() > before {
            return None;
        }
        if let Some(top) = top.filter(|top| !there.contains(top)) {
            let finding = Finding::new("the clustering has no such level").file(clustering);
            let finding = finding.expected(format!("a level from 1 to {}", there.len())).found(top.to_string());
            findings.push_usage(finding.hint("change --level, or leave it out to begin at the top"));
            return None;
        }
        let mut levels: Vec<Clusters> = Vec::new();
        for number in there.into_iter().filter(|&number| top.is_none_or(|top| number <= top)) {
            let files = findings.take(layout::locate(clustering, number, warnings))?;
            let clusters = findings.take(read_clusters(&files.clusters).map_err(|finding| finding.level(number)))?;
            match levels.last() {
                None => {
                    let once = once(clusters.members(), "a row is in two clusters, or twice in one");
                    findings.take(once.map_err(|finding| finding.level(1).file(&files.clusters)));
                }
                Some(below) => {
                    let sizes = vec![1; below.len()];
                    let ground = Ground::Clusters(&sizes);
                    let check = Membership {
                        number,
                        file: &files.clusters,
                        ground,
                        allow_unassigned: false,
                        subset_hint: None,
                    };
                    group(&check, clusters.clone(), 0, findings);
                }
            }
            levels.push(clusters);
        }
        (findings.count() == before).then_some(Tree { levels })
    }

    /// Number of levels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.levels.len()
    }

    /// The clusters of a level. Level 1 has index 0.
    ///
    /// # Panics
    /// For a level that doesn't exist.
    #[must_use]
    pub fn clusters(&self, level: usize) -> &Clusters {
        &self.levels[level]
    }

    /// The rows of all clusters.
    #[must_use]
    pub fn rows(&self) -> &[u64] {
        self.levels[0].members()
    }

    /// Replaces member j of level 1 by row `subset[j]`.
    ///
    /// # Errors
    /// A member past the end of the subset, or a row that is in the subset twice.
    pub fn of_subset(mut self, subset: &[u64]) -> Result<Tree, Finding> {
        if let Some(past) = self.rows().iter().find(|&&member| member >= subset.len() as u64) {
            return Err(Finding::new("a member does not exist")
                .level(1)
                .expected(format!("numbers below {}, the entries of the subset", subset.len()))
                .found(past.to_string())
                .hint("check that --subset-indices names the rows that were clustered"));
        }
        once(subset, "a row is in the subset twice")?;
        self.change_rows(|offsets, mut members| {
            members.iter_mut().for_each(|member| *member = subset[to_usize(*member)]);
            (offsets, members)
        });
        Ok(self)
    }

    /// Keeps only the rows for which `keep` is true. Clusters stay even if they become empty.
    #[must_use]
    pub fn retain(mut self, keep: impl Fn(u64) -> bool) -> Tree {
        self.change_rows(|offsets, members| {
            let mut kept = Vec::new();
            let mut ends = vec![0];
            for pair in offsets.windows(2) {
                let cluster = &members[to_usize(pair[0])..to_usize(pair[1])];
                kept.extend(cluster.iter().copied().filter(|&row| keep(row)));
                ends.push(kept.len() as u64);
            }
            (ends, kept)
        });
        self
    }

    fn change_rows(&mut self, change: impl FnOnce(Vec<u64>, Vec<u64>) -> (Vec<u64>, Vec<u64>)) {
        let nothing = Clusters::from_parts(vec![0], Vec::new());
        let (offsets, members) = std::mem::replace(&mut self.levels[0], nothing).into_parts();
        let (offsets, members) = change(offsets, members);
        self.levels[0] = Clusters::from_parts(offsets, members);
    }
}

/// Refuses a row that is listed twice. Sorts instead of using a table, because a row can be any number.
fn once(rows: &[u64], what: &str) -> Result<(), Finding> {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Finding::new(what).expected("every row once").found(format!("row {} again", pair[0]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let rows = Clusters::from_parts(vec![0, 2, 3, 5], vec![4, 0, 2, 1, 3]);
        Tree::from_levels(vec![rows, Clusters::from_parts(vec![0, 1, 3], vec![2, 0, 1])])
    }

    #[test]
    fn members_become_rows_of_the_subset_and_some_are_kept() {
        let tree = tree().of_subset(&[10, 11, 12, 13, 14]).unwrap();
        assert_eq!(tree.rows(), [14, 10, 12, 11, 13]);
        let tree = tree.retain(|row| row > 11);
        assert_eq!(tree.clusters(0).iter().collect::<Vec<_>>(), [&[14][..], &[12], &[13]]);
        assert_eq!(tree.retain(|_| false).clusters(0).len(), 3);
    }

    #[test]
    fn a_subset_that_does_not_fit_is_refused() {
        let short = tree().of_subset(&[1, 2, 3]).unwrap_err().to_string();
        assert!(short.contains("below 3"), "{short}");
        let twice = tree().of_subset(&[1, 2, 3, 2, 5]).unwrap_err().to_string();
        assert!(twice.contains("row 2 again"), "{twice}");
    }
}
