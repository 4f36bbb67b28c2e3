//! Every metric and the k-means objective on any data there may be, against definitions in float64: repeated rows, extreme
//! scales, large offsets, two scales in one set, constant columns, far rows, empty and single-point clusters. Then the
//! data sets of field reports, with the values that are right.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, and rounding to f4 is meant")]
#![allow(clippy::print_stdout, reason = "what was found is printed as a table")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/drawn.rs"]
mod drawn;
#[path = "../kmeans/data.rs"]
#[allow(dead_code, reason = "a part of what another test shares")]
mod points;

mod compare;
mod controls;
mod data;
mod definition;
mod extremes;
mod fixtures;
mod generator;
mod judge;
mod kmeans;
mod means;
mod refused;
mod repeats;
