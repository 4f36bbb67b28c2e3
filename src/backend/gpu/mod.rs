//! The GPU backend: WGSL kernels through wgpu, on Vulkan, Metal and DX12.
//!
//! A lane owns a set of buffers and processes one tile at a time. It uploads the points once. For each level, the host sorts
//! the rows by label, and the device computes their squared distances and adds up runs of equal labels in float32, within one
//! workgroup. Only these sums are read back (and the squared distances, if wanted); everything wider is float64 on the host.
//!
//! Searches and sums by label read the tile minus a common centre. For each row, a search on the device keeps the four best
//! candidates by the expanded form, and a lower bound for all others. The candidates are evaluated again by direct
//! difference, and worst-case bounds decide whether that suffices. The host evaluates rows whose squares float32 can't hold,
//! so results are right for any finite input.
//!
//! | module | contents |
//! |---|---|
//! | `engine` | device, buffers, pipelines, submissions, errors, and a tile's data on its way to the device |
//! | `kernels` | one file per WGSL file: bindings, parameters, dispatch; the list of kernels |
//! | `ops` | the operations: own distances, distance matrix, top-2 search, sums by label, neighbours, sums of distances |
//! | `lane`, `backend` | the backend's traits, implemented by the operations |
//! | `tune` | times every shape of the search |
//!
//! `ops` imports `kernels` and `engine`; `kernels` import `engine`.

mod backend;
mod engine;
pub mod kernels;
mod lane;
mod ops;
mod tune;

pub use backend::GpuBackend;
pub use engine::adapter::{AdapterListing, adapters};
pub use engine::options::{GpuOptions, KernelShape};
pub use engine::units::WORKGROUP_BYTES;
pub use tune::tune;
