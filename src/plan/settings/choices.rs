//! Settings that are one of a few words.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Which distances are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distances {
    /// None.
    #[default]
    None,
    /// Of every row to its own centroid: f4 `[n]` a level.
    Own,
    /// Of every row to every centroid as well: f4 `[n, k]` a level.
    All,
}

/// Which map of clusters and points the report gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MapKind {
    /// The plane on which the centroids differ most, and t-SNE of up to 3,000 vectors, which takes seconds.
    #[default]
    Tsne,
    /// That plane alone.
    Pca,
    /// None.
    None,
}

/// Which members of a cluster a montage shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sample {
    /// The closest to the centroid, closest first.
    #[default]
    Closest,
    /// The farthest from it, farthest first.
    Farthest,
    /// A seeded random choice.
    Random,
}

/// What montages are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MontageFormat {
    /// Exact, and the largest of photographs.
    #[default]
    Png,
    /// The smallest, nearly exact.
    Jpeg,
    /// Exact, and smaller than PNG.
    Webp,
}

impl MontageFormat {
    /// Of the files.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            MontageFormat::Png => "png",
            MontageFormat::Jpeg => "jpg",
            MontageFormat::Webp => "webp",
        }
    }
}

/// What stands below each image of a montage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MontageCaptions {
    /// Its distance to the centroid.
    #[default]
    Distance,
    /// The name of its file.
    Name,
    /// What the list of images says of it.
    Caption,
    /// Nothing.
    None,
}
