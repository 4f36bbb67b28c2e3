//! What operations need from a device: buffers, pipelines, submissions, error handling, and the upload of tiles.

pub(crate) mod adapter;
pub(crate) mod buffers;
pub(crate) mod centroids;
pub(crate) mod counters;
pub(crate) mod device;
pub(crate) mod exact;
pub(crate) mod fault;
pub(crate) mod hi_lo;
pub(crate) mod kernel;
pub(crate) mod lane;
pub(crate) mod location;
pub(crate) mod memory;
pub(crate) mod options;
pub(crate) mod pace;
pub(crate) mod pipeline;
pub(crate) mod plan;
pub(crate) mod point_store;
pub(crate) mod pool;
pub(crate) mod search_shapes;
pub(crate) mod submit;
pub(crate) mod tuning;
mod tuning_cache;
pub(crate) mod units;
pub(crate) mod upload;
