//! Hierarchies: those that upstream really wrote, and made ones with one thing wrong each.

mod fixtures;
mod real;
mod refusals;
mod resolved;
