//! clustrata: how good is a hierarchical k-means of image embeddings?
//!
//! The main job is one straight line: config -> plan -> hierarchy -> tiles -> backend -> partials -> metrics -> record
//! -> sinks.
//!
//! | module | what it knows |
//! |---|---|
//! | [`error`] | how anything wrong is told |
//! | [`matrix`] | element types and matrix views that inputs and backends share |
//! | [`input`] | the files: `.npy`, pickles, the hierarchy, names of images |
//! | [`backend`] | the devices: `gpu` (WGSL through wgpu) and `cpu` |
//! | [`output`] | the files that are written |

pub mod backend;
pub mod error;
pub mod input;
pub mod matrix;
pub mod metrics;
pub mod output;
pub mod partials;
