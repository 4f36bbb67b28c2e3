//! Settings of experiment tracking.

use serde::{Deserialize, Serialize};

use super::layer::options;
use super::values::one_or_many;

options! {
    /// Settings of experiment tracking, as written.
    #[derive(PartialEq, Eq, Serialize)]
    pub struct Tracking {
        /// Send the finished run to this tracker. Failure to send doesn't fail the run; `clustrata track OUT` sends it
        /// later [default: none]
        #[arg(long, value_name = "WHERE", help_heading = "Tracking")]
        pub track: Option<Tracker>,

        /// Send to this project of W&B [default: $WANDB_PROJECT, else clustrata]
        #[arg(long, value_name = "NAME", help_heading = "Tracking")]
        pub track_project: Option<String>,

        /// Add the run to this group [default: $WANDB_RUN_GROUP at W&B, else the clustering that kmeans made]
        #[arg(long, value_name = "NAME", help_heading = "Tracking")]
        pub track_group: Option<String>,

        /// Tag the run, e.g. a,b [default: $WANDB_TAGS at W&B]
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = "Tracking")]
        #[serde(deserialize_with = "one_or_many")]
        pub track_tags: Vec<String>,

        /// Name the run [default: $WANDB_NAME at W&B, else derived from the output folder]
        #[arg(long, value_name = "NAME", help_heading = "Tracking")]
        pub track_name: Option<String>,

        /// Give up sending after N seconds [default: 20; 600 for `clustrata track`]
        #[arg(long, value_name = "N", help_heading = "Tracking")]
        pub track_seconds: Option<u64>,
    }
}

/// Experiment trackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Tracker {
    /// No tracker.
    None,
    /// Weights & Biases, through its Python package.
    Wandb,
    /// Event files for TensorBoard in the output folder, through its Python package.
    Tensorboard,
}
