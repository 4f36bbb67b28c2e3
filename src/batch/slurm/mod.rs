//! Runs on Slurm: scripts, submission, and what became of it.
//!
//! A run of one part is one job. A run of several is an array of shards, the same array again where figures need the
//! first results of all rows, and a merge, each after the one before. Everything a job needs lies in `OUT/slurm`, so it
//! can be looked at and submitted again by hand. A clustering that is to be made first is one job, too, in the folder of
//! the clustering; it submits the runs itself, since what they are is checked against the clustering.

mod folder;
mod layout;
mod queue;
mod report;
mod resources;
mod script;
mod site;
mod status;
mod steps;
mod words;

pub use folder::{JobFolder, Kmeans, Part, Step, Submission, Submitted};
pub use layout::Layout;
pub use queue::max_array_size;
pub use report::{Begun, NamedStatus, of_grid, of_run};
pub use script::scripts;
pub use site::Site;
pub use status::{Piece, RunStatus, ShardStatus, State, refuse_active, refuse_moved};
pub use steps::{Planned, all, preview, remaining, submit};
