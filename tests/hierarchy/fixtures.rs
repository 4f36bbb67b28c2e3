//! Small clusterings, written byte by byte.

use std::path::{Path, PathBuf};

use clustrata::base::error::Findings;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use tempfile::TempDir;

/// A `.npy` of version 1.
pub(crate) fn npy(descr: &str, fortran_order: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let mut dict = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    dict.push_str(&" ".repeat(117 - dict.len()));
    dict.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(dict.len()).unwrap().to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

/// `k` x `dim` centroids of `<f4`, all ones.
pub(crate) fn centroids(k: usize, dim: usize) -> Vec<u8> {
    npy("<f4", false, &format!("({k}, {dim})"), &1_f32.to_le_bytes().repeat(k * dim))
}

/// A pickle, protocol 3, of a list of lists of integers.
pub(crate) fn clusters(lists: &[&[i32]]) -> Vec<u8> {
    let mut bytes = b"\x80\x03](".to_vec();
    for list in lists {
        bytes.extend(b"](");
        for member in *list {
            bytes.push(b'J');
            bytes.extend(member.to_le_bytes());
        }
        bytes.push(b'e');
    }
    bytes.extend(b"e.");
    bytes
}

/// Columns of the generated clusterings.
pub(crate) const DIM: usize = 3;

/// A folder with levels.
pub(crate) struct Clustering {
    folder: TempDir,
}

impl Clustering {
    /// Six points in four clusters (one is empty), grouped into two clusters (one has a child but no points).
    pub(crate) fn good() -> Clustering {
        let clustering = Clustering { folder: tempfile::tempdir().unwrap() };
        clustering.level(1, &[&[4, 0], &[5], &[], &[3, 1, 2]]);
        clustering.level(2, &[&[3, 0, 1], &[2]]);
        clustering
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a level with fitting centroids.
    pub(crate) fn level(&self, number: u32, lists: &[&[i32]]) {
        self.write(&format!("level{number}/sorted_clusters.pkl"), &clusters(lists));
        self.write(&format!("level{number}/centroids.npy"), &centroids(lists.len(), DIM));
    }

    /// Writes a file. The name may contain folders.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).unwrap();
    }

    /// Opens it for embeddings of `rows` rows: the hierarchy and the warnings, or the message.
    pub(crate) fn open(&self, rows: u64, options: HierarchyOptions) -> Result<(Hierarchy, Vec<String>), String> {
        open(self.path(), rows, DIM, options)
    }

    /// Opens it for six rows with the default options and returns the error message.
    pub(crate) fn refusal(&self) -> String {
        self.open(6, HierarchyOptions::default()).expect_err("this must be refused")
    }
}

pub(crate) fn open(
    path: &Path,
    rows: u64,
    dim: usize,
    options: HierarchyOptions,
) -> Result<(Hierarchy, Vec<String>), String> {
    let (mut findings, mut warnings) = (Findings::new(), Vec::new());
    let hierarchy = Hierarchy::open(path, rows, dim, options, &mut findings, &mut warnings);
    assert_eq!(hierarchy.is_some(), findings.is_empty(), "refused without a finding, or opened despite one");
    match hierarchy {
        Some(hierarchy) => Ok((hierarchy, warnings)),
        None => Err(findings.into_result().unwrap_err().to_string()),
    }
}

/// Asserts that a message contains all of `wanted`.
#[track_caller]
pub(crate) fn assert_says(message: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(message.contains(wanted), "no {wanted:?} in:\n{message}");
    }
}
