//! Every container of embeddings: the same matrix in each gives the same bytes and the same figures; damaged ones are refused.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]
#![allow(clippy::print_stdout, reason = "skipped tests are reported")]
#![allow(clippy::allow_attributes_without_reason, reason = "shared modules")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/counting.rs"]
mod counting;

mod copied;
mod hostile;
mod options;
#[cfg(feature = "parquet")]
mod parquet_files;
mod run;
mod same;
#[cfg(feature = "parquet")]
mod tables;
mod writers;
mod written_elsewhere;
