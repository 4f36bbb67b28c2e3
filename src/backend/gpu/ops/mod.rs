//! The backend's operations: each combines kernels with preparation and float64 corrections on the host.

pub(crate) mod after;
pub(crate) mod bound_shape;
pub(crate) mod centring;
pub(crate) mod distance_matrix;
pub(crate) mod group_sums;
pub(crate) mod half_search;
pub(crate) mod neighbours;
pub(crate) mod nominate;
pub(crate) mod observe;
pub(crate) mod own_distances;
pub(crate) mod remeasure;
pub(crate) mod rescore;
pub(crate) mod resident;
pub(crate) mod search;
pub(crate) mod searched;
pub(crate) mod segment_plan;
pub(crate) mod segment_runs;
pub(crate) mod segment_sums;
pub(crate) mod shared_points;
pub(crate) mod sort;
