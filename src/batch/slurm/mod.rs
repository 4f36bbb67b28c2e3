//! Runs on Slurm: scripts, submission and status.
//!
//! A run without shards is one job. A run with shards is an array, a second array if metrics need the first results of all
//! rows, and a merge; each job waits for the one before. `OUT/slurm` holds everything a job needs, so people can inspect it
//! and submit it by hand. If the clustering has to be made first, one job in the clustering's own folder makes it. That job
//! then submits the runs, because their checks need the clustering.

mod account;
mod command;
mod failure;
mod folder;
mod kmeans_progress;
mod layout;
mod mail;
mod members;
mod overview;
mod piece;
mod queue;
mod report;
mod resources;
mod retry;
mod script;
mod site;
mod standing;
mod status;
mod steps;
mod submission;
mod words;

pub use folder::JobFolder;
pub use layout::Layout;
pub use mail::mail_at_the_end;
pub use members::{NamedStatus, SubmittedRun, SweepStatus};
pub use overview::{Overview, statuses_of};
pub use piece::{Piece, State};
pub use queue::max_array_size;
pub use retry::retry;
pub use script::scripts;
pub use site::Site;
pub use standing::Standing;
pub use status::{RunStatus, ShardStatus, refuse_active, refuse_moved};
pub use steps::{JobRequest, all, preview, remaining, shown, submit};
pub use submission::{Kmeans, Part, Step, Submission, Submitted};
