//! Settings with a fixed set of values.

use serde::{Deserialize, Serialize};

/// Distances to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Distances {
    /// No distances.
    #[default]
    None,
    /// Of each row to its own centroid: f4 `[n]` per level.
    Own,
    /// Also of each row to every centroid: f4 `[n, k]` per level.
    All,
}

/// Map of clusters and points in the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum MapKind {
    /// PCA plane of the centroids, and t-SNE of up to 3,000 vectors, which takes seconds.
    #[default]
    Tsne,
    /// PCA plane only.
    Pca,
    /// No map.
    None,
}

/// Which members of a cluster a montage shows, and how they are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Sample {
    /// In sections: those closest to the centroid, those farthest from it and, for a worst cluster, the closest of its
    /// nearest cluster.
    #[default]
    Sections,
    /// One grid of those closest to the centroid, in ascending order of distance.
    Closest,
    /// One grid of those farthest from the centroid, in descending order of distance.
    Farthest,
    /// One grid of random members, seeded by --seed.
    Random,
}

/// Image format of montages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum MontageFormat {
    /// Lossless; the largest files for photographs.
    #[default]
    Png,
    /// Lossy; the smallest files.
    Jpeg,
    /// Lossless; smaller than PNG.
    Webp,
}

impl MontageFormat {
    /// File extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            MontageFormat::Png => "png",
            MontageFormat::Jpeg => "jpg",
            MontageFormat::Webp => "webp",
        }
    }
}

/// Caption below each image of a montage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum MontageCaptions {
    /// Distance to the centroid.
    #[default]
    Distance,
    /// File name.
    Name,
    /// Caption from the --images file.
    Caption,
    /// No caption.
    None,
}
