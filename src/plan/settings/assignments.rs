//! The clustering of a run: a folder, or files of labels.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding, Result};
use crate::formats::labels::label_files;

/// The clustering's path and the files of labels. The path is that of the first file, if there are files.
///
/// # Errors
/// `Usage` if neither or both are given, or if options of labels are given without labels.
pub(super) fn clustering(
    clustering: Option<PathBuf>,
    assignments: Vec<PathBuf>,
    of_labels: [(&str, bool); 2],
) -> Result<(PathBuf, Vec<PathBuf>)> {
    let files = match (&clustering, assignments) {
        (Some(path), files) if files.is_empty() => label_files(path).unwrap_or_default(),
        (_, files) => files,
    };
    // settings that a run has written name both
    match (clustering, files.first()) {
        (Some(path), Some(first)) if path != *first && label_files(&path).as_ref() != Some(&files) => {
            let finding = Finding::new("two clusterings were named");
            let finding = finding.found(format!("{} and --assignments {}", path.display(), first.display()));
            let hint = match label_files(&path) {
                // as after `--assignments a.npy b.npy`
                Some(more) => {
                    let all: Vec<_> = files.iter().chain(&more).map(|file| file.to_string_lossy()).collect();
                    format!(
                        "separate several files of labels by commas, fine to coarse: --assignments {}",
                        all.join(",")
                    )
                }
                None => "name the folder or the labels, not both".to_owned(),
            };
            Err(Error::usage(finding.hint(hint)))
        }
        (_, Some(first)) => Ok((first.clone(), files)),
        (Some(path), None) => match of_labels.into_iter().find(|(_, set)| *set) {
            Some((option, _)) => {
                let finding = Finding::new(format!("{option} goes with labels")).found(path.display().to_string());
                Err(Error::usage(finding.hint("name files of labels with --assignments, or leave it out")))
            }
            None => Ok((path, files)),
        },
        (None, None) => Err(Error::usage(Finding::new("no clustering was named").hint(
            "clustrata metrics CLUSTERING --embeddings X.npy, or metrics --assignments LABELS.npy --embeddings X.npy",
        ))),
    }
}

/// The folder that results are written to by default: in the clustering's folder, or beside the first file of labels.
pub fn beside(clustering: &Path, is_labels: bool, name: &str) -> PathBuf {
    if !is_labels {
        return clustering.join(name);
    }
    let mut folder = clustering.file_stem().unwrap_or_default().to_owned();
    folder.push("-");
    folder.push(name);
    clustering.with_file_name(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_lie_in_the_folder_or_beside_the_labels() {
        assert_eq!(beside(Path::new("runs/hier"), false, "metrics"), Path::new("runs/hier/metrics"));
        assert_eq!(beside(Path::new("runs/k100.npy"), true, "metrics"), Path::new("runs/k100-metrics"));
        assert_eq!(beside(Path::new("labels.csv"), true, "metrics"), Path::new("labels-metrics"));
    }

    #[test]
    fn one_clustering_is_named_once() {
        let none = [("--centroids", false), ("--level-columns", false)];
        let of = |path: &str, files: &[&str]| {
            let files = files.iter().map(PathBuf::from).collect();
            clustering(Some(path).filter(|path| !path.is_empty()).map(PathBuf::from), files, none)
        };
        assert_eq!(of("hier", &[]).expect("a folder"), ("hier".into(), Vec::new()));
        assert_eq!(of("", &["a.npy", "b.npy"]).expect("labels").0, Path::new("a.npy"));
        assert_eq!(of("a.npy", &["a.npy", "b.npy"]).expect("as written by a run").1.len(), 2);
        assert_eq!(of("a.npy,b.npy", &[]).expect("labels").1.len(), 2);
        assert!(of("", &[]).is_err());
        // a folder is no further file of labels; a file is
        assert!(of("hier", &["a.npy"]).is_err_and(|e| e.to_string().contains("not both")));
        let commas = "--assignments a.npy,b.npy";
        assert!(of("b.npy", &["a.npy"]).is_err_and(|e| e.to_string().contains(commas)));
        assert_eq!(of("", &["a.npy", "b.npy"]).expect("the hint works").1.len(), 2);
        let with = [("--centroids", true), ("--level-columns", false)];
        assert!(
            clustering(Some("hier".into()), Vec::new(), with).is_err_and(|e| e.to_string().contains("--centroids"))
        );
    }
}
