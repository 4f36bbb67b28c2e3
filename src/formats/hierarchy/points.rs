//! Iterates over the points of a cluster without a list of them.

use std::iter::FusedIterator;
use std::ops::Range;

use super::Hierarchy;
use crate::base::numeric::to_usize;

/// Iterator over the row numbers of a cluster's points, in stored order.
#[derive(Debug, Clone)]
pub struct Points<'a> {
    hierarchy: &'a Hierarchy,
    /// Members still to visit, from the cluster itself down to level 1: (level, positions).
    open: Vec<(usize, Range<usize>)>,
}

impl<'a> Points<'a> {
    pub(super) fn new(hierarchy: &'a Hierarchy, level: usize, cluster: usize) -> Points<'a> {
        Points { hierarchy, open: vec![(level, hierarchy.levels[level].members.range(cluster))] }
    }
}

impl Iterator for Points<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            let (level, positions) = self.open.last_mut()?;
            let Some(position) = positions.next() else {
                self.open.pop();
                continue;
            };
            let member = self.hierarchy.levels[*level].members.get(position);
            let Some(below) = level.checked_sub(1).filter(|_| !self.hierarchy.starts_chain(*level)) else {
                return Some(self.hierarchy.subset.as_ref().map_or(member, |subset| subset[to_usize(member)]));
            };
            let children = self.hierarchy.levels[below].members.range(to_usize(member));
            self.open.push((below, children));
        }
    }
}

impl FusedIterator for Points<'_> {}
