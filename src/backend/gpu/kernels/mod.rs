//! The kernels: one Rust file per WGSL file in `shaders/`, with its bindings, parameters and dispatch.
//!
//! [`KERNELS`] and [`COOPERATIVE_KERNELS`] list them. `tests/portability` takes every entry through naga: it validates the
//! shader, translates it to SPIR-V, MSL and HLSL (cooperative ones not to HLSL), and compares it with its Rust description.

pub(crate) mod centre;
pub(crate) mod centroid_pairs;
pub(crate) mod cluster_sums;
pub(crate) mod decide;
pub(crate) mod distance_sums;
pub(crate) mod distance_sums_tile;
pub(crate) mod gather_rows;
pub(crate) mod halve;
pub(crate) mod list_candidates;
pub(crate) mod own_distance;
pub(crate) mod pairwise;
pub(crate) mod partial_inertia;
pub(crate) mod refine;
pub(crate) mod search;
pub(crate) mod top2;
pub(crate) mod top2_half;
pub(crate) mod top2_tile;

pub use super::engine::kernel::{Binding, Entry, Kernel, Overrides};
pub use super::engine::units::MAX_WORKGROUP;

/// Every kernel.
pub const KERNELS: &[&Kernel] = &[
    &own_distance::KERNEL,
    &partial_inertia::KERNEL,
    &pairwise::KERNEL,
    &centre::KERNEL,
    &top2::KERNEL,
    &top2_tile::KERNEL,
    &list_candidates::KERNEL,
    &decide::KERNEL,
    &halve::KERNEL,
    &refine::KERNEL,
    &gather_rows::KERNEL,
    &cluster_sums::KERNEL,
    &centroid_pairs::KERNEL,
    &distance_sums::KERNEL,
    &distance_sums_tile::KERNEL,
];

/// Kernels that need float16 arithmetic and cooperative matrices.
pub const COOPERATIVE_KERNELS: &[&Kernel] = &[&top2_half::KERNEL];
