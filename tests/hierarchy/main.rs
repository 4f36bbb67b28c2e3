//! Reading hierarchies: real ones that upstream wrote, and generated ones with one error each.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]

mod fixtures;
mod real;
mod refusals;
mod resolved;
