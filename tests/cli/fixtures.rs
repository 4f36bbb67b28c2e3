//! Small clusterings, and what every test asks of a run that was refused.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{self, Clustering, Dtype, record, scratch};

/// Columns of [`clustering`].
pub(crate) const DIM: usize = 5;
/// Rows of [`clustering`].
pub(crate) const ROWS: usize = 60;

/// Draws numbers in -1..1, the same ones each time.
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// 60 points of 5 columns, three levels of 10, 4 and 2 clusters, one of level 1 empty.
pub(crate) fn clustering() -> Clustering {
    let mut state = 7;
    let mut vectors = |count: usize| -> Vec<Vec<f64>> {
        (0..count).map(|_| (0..DIM).map(|_| common::stored(random(&mut state), Dtype::F4)).collect()).collect()
    };
    let split = |items: u64, clusters: u64, of: fn(u64) -> u64| -> Vec<Vec<u64>> {
        (0..clusters).map(|cluster| (0..items).filter(|&item| of(item) % clusters == cluster).collect()).collect()
    };
    let points = vectors(ROWS);
    let mut first = split(ROWS as u64, 10, |row| row * 7 / 3);
    let moved = std::mem::take(&mut first[3]);
    first[8].extend(moved);
    let levels = vec![
        (first, vectors(10)),
        (split(10, 4, |cluster| cluster + 1), vectors(4)),
        (split(4, 2, |cluster| cluster), vectors(2)),
    ];
    Clustering { points, dtype: Dtype::F4, levels, subset: None }
}

/// A clustering on disk, and where a run of it may write.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) hier: PathBuf,
    pub(crate) embeddings: PathBuf,
    pub(crate) out: PathBuf,
}

impl Place {
    /// Writes [`clustering`].
    pub(crate) fn new() -> Place {
        Place::of(&clustering())
    }

    /// Writes a clustering.
    pub(crate) fn of(clustering: &Clustering) -> Place {
        let folder = scratch();
        let (hier, embeddings) = clustering.write(folder.path());
        let out = folder.path().join("deep/out");
        Place { folder, hier, embeddings, out }
    }

    /// A path in the scratch folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `metrics` into `out`, not yet started; on the CPU unless `more` names a device.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let mut command = common::program();
        command.arg("metrics").arg(&self.hier).arg("--embeddings").arg(&self.embeddings).arg("--out").arg(&self.out);
        if !more.contains(&"--device") {
            command.args(["--device", "cpu"]);
        }
        command.args(more);
        command
    }

    /// `metrics`, which must succeed; gives record.json.
    pub(crate) fn judged(&self, more: &[&str]) -> Value {
        succeeded(&mut self.command(more));
        record(&self.out)
    }

    /// `metrics`, which must be refused with the exit code, say all of `parts`, and change nothing on the disk.
    pub(crate) fn refused(&self, more: &[&str], code: i32, parts: &[&str]) -> String {
        refused(&mut self.command(more), self.folder.path(), code, parts)
    }
}

/// Runs a command that must succeed.
pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{:?}: {}", output.status, text(&output.stderr));
    output
}

/// Runs a command that must be refused with the exit code, say all of `parts`, and leave `folder` as it was. Gives the
/// message.
pub(crate) fn refused(command: &mut Command, folder: &Path, code: i32, parts: &[&str]) -> String {
    let before = tree(folder);
    let output = command.output().expect("the program starts");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    same_tree(&before, &tree(folder));
    message
}

/// Every file and folder below `root` with its content, hidden ones too.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("lists a folder") {
            let path = entry.expect("an entry").path();
            let content = path.is_file().then(|| fs::read(&path).expect("reads a file"));
            if content.is_none() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.insert(path.strip_prefix(root).expect("below").to_path_buf(), content);
        }
    }
    found
}

/// Compares two trees by name first, so that a failure is readable.
pub(crate) fn same_tree(before: &BTreeMap<PathBuf, Option<Vec<u8>>>, after: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let changed: Vec<_> =
        before.iter().filter(|(name, content)| after[*name] != **content).map(|(name, _)| name).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}

/// What a process printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path as an argument.
pub(crate) fn arg(path: &impl AsRef<OsStr>) -> &str {
    path.as_ref().to_str().expect("UTF-8")
}
