//! Clusters from a pickled list of lists of small integers.

use std::path::Path;

use crate::error::Finding;

/// Members of every cluster, in one flat array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    offsets: Vec<u64>,
    members: Vec<u64>,
}

impl Clusters {
    /// `offsets` has one entry more than there are clusters.
    pub fn from_parts(offsets: Vec<u64>, members: Vec<u64>) -> Clusters {
        Clusters { offsets, members }
    }

    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no cluster.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where each cluster starts, then the number of members.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Members of all clusters.
    pub fn members(&self) -> &[u64] {
        &self.members
    }

    /// Offsets and members.
    pub fn into_parts(self) -> (Vec<u64>, Vec<u64>) {
        (self.offsets, self.members)
    }
}

/// Reads `PROTO`, then `EMPTY_LIST MARK (EMPTY_LIST MARK BININT* APPENDS)* APPENDS STOP`.
pub fn read_clusters(path: &Path) -> Result<Clusters, Finding> {
    let bytes = std::fs::read(path).map_err(|e| Finding::io("cannot read the clusters", path, &e))?;
    let broken = || Finding::new("cannot read the clusters").file(path);
    let (mut offsets, mut members) = (vec![0], Vec::new());
    let mut rest = bytes.strip_prefix(b"\x80\x03](").ok_or_else(broken)?;
    while let Some(inner) = rest.strip_prefix(b"](") {
        rest = inner;
        while let Some(number) = rest.strip_prefix(b"J") {
            let (number, after) = number.split_first_chunk().ok_or_else(broken)?;
            members.push(u64::from(u32::from_le_bytes(*number)));
            rest = after;
        }
        rest = rest.strip_prefix(b"e").ok_or_else(broken)?;
        offsets.push(members.len() as u64);
    }
    if rest == b"e." { Ok(Clusters::from_parts(offsets, members)) } else { Err(broken()) }
}
