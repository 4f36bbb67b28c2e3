//! Every metric on synthetic hierarchies, compared with its definition in float64: common offsets, odd sizes, degenerate
//! cases.

#[path = "../common/mod.rs"]
mod common;

mod agreement;
mod controls;
mod definition;
mod degenerate;
mod drawn;
mod sample;
