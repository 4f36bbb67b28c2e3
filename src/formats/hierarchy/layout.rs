//! Finds the levels in a clustering's folder and the files of each level.
//!
//! `levelL/sorted_clusters.npy` and `levelL/centroids.npy` are often absolute links into `levelL/stepK/`. After a copy or
//! under another mount the links are broken; a system without links stores a small text file with the link's target instead.
//! In both cases the step they name is read directly.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::LevelFiles;
use crate::base::error::{Finding, Findings};

const CLUSTERS: [&str; 2] = ["sorted_clusters.npy", "sorted_clusters.pkl"];
const CENTROIDS: &str = "centroids.npy";

/// Size limit of a text file that stands for a link, beyond any path that a system accepts.
const MAX_LINK_BYTES: u64 = 4096;

/// Numbers of the existing levels up to the highest of `wanted` (all levels if it is empty), ascending. Adds a finding for a
/// gap, for a missing level of `wanted`, and for a folder without levels.
pub(super) fn levels(clustering: &Path, wanted: &[u32], findings: &mut Findings) -> Vec<u32> {
    let Some(mut there) = findings.take(numbered(clustering, "level")) else { return Vec::new() };
    there.retain(|&number| number > 0);
    if there.is_empty() {
        let hint = if CLUSTERS.iter().any(|name| clustering.join(name).exists()) {
            "this is the folder of one level: name the folder above it"
        } else {
            "name the folder that holds level1, level2, ... (exp_dir of the clustering's config)"
        };
        let finding = Finding::new("the folder has no levels").file(clustering);
        findings.push(finding.expected("folders level1, level2, ...").found("none").hint(hint));
    }
    let last = wanted.iter().copied().max().unwrap_or(u32::MAX);
    let mut next = 1;
    for &number in there.iter().filter(|&&number| number <= last) {
        if number != next {
            let missing = clustering.join(format!("level{next}"));
            let finding = Finding::new("a level is missing").level(next).file(missing);
            let found = format!("level {number}, which groups the clusters of the level below it");
            findings.push(finding.expected("levels without a gap").found(found).hint("copy the whole clustering"));
        }
        next = number.saturating_add(1);
    }
    for &number in wanted.iter().filter(|number| !there.contains(number)) {
        let levels = there.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let finding = Finding::new("the clustering has no such level").level(number);
        let finding = finding.file(clustering).expected(format!("one of the levels {levels}"));
        findings.push_usage(finding.hint("change --levels, or leave it out to take all levels"));
    }
    there.into_iter().filter(|&number| number <= last).collect()
}

/// Finds the two files of a level in its folder or in one of its steps. Adds a warning if a step is used.
pub(super) fn locate(clustering: &Path, level: u32, warnings: &mut Vec<String>) -> Result<LevelFiles, Finding> {
    find(clustering, level, files_in, warnings)?
        .ok_or_else(|| missing(&clustering.join(format!("level{level}")), level))
}

/// Finds the centroids of a level, with or without its clusters, where [`locate`] finds them.
pub(super) fn locate_centroids(clustering: &Path, level: u32, warnings: &mut Vec<String>) -> Result<PathBuf, Finding> {
    let centroids = |folder: &Path| Some(folder.join(CENTROIDS)).filter(|path| is_data(path));
    find(clustering, level, centroids, warnings)?.ok_or_else(|| {
        Finding::new("the centroids of a level are missing")
            .level(level)
            .file(clustering.join(format!("level{level}")))
            .expected("centroids.npy, here or in one of its step folders")
            .hint("copy the links' targets too (rsync -L, cp -L), or name the file itself with --centroids")
    })
}

