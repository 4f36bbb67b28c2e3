//! Upstream's `config.yaml`: the settings of a clustering by ssl-data-curation.
//!
//! Nothing depends on this file. It can be missing, and if it disagrees with the other files, those count.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use crate::base::path_text;
use crate::formats::embeddings::{ReadOptions, Untyped};

/// Size limit. Upstream's configs have a few dozen lines.
const MAX_BYTES: u64 = 1 << 20;

/// The keys that matter here. All others are ignored. Lists may be longer than the number of levels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// Requested number of levels.
    pub n_levels: Option<u64>,
    /// Requested number of clusters per level.
    pub n_clusters: Option<Vec<u64>>,
    /// Per level: every cluster was split into at most this many, if above 1.
    pub n_splits: Option<Vec<u64>>,
    /// File of the clustered row numbers, as a path on the machine of the clustering.
    pub subset_indices_path: Option<PathBuf>,
    /// Files of the embeddings, as paths on the machine of the clustering. Upstream writes one, `kmeans` several.
    #[serde(deserialize_with = "one_or_several")]
    pub embeddings_path: Vec<PathBuf>,
    /// What `clustrata kmeans` adds to upstream's keys.
    #[serde(deserialize_with = "own_or_nothing")]
    pub clustrata: Own,
}

/// The keys of this program that say how the embeddings are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Own {
    /// Name of the array in a `.npz` or `.safetensors` file.
    pub array: Option<String>,
    /// Name of the column in a Parquet file.
    pub column: Option<String>,
    /// Type of elements that the file does not name.
    pub embeddings_dtype: Option<Untyped>,
    /// Whether rows were divided by their norm; `None` if another program or an earlier version made the clustering.
    pub normalize: Option<bool>,
}

impl Own {
    /// How the embeddings are read.
    pub fn read_options(&self) -> ReadOptions {
        let (array, column) = (self.array.clone(), self.column.clone());
        ReadOptions { array, column, untyped: self.embeddings_dtype, scratch: None }
    }
}

fn own_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Own, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Paths {
        None(()),
        One(String),
        Several(Vec<String>),
    }
    Ok(match Paths::deserialize(deserializer)? {
        Paths::None(()) => Vec::new(),
        Paths::One(path) => vec![path_text::from_text(&path)],
        Paths::Several(paths) => paths.iter().map(|path| path_text::from_text(path)).collect(),
    })
}

impl Upstream {
    /// Reads `config.yaml` in the folder of a clustering. `None` if there is none, or if it can't be read, which adds a
    /// warning.
    pub fn read(clustering: &Path, warnings: &mut Vec<String>) -> Option<Upstream> {
        let path = clustering.join("config.yaml");
        let mut text = String::new();
        let read = std::fs::File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        match read {
            // a file of labels has no config.yaml in it
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
            Err(e) => {
                warnings.push(format!("ignoring {}: {e}", path.display()));
                return None;
            }
            Ok(_) => {}
        }
        parse(&text).map_err(|wrong| warnings.push(format!("ignoring {}: {wrong}", path.display()))).ok()
    }

    /// The file of the subset's row numbers. If the written path does not exist because the clustering was copied, this is the
    /// file of the same name in the clustering's folder or beside it. `None` without a subset.
    pub fn subset_path(&self, clustering: &Path) -> Option<PathBuf> {
        let written = self.subset_indices_path.as_ref().filter(|path| !path.as_os_str().is_empty())?;
        let copies = written.file_name().into_iter().flat_map(|name| {
            [Some(clustering), clustering.parent()].into_iter().flatten().map(move |folder| folder.join(name))
        });
        let found = std::iter::once(written.clone()).chain(copies).find(|path| path.is_file());
        Some(found.unwrap_or_else(|| written.clone()))
    }

    /// The requested minimum and maximum number of clusters of level `level` (1-based).
    pub(super) fn clusters_asked(&self, level: u32) -> Option<(u64, u64)> {
        let index = usize::try_from(level.checked_sub(1)?).ok()?;
        let asked = *self.n_clusters.as_ref()?.get(index)?;
        let splits = self.n_splits.as_ref().and_then(|splits| splits.get(index)).copied().unwrap_or(1);
        Some((asked, asked.saturating_mul(splits.max(1))))
    }
}

fn parse(text: &str) -> Result<Upstream, String> {
    let config: Option<Upstream> = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    Ok(config.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_upstream_writes() {
        let config = parse(
            "n_levels: 2\nn_iters: 30\nn_clusters:\n- 1_000_000\n- 20\n- 3\nn_splits: [5, 1]\nsampling_strategy: c\n\
             slurm: {a: [1, {b: ~}]}\nsubset_indices_path: null\nembeddings_path: /data/e.npy\n",
        );
        let config = config.unwrap();
        assert_eq!(config.n_levels, Some(2));
        assert_eq!(config.n_clusters, Some(vec![1_000_000, 20, 3]));
        assert_eq!(config.subset_indices_path, None);
        assert_eq!(config.embeddings_path, [Path::new("/data/e.npy")]);
        assert_eq!(config.clusters_asked(1), Some((1_000_000, 5_000_000)));
        assert_eq!(config.clusters_asked(2), Some((20, 20)));
        assert_eq!(config.clusters_asked(3), Some((3, 3)));
        assert_eq!(config.clusters_asked(4), None);
    }

    #[test]
    fn everything_is_optional() {
        assert_eq!(parse("other: 1\n").unwrap(), Upstream::default());
        assert_eq!(parse("").unwrap(), Upstream::default());
        assert_eq!(parse("embeddings_path: null\nclustrata: null\n").unwrap(), Upstream::default());
        let made = |text: &str| parse(text).unwrap().clustrata.normalize;
        assert_eq!(made("clustrata:\n  seed: 1\n  normalize: true\n"), Some(true));
        assert_eq!((made("clustrata: {normalize: false}\n"), made("clustrata: {seed: 1}\n")), (Some(false), None));
        let several = parse("embeddings_path: [a.npy, b.npy]\n").unwrap();
        assert_eq!(several.embeddings_path, [Path::new("a.npy"), Path::new("b.npy")]);
    }

    #[test]
    fn what_does_not_parse_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let mut warnings = Vec::new();
        assert_eq!(Upstream::read(folder.path(), &mut warnings), None);
        assert!(warnings.is_empty(), "a missing file must not warn: {warnings:?}");
        for text in ["n_levels: many\n", "n_levels: [1\n", "- 1\n", "\t: x"] {
            warnings.clear();
            std::fs::write(folder.path().join("config.yaml"), text).unwrap();
            assert_eq!(Upstream::read(folder.path(), &mut warnings), None);
            assert!(warnings.len() == 1 && warnings[0].contains("config.yaml"), "{text}: {warnings:?}");
        }
    }

    #[test]
    fn finds_a_subset_that_was_copied_along() {
        let folder = tempfile::tempdir().unwrap();
        let clustering = folder.path().join("hier");
        std::fs::create_dir(&clustering).unwrap();
        let config = Upstream { subset_indices_path: Some("/nowhere/rows.npy".into()), ..Upstream::default() };
        assert_eq!(config.subset_path(&clustering), Some("/nowhere/rows.npy".into()));
        for place in [folder.path(), &clustering] {
            std::fs::write(place.join("rows.npy"), "").unwrap();
            assert_eq!(config.subset_path(&clustering), Some(place.join("rows.npy")));
        }
        assert_eq!(Upstream::default().subset_path(&clustering), None);
    }
}
