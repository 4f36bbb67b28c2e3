//! clustrata evaluates and makes clusterings of embeddings: metrics per cluster and level, on any GPU or on the CPU.
//!
//! The code has twelve rooms. Each imports only rooms below it.
//!
//! | room | contents |
//! |---|---|
//! | `cli` | the command line: arguments, console, one file per subcommand (feature `cli`) |
//! | `batch` | many runs: sweeps and Slurm jobs (feature `cli`) |
//! | [`run`] | one run from its settings to its files, whole or in shards |
//! | [`report`] | tables, montages, plots, the HTML page, trackers, comparisons |
//! | [`plan`] | settings and inputs, checked against each other; the run's record |
//! | [`kmeans`] | hierarchical k-means: makes clusterings |
//! | [`evaluate`] | the main loop: everything the metrics need, from as few passes as possible |
//! | [`metrics`] | the metrics, a file each |
//! | [`engine`] | tile pipeline, partial sums, progress, checkpoints |
//! | [`backend`] | the devices: GPU (WGSL through wgpu) and CPU |
//! | [`formats`] | every file that is read or written |
//! | [`base`] | errors, element types, numbers, signals |
//!
//! The main job is a straight line: settings -> plan -> tiles -> partial sums -> metrics -> record -> files.

pub mod backend;
pub mod base;
#[cfg(feature = "cli")]
pub mod batch;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod evaluate;
pub mod formats;
pub mod kmeans;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod run;

pub use backend::{Backend, Job, Lane, Tiling, select};
pub use base::error::{Error, Finding, Findings, Kind, Result};
pub use base::matrix::{Dtype, MatrixView, UNLABELLED};
pub use engine::checkpoint_store::{CheckpointStore, NoCheckpoints};
pub use engine::share::Share;
pub use evaluate::{DistanceSinks, Evaluated, Evaluation, Wanted};
pub use formats::embeddings::Embeddings;
pub use formats::hierarchy::{Hierarchy, HierarchyOptions};
pub use kmeans::{Fit, Fitted};
pub use metrics::{METRICS, Metric};
pub use plan::Plan;
pub use plan::record::RunRecord;
pub use plan::settings::{Options, Settings};
