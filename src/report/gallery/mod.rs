//! Chooses which images of which clusters are shown, from rankings, members and distances, and composes montages of them.
//!
//! | module | what it knows |
//! |---|---|
//! | `choose` | which members stand for a cluster |
//! | `nearest` | which cluster is shown beside another |
//! | `sections` | which sections the montage of a cluster has |
//! | `cluster`, `contact_sheet` | the montage of one cluster; one image of each cluster of a level |
//! | `compose` | all pictures of a run |
//! | `picture` | a montage together with its entry in the record |
//! | `samples` | the images that the report shows beside montages: how many of which clusters |
//! | `members` | which ones: the closest and the farthest members of all clusters, in one pass |

mod choose;
mod cluster;
mod compose;
mod contact_sheet;
mod members;
mod nearest;
mod picture;
mod samples;
mod sections;

pub use compose::compose;
pub use picture::{Picture, PictureFile, options};
pub use samples::{images, samples};
