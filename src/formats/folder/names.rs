//! The names of the files that a run writes. A later run recognises an earlier run's files by them.
//!
//! A file with any other name belongs to somebody else and is never touched.

use crate::base::error::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The record of a run. A folder that holds it is complete.
pub const RECORD: &str = "record.json";

/// The record of an assignment. A folder that holds it is complete.
pub const ASSIGNMENT: &str = "assign.json";

/// Output of the experiment tracker, such as W&B.
pub const TRACK_LOG: &str = "track.log";

/// What an output folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contents {
    /// The results of one run.
    Run,
    /// Tables of many runs, and one plot for each of these metrics at most.
    Collection { plotted: Vec<&'static str> },
    /// Two runs side by side.
    Comparison,
    /// The labels of rows that were assigned to centroids.
    Assignment,
}

/// Directly in the folder of a collection.
const COLLECTION: [&str; 3] = ["runs.csv", "runs.parquet", "groups.csv"];

/// Directly in the folder of a comparison.
const COMPARISON: [&str; 3] = ["compare.json", "compare.csv", "compare.html"];

/// Directly in the folder of an assignment.
const ASSIGNED: [&str; 5] = [ASSIGNMENT, "config.yaml", "log.txt", "assigned.csv", "assigned.parquet"];

/// In each level's folder of an assignment.
const ASSIGNED_LEVEL: [&str; 3] = ["labels.npy", "distances.npy", "margins.npy"];

/// Folder of plots.
const PLOTS: &str = "plots";

/// Start of the name of a plot that shows how a metric is distributed over clusters.
const DISTRIBUTION: &str = "distribution-";

/// The other plots of a run.
const RUN_PLOTS: [&str; 2] = ["kmeans.svg", "corner.svg"];

/// Folder of a report's pictures, unless they are embedded in the page.
const REPORT: &str = "report";

/// Directly in the output folder of a run.
const TOP: [&str; 8] =
    [RECORD, "config.yaml", "levels.csv", "report.html", "log.txt", "events.jsonl", TRACK_LOG, "points.parquet"];

/// In each level's folder.
const LEVEL: [&str; 6] =
    ["clusters.csv", "clusters.parquet", "inertia.npy", "distances.npy", "distances_all.npy", "names.csv"];

/// In each level's folder of a run that took the means of labels for centroids, and of a clustering.
const CENTROIDS: &str = "centroids.npy";

/// Folder of the parts of a run that is not finished.
pub const PARTS: &str = "parts";

/// Folder of montages in each level's folder.
const MONTAGES: &str = "montages";

/// The montage that shows many clusters.
const CONTACT_SHEET: &str = "contact-sheet";

/// Files in each level's folder that only a clustering has.
const CLUSTERING: [&str; 2] = ["sorted_clusters.npy", "sorted_clusters.pkl"];

/// Files in `root` that this program may have written there: paths relative to `root`, sorted.
pub(super) fn ours_in(root: &Path, contents: &Contents) -> Result<Vec<PathBuf>> {
    let top = Path::new("");
    let mut ours = match contents {
        Contents::Run => known_files(root, top, |name| TOP.contains(&name))?,
        Contents::Collection { .. } => known_files(root, top, |name| COLLECTION.contains(&name))?,
        Contents::Comparison => known_files(root, top, |name| COMPARISON.contains(&name))?,
        Contents::Assignment => known_files(root, top, |name| ASSIGNED.contains(&name))?,
    };
    match contents {
        Contents::Run => {
            ours.extend(known_files(root, Path::new(PLOTS), is_plot)?);
            ours.extend(pictures_in(root)?);
            let is_run = is_run(root);
            for level in levels_in(root)? {
                let known = |name: &str| LEVEL.contains(&name) || (is_run && name == CENTROIDS);
                ours.extend(known_files(root, &level, known)?);
                ours.extend(known_files(root, &level.join(MONTAGES), is_montage)?);
            }
        }
        Contents::Collection { plotted } => {
            ours.extend(known_files(root, Path::new(PLOTS), |name| is_plot_of(name, plotted))?);
        }
        Contents::Comparison => {}
        Contents::Assignment => {
            for level in levels_in(root)? {
                ours.extend(known_files(root, &level, |name| ASSIGNED_LEVEL.contains(&name))?);
            }
        }
    }
    ours.sort();
    Ok(ours)
}

/// Pictures of a report in `root`, in numbered folders or, as older versions wrote them, in one: paths relative to `root`.
pub(super) fn pictures_in(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = Path::new(REPORT);
    let mut pictures = known_files(root, folder, is_picture)?;
    let numbered = entries(&root.join(folder))?.into_iter().filter(|(name, is_folder)| *is_folder && is_number(name));
    for (name, _) in numbered {
        pictures.extend(known_files(root, &folder.join(name), is_picture)?);
    }
    Ok(pictures)
}

/// A file that makes `root` a clustering, relative to `root`; `None` where `root` is no clustering.
pub(super) fn clustering_file_in(root: &Path) -> Result<Option<PathBuf>> {
    let names = CLUSTERING.into_iter().chain(Some(CENTROIDS).filter(|_| !is_run(root)));
    let names: Vec<&str> = names.collect();
    let levels = levels_in(root)?.into_iter();
    let mut files = levels.flat_map(|level| names.iter().map(move |name| level.join(name)));
    Ok(files.find(|file| root.join(file).exists()))
}

