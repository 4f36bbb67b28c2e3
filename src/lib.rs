//! clustrata: how good is a hierarchical k-means of image embeddings?
//!
//! The main job is one straight line: config -> plan -> hierarchy -> tiles -> backend -> partials -> metrics -> record
//! -> sinks.
//!
//! | module | what it knows |
//! |---|---|
//! | [`cli`], [`config`] | settings as written, settings as resolved |
//! | [`cost`] | what figures cost, told before a run begins |
//! | [`plan`] | settings and inputs, checked against each other and the device |
//! | [`input`] | the files: `.npy`, pickles, the hierarchy, names of images |
//! | [`backend`] | the devices: `gpu` (WGSL through wgpu) and `cpu` |
//! | [`evaluate`] | the main loop: one pass over the embeddings for all levels |
//! | [`partials`] | sums per cluster, which add up across tiles and shards |
//! | [`crew`] | lanes side by side, with sums that do not depend on timing |
//! | [`kmeans`] | clusterings made: k-means on the same kernels |
//! | [`clustering`] | the folder of a clustering, written as ssl-data-curation writes it |
//! | [`sampling`] | balanced sampling from a hierarchy |
//! | [`facts`] | what is known of a level once all passes are done |
//! | [`agreement`] | how well two partitions agree: ARI, AMI, NMI, V-measure, purity |
//! | [`metrics`] | the figures, one file each |
//! | [`gates`] | what a figure must not be, for exit codes |
//! | [`record`] | what a run found; all that the sinks read |
//! | [`output`] | the sinks: folder, tables, distance buffers, montages |
//! | [`tracking`] | a run as events, and the trackers (Weights & Biases) that are told of it |
//! | [`shard`] | a run in parts: who does which rows, what is done, what adds up to the whole |
//! | [`slurm`], [`grid`], [`collect`] | runs on Slurm, many runs from one file, many runs in one table |
//! | [`compare`] | two runs side by side |
//! | [`plot`] | charts of figures as SVG |
//! | [`pca`], [`tsne`] | vectors on a plane: by where they differ most, by who is near whom |
//! | [`map`] | the clusters and points of a run on both |
//! | [`report`] | report.html: a run as a page to look around in |
//! | [`partfile`], [`atomic_file`] | the files that partial results and checkpoints lie in; files that are complete or not there |
//! | [`identity`], [`scratch`] | what makes an input the same one; copies of inputs on a node's own disk |
//! | [`gallery`], [`buffers`], [`summary`] | what is shown, kept and printed of a run |
//! | [`probe`] | random data and the same figures in float64, for `check` |
//! | [`commands`], [`console`], [`interrupt`] | the subcommands, messages and progress, Ctrl-C |
//! | [`error`], [`matrix`] | how anything wrong is told; element types and matrix views |

pub mod backend;
pub mod base;
pub mod batch;
pub mod cli;
pub mod engine;
pub mod evaluate;
pub mod formats;
pub mod kmeans;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod run;
