//! Messages between processes, as lists of 64-bit words.

use super::Assigned;
use crate::base::numeric::{to_u32, to_usize};
use crate::formats::pickle::Clusters;

/// A sequence of length-prefixed lists.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    words: Vec<u64>,
    /// Number of words read.
    read: usize,
}

impl Words {
    pub(super) fn from_bytes(bytes: &[u8]) -> Words {
        Words { words: bytes.as_chunks::<8>().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect(), read: 0 }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Appends a length-prefixed list.
    pub(super) fn push(&mut self, values: impl ExactSizeIterator<Item = u64>) {
        self.words.push(values.len() as u64);
        self.words.extend(values);
    }

    /// Reads the next list; empty at the end.
    pub(super) fn next_list(&mut self) -> &[u64] {
        let Some(&count) = self.words.get(self.read) else { return &[] };
        let first = self.read + 1;
        self.read = first.saturating_add(to_usize(count)).min(self.words.len());
        &self.words[first..self.read]
    }

    pub(super) fn is_over(&self) -> bool {
        self.read >= self.words.len()
    }

    pub(super) fn of_clusters(clusters: &Clusters) -> Words {
        let mut words = Words::default();
        words.push(clusters.offsets().iter().copied());
        words.push(clusters.members().iter().copied());
        words
    }

    pub(super) fn clusters(mut self) -> Clusters {
        let offsets = self.next_list().to_vec();
        Clusters::from_parts(offsets, self.next_list().to_vec())
    }

    pub(super) fn of_assigned(assigned: &Assigned) -> Words {
        let mut words = Words::default();
        words.push(assigned.labels.iter().map(|&label| label.into()));
        words.push(assigned.squared.iter().map(|squared| squared.to_bits()));
        words
    }

    /// Reads an assignment and appends it to `all`.
    pub(super) fn assigned(mut self, all: &mut Assigned) {
        // labels were u32 when they were written
        all.labels.extend(self.next_list().iter().map(|&label| to_u32(label)));
        all.squared.extend(self.next_list().iter().map(|&bits| f64::from_bits(bits)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_a_round_trip() {
        let clusters = Clusters::from_parts(vec![0, 2, 2, 3], vec![5, 1, 0]);
        let words = Words::of_clusters(&clusters);
        assert_eq!(Words::from_bytes(&words.into_bytes()).clusters(), clusters);
        let assigned = Assigned { labels: vec![3, 0], squared: vec![0.5, f64::INFINITY] };
        let mut all = Assigned { labels: vec![9], squared: vec![1.0] };
        Words::from_bytes(&Words::of_assigned(&assigned).into_bytes()).assigned(&mut all);
        assert_eq!(all, Assigned { labels: vec![9, 3, 0], squared: vec![1.0, 0.5, f64::INFINITY] });
        let mut none = Words::default();
        assert!(none.next_list().is_empty() && none.is_over());
    }
}
