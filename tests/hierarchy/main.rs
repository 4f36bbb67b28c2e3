//! Hierarchies: those that upstream really wrote, and made ones with one thing wrong each.

#![expect(clippy::print_stderr, reason = "a test that can't run says so")]

mod fixtures;
mod real;
mod refusals;
mod resolved;
