//! Events of a run, and what a tracker gets of them; and that a tracker can neither fail nor stall a run.

#[path = "../common/mod.rs"]
mod common;

mod events;
mod failures;
mod fixtures;
mod offline;