/// What `look` finds in a level's folder or in one of its steps. Adds a warning if a step is used.
fn find<T>(
    clustering: &Path,
    level: u32,
    look: impl Fn(&Path) -> Option<T>,
    warnings: &mut Vec<String>,
) -> Result<Option<T>, Finding> {
    let folder = clustering.join(format!("level{level}"));
    if let Some(found) = look(&folder) {
        return Ok(Some(found));
    }
    let mut steps = numbered(&folder, "step").map_err(|finding| finding.level(level))?;
    steps.reverse();
    // The links name the last step of the last run. The highest number could be from an earlier, longer run.
    let meant = [CENTROIDS, CLUSTERS[0], CLUSTERS[1]].iter().find_map(|name| step_meant(&folder.join(name)));
    let highest_first = steps.into_iter().map(|step| folder.join(format!("step{step}")));
    let mut steps = meant.map(|step| folder.join(step)).into_iter().chain(highest_first);
    let found = steps.find_map(|step| look(&step).map(|found| (found, step)));
    Ok(found.map(|(found, step)| {
        let step = step.display();
        warnings.push(format!("level {level}: its own files are missing or broken links; reading {step} instead"));
        found
    }))
}

fn missing(folder: &Path, level: u32) -> Finding {
    let there: Vec<_> = CLUSTERS.into_iter().chain([CENTROIDS]).filter(|name| is_data(&folder.join(name))).collect();
    let found = if there.is_empty() { "neither".to_owned() } else { format!("only {}", there.join(" and ")) };
    Finding::new("files of a level are missing")
        .level(level)
        .file(folder)
        .expected("sorted_clusters.npy (or .pkl) and centroids.npy, here or together in one of its step folders")
        .found(found)
        .hint(
            "copy the links' targets too (rsync -L, cp -L); if the clustering still runs, name the finished levels with \
             --levels",
        )
}

fn files_in(folder: &Path) -> Option<LevelFiles> {
    let clusters = CLUSTERS.iter().map(|name| folder.join(name)).find(|path| is_data(path))?;
    let centroids = folder.join(CENTROIDS);
    is_data(&centroids).then_some(LevelFiles { clusters, centroids })
}

/// Whether the path exists as data, or will fail to open with a better message than "missing".
fn is_data(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => !metadata.is_file() || link_text(path).is_none(),
        Err(e) => e.kind() != ErrorKind::NotFound,
    }
}

/// The step folder named by a link, or by a text file that stands for one.
fn step_meant(path: &Path) -> Option<PathBuf> {
    let target = std::fs::read_link(path).ok().or_else(|| link_text(path))?;
    let step = target.parent()?.file_name()?;
    step.to_str()?.starts_with("step").then(|| PathBuf::from(step))
}

/// The target in a text file that stands for a link: one line with a path that ends in the file's own name.
fn link_text(path: &Path) -> Option<PathBuf> {
    let mut text = String::new();
    std::fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= MAX_LINK_BYTES)?;
    std::fs::File::open(path).ok()?.take(MAX_LINK_BYTES).read_to_string(&mut text).ok()?;
    let target = Path::new(text.trim_end());
    (target.file_name() == path.file_name() && !text.contains('\0')).then(|| target.to_owned())
}

/// Numbers of the folders `PREFIX1`, `PREFIX2`, ... in a folder, ascending.
fn numbered(folder: &Path, prefix: &str) -> Result<Vec<u32>, Finding> {
    let cannot = |e: std::io::Error| Finding::io("can't list the folder", folder, &e);
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let number = entry.file_name().to_str().and_then(|name| number_after(name, prefix));
        numbers.extend(number.filter(|_| entry.path().is_dir()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// `level3` is 3; `level03`, `level0x3` and `level3.old` are other folders.
fn number_after(name: &str, prefix: &str) -> Option<u32> {
    let number: u32 = name.strip_prefix(prefix)?.parse().ok()?;
    (name == format!("{prefix}{number}")).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_upstreams_own_names_are_levels() {
        assert_eq!(number_after("level12", "level"), Some(12));
        for other in ["level", "level01", "level+1", "level-1", "level1.old", "levels1", "level99999999999"] {
            assert_eq!(number_after(other, "level"), None, "{other}");
        }
    }

    #[test]
    fn a_text_file_in_place_of_a_link_names_the_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("centroids.npy");
        for (content, step) in [
            ("step2/centroids.npy", Some("step2")),
            ("/data/run/level1/step12/centroids.npy\n", Some("step12")),
            ("elsewhere/centroids.npy", None),
            ("step2/other.npy", None),
            ("\u{1}NUMPY", None),
            ("", None),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(step_meant(&path), step.map(PathBuf::from), "{content}");
        }
    }
}
