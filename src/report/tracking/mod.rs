//! A run as events, and the trackers that receive them.
//!
//! | module | what it knows |
//! |---|---|
//! | [`events`] | a record as JSON lines: `events.jsonl`, and the input of trackers |
//! | [`kmeans_events`] | a k-means as JSON lines |
//! | [`python`] | a tracker through its package in a Python process: finding a Python, its log, time limit, exit codes |
//! | `trackers` | the list of trackers: Weights & Biases (`wandb.py`), TensorBoard (`tensorboard.py`) |
//! | `histogram` | histograms of the metrics of clusters |
//! | `send` | choosing the tracker, and reporting what it said |
//!
//! A run is complete before a tracker receives it, so no tracker can make a run fail.

pub mod events;
mod histogram;
pub mod kmeans_events;
pub mod python;
mod send;
mod trackers;

pub use send::{send, send_after_kmeans, send_after_run, send_kmeans};
