//! Every figure on hierarchies made for it, against the definition in float64: common offsets, odd sizes, and all that can
//! degenerate.

#[path = "../common/mod.rs"]
mod common;

mod agreement;
mod controls;
mod definition;
mod degenerate;
mod drawn;
mod sample;
