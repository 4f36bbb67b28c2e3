//! Rows divided by their norms: `--normalize`, cosine silhouettes and spherical k-means.

#[path = "../common/mod.rs"]
mod common;
mod data;
mod definition;
mod kmeans;
mod normalize;
mod parts;
mod refused;
mod silhouettes;
