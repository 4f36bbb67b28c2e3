//! The GPU backend: WGSL kernels through wgpu, on Vulkan, Metal and DX12.
//!
//! A lane owns a set of buffers and processes one tile at a time. Its points are uploaded once per pass, or found among the
//! points that the device keeps from an earlier pass. For each level, the host sorts the rows by label, and the device
//! computes their squared distances and adds up runs of equal labels in float32, within one workgroup. Only these sums are
//! read back (and the squared distances, if wanted); everything wider is float64 on the host.
//!
//! Searches and sums by label read the tile minus a common centre. For each row, a search on the device keeps the four best
//! candidates by the expanded form, and a lower bound for all others. Candidates are measured again by direct difference: on
//! the device if the level's centroids stay there. Worst-case bounds decide whether that suffices; the host decides the other
//! rows. It also evaluates rows whose squares float32 can't hold, so results are right for any finite input.
//!
//! Buffers return to a pool, so a pass reuses those of the pass before it. When memory is short, the device gives up kept
//! points, then the size of tiles, then resident centroids.
//!
//! | module | contents |
//! |---|---|
//! | `engine` | device, buffers and their pool, kept points, counters, pipelines, submissions, errors, upload of tiles |
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
pub use engine::adapter::{AdapterListing, COOPERATIVE_BYTES, adapters};
pub use engine::options::{GpuOptions, KernelShape};
pub use engine::units::WORKGROUP_BYTES;
pub use tune::tune;
