//! A run as events, and the trackers that receive them.
//!
//! | module | what it knows |
//! |---|---|
//! | [`events`] | a record as JSON lines: `events.jsonl`, and the input of trackers |
//! | [`wandb`] | Weights & Biases, through its own SDK in a Python process |
//! | `histogram` | histograms of the metrics of clusters |
//! | `send` | choosing the tracker, and reporting what it said |
//!
//! A run is complete before a tracker receives it, so no tracker can make a run fail.

pub mod events;
mod histogram;
mod send;
pub mod wandb;

pub use send::{send, send_after_run};
