//! A run as events, and the trackers that are told of it.
//!
//! | module | what it knows |
//! |---|---|
//! | [`events`] | a record as JSON lines: `events.jsonl`, and what a tracker is fed |
//! | [`wandb`] | Weights & Biases, through its own SDK in a Python process |
//! | `histogram` | equal bins over the figures of clusters |
//! | `child` | a process that is given its time and no more |
//!
//! A run is complete before a tracker hears of it, so no tracker can make one fail.

mod child;
pub mod events;
mod histogram;
mod send;
pub mod wandb;

pub use send::{after_run, send};
