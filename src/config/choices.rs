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