/// Whether a run wrote this folder, or is writing it.
fn is_run(root: &Path) -> bool {
    root.join(RECORD).is_file() || root.join(PARTS).is_dir()
}

/// Removes the folders that held the `removed` files, if they are empty now.
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

/// Files in `root/folder` whose names are known, relative to `root`. A folder is never ours, whatever its name.
fn known_files(root: &Path, folder: &Path, is_known: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let entries = entries(&root.join(folder))?.into_iter();
    Ok(entries.filter(|(name, is_folder)| !is_folder && is_known(name)).map(|(name, _)| folder.join(name)).collect())
}

/// Names of the level folders in `root`, or of links to such folders.
fn levels_in(root: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(root)?.into_iter().filter(|(name, _)| is_level(name)).map(|(name, _)| PathBuf::from(name)).collect())
}

/// The entries of `folder`: each name, and whether it is a folder. Empty if `folder` is missing or is not a folder.
/// Names that are not UTF-8 are not ours and are left out.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let unreadable = |e: std::io::Error| Error::io("can't list the output folder", folder, &e);
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(unreadable(e)),
    };
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry.map_err(unreadable)?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.file_type().map_err(unreadable)?.is_dir()));
        }
    }
    Ok(entries)
}

/// `level1`, `level12`
fn is_level(name: &str) -> bool {
    name.strip_prefix("level").is_some_and(is_number)
}

/// `best-1-cluster-42.png`, `worst-3-cluster-0.jpg`, `contact-sheet.webp`
fn is_montage(name: &str) -> bool {
    let Some((middle, "png" | "jpg" | "webp")) = name.rsplit_once('.') else { return false };
    if middle == CONTACT_SHEET {
        return true;
    }
    let Some(numbers) = middle.strip_prefix("best-").or_else(|| middle.strip_prefix("worst-")) else { return false };
    numbers.split_once("-cluster-").is_some_and(|(rank, cluster)| is_number(rank) && is_number(cluster))
}

/// `inertia.svg`, for one of the `metrics`
fn is_plot_of(name: &str, metrics: &[&str]) -> bool {
    name.strip_suffix(".svg").is_some_and(|metric| metrics.contains(&metric))
}

/// `distribution-mean_distance.svg`
fn is_plot(name: &str) -> bool {
    let metric = name.strip_prefix(DISTRIBUTION).and_then(|rest| rest.strip_suffix(".svg"));
    let is_metric = |metric: &str| !metric.is_empty() && metric.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    RUN_PLOTS.contains(&name) || metric.is_some_and(is_metric)
}

/// `row-17.jpg`
fn is_picture(name: &str) -> bool {
    let stem = name.strip_suffix(".jpg").or_else(|| name.strip_suffix(".png"));
    stem.and_then(|stem| stem.strip_prefix("row-")).is_some_and(is_number)
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
        assert!(is_montage("best-1-cluster-2.jpg") && is_montage("contact-sheet.webp"));
        assert!(is_plot("corner.svg") && is_plot("kmeans.svg") && !is_plot("mine.svg"));
        assert!(is_plot("distribution-mean_distance.svg") && !is_plot("distribution-.svg"));
        assert!(!is_plot("distribution-My plot.svg") && !is_plot("distribution-size.png"));
        for other in ["best-cluster-1.png", "best-1-cluster-.png", "best-1-cluster-2.gif", "my-best-1-cluster-2.png"] {
            assert!(!is_montage(other), "{other}");
        }
    }

    fn collection() -> Contents {
        Contents::Collection { plotted: vec!["inertia", "size"] }
    }

    #[test]
    fn files_of_others_are_left_out() {
        let base = tempfile::tempdir().unwrap();
        let ours = [
            "config.yaml",
            "level2/inertia.npy",
            "level2/montages/best-1-cluster-4.png",
            "plots/distribution-size.svg",
            "record.json",
            "report/12/row-8.jpg",
            "report/row-7.png",
        ];
        let others = [
            "notes.txt",
            "level2/notes.csv",
            "level2/montages/favourite.png",
            "other/record.json",
            "levels",
            "plots/distribution.svg",
            "report/12/me.png",
            "report/mine/row-8.jpg",
            "report/me.png",
        ];
        for file in ours.iter().chain(&others) {
            let path = base.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::create_dir(base.path().join("report.html")).unwrap();
        assert_eq!(ours_in(base.path(), &Contents::Run).unwrap(), ours.map(PathBuf::from));
        assert!(ours_in(base.path(), &collection()).unwrap().is_empty());
    }

    #[test]
    fn a_collection_owns_its_tables_and_plots_of_metrics() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("plots")).unwrap();
        let ours = ["groups.csv", "plots/inertia.svg", "runs.csv"];
        for file in ours.iter().chain(&["plots/mine.svg", "plots/inertia.png", "record.json", "levels.csv"]) {
            fs::write(base.path().join(file), "").unwrap();
        }
        assert_eq!(ours_in(base.path(), &collection()).unwrap(), ours.map(PathBuf::from));
    }
}
