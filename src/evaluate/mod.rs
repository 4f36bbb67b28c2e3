//! Evaluates the levels of a hierarchy in as few passes over the embeddings as possible.
//!
//! The first round is one pass over the embeddings for all levels: own distances and, if wanted, the top-2 search and the
//! sums of the points. The second round needs the first round's sums over all rows: distances to the true means and cosine
//! silhouettes take another pass each, and exact silhouettes compare the points with each other. Both rounds work on a range
//! of rows, so that several processes can share them, and their results can be merged. Comparisons of clusters need only
//! those results and the centroids.

mod centroids;
mod clock;
mod collector;
mod cosine;
mod evaluation;
mod labels;
mod lifted;
mod means;
mod neighbours;
mod nonfinite;
mod pass;
mod rounds;
mod run;
mod search_sinks;
mod silhouette;
mod sinks;

pub use centroids::means_of_labels;
pub use clock::{Clock, StageTime};
pub use evaluation::{Evaluation, Nonfinite, Sampling, Wanted};
pub use labels::contingency;
pub use rounds::{Evaluated, FirstRound, SecondRound};
pub use search_sinks::{NO_CLUSTER, SearchSinks};
pub use sinks::DistanceSinks;
