//! The names a run writes, so that a later run knows which files in its folder are an earlier run's.
//!
//! Whatever is not named here belongs to somebody else and is never touched.

use crate::error::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The record of a run; its presence says that the run is complete.
pub const RECORD: &str = "record.json";

/// Directly in the output folder.
const TOP: [&str; 6] = [RECORD, "config.yaml", "levels.csv", "report.html", "log.txt", "events.jsonl"];

/// In each level's folder.
const LEVEL: [&str; 5] = ["clusters.csv", "clusters.parquet", "inertia.npy", "distances.npy", "distances_all.npy"];

/// Montages of a level, below its folder.
const MONTAGES: &str = "montages";

/// What only a clustering has, in each level's folder.
const CLUSTERING: [&str; 2] = ["centroids.npy", "sorted_clusters.npy"];

/// Files in `root` that a run may have written, relative to it, in the order of their names.
pub(super) fn ours_in(root: &Path) -> Result<Vec<PathBuf>> {
    let mut ours = Vec::new();
    for name in file_names(root)? {
        if TOP.contains(&name.as_str()) {
            ours.push(PathBuf::from(name));
        } else if is_level(&name) {
            let level = PathBuf::from(&name);
            let known = file_names(&root.join(&level))?.into_iter().filter(|n| LEVEL.contains(&n.as_str()));
            ours.extend(known.map(|n| level.join(n)));
            let montages = level.join(MONTAGES);
            let known = file_names(&root.join(&montages))?.into_iter().filter(|n| is_montage(n));
            ours.extend(known.map(|n| montages.join(n)));
        }
    }
    ours.sort();
    Ok(ours)
}

/// A file in `root`, relative to it, that makes it a clustering.
pub(super) fn clustering_file_in(root: &Path) -> Result<Option<PathBuf>> {
    let levels = file_names(root)?.into_iter().filter(|n| is_level(n)).map(PathBuf::from);
    let mut files = levels.flat_map(|level| CLUSTERING.map(|name| level.join(name)));
    Ok(files.find(|file| root.join(file).exists()))
}

/// Removes the folders that `removed` files lay in, where nothing is left in them.
pub(super) fn remove_emptied_folders(root: &Path, removed: &[PathBuf]) {
    for file in removed {
        // The parents of a relative path end with the empty one, which is the root itself.
        for parent in file.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()) {
            if fs::remove_dir(root.join(parent)).is_err() {
                break;
            }
        }
    }
}

/// Names in `folder`; none where it is missing or no folder. Names that are no UTF-8 are not ours.
fn file_names(folder: &Path) -> Result<Vec<String>> {
    let unreadable = |e: std::io::Error| Error::io("can't list the output folder", folder, &e);
    match fs::read_dir(folder) {
        Ok(entries) => {
            let names = entries.map(|entry| Ok(entry.map_err(unreadable)?.file_name().into_string().ok()));
            Ok(names.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        }
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(unreadable(e)),
    }
}

/// `level1`, `level12`
fn is_level(name: &str) -> bool {
    name.strip_prefix("level").is_some_and(is_number)
}

/// `best-1-cluster-42.png`, `worst-3-cluster-0.png`
fn is_montage(name: &str) -> bool {
    let Some(middle) = name.strip_suffix(".png") else { return false };
    let Some(numbers) = middle.strip_prefix("best-").or_else(|| middle.strip_prefix("worst-")) else { return false };
    numbers.split_once("-cluster-").is_some_and(|(rank, cluster)| is_number(rank) && is_number(cluster))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_ours() {
        assert!(is_level("level1") && is_level("level12"));
        assert!(!is_level("level") && !is_level("level1b") && !is_level("levels") && !is_level("Level1"));
        assert!(is_montage("best-1-cluster-42.png") && is_montage("worst-10-cluster-0.png"));
        for other in ["best-cluster-1.png", "best-1-cluster-.png", "best-1-cluster-2.jpg", "my-best-1-cluster-2.png"] {
            assert!(!is_montage(other), "{other}");
        }
    }

    #[test]
    fn files_of_others_are_left_out() {
        let base = tempfile::tempdir().unwrap();
        let ours = ["config.yaml", "level2/inertia.npy", "level2/montages/best-1-cluster-4.png", "record.json"];
        let others = ["notes.txt", "level2/notes.csv", "level2/montages/favourite.png", "other/record.json", "levels"];
        for file in ours.iter().chain(&others) {
            let path = base.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(ours_in(base.path()).unwrap(), ours.map(PathBuf::from));
    }
}
