//! Who is told of a run, and how.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::values::one_or_many;

/// Settings of tracking, as written; they are sent as they are recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Tracking {
    /// Send the finished run to a tracker. It can't fail the run: `clustrata track OUT` sends it later [default: none]
    #[arg(long, value_name = "WHERE", help_heading = "Tracking")]
    pub track: Option<Tracker>,

    /// Project at the tracker [default: $WANDB_PROJECT, else clustrata]
    #[arg(long, value_name = "NAME", help_heading = "Tracking")]
    pub track_project: Option<String>,

    /// Group of runs that it belongs to [default: $WANDB_RUN_GROUP]
    #[arg(long, value_name = "NAME", help_heading = "Tracking")]
    pub track_group: Option<String>,

    /// Tags, as a,b [default: $WANDB_TAGS]
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = "Tracking")]
    #[serde(deserialize_with = "one_or_many")]
    pub track_tags: Vec<String>,

    /// Name of the run at the tracker [default: $WANDB_NAME, else by the output folder]
    #[arg(long, value_name = "NAME", help_heading = "Tracking")]
    pub track_name: Option<String>,

    /// Seconds that sending may take before it is given up [default: 20, of `clustrata track` 600]
    #[arg(long, value_name = "N", help_heading = "Tracking")]
    pub track_seconds: Option<u64>,
}

/// Who can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tracker {
    /// Nobody.
    None,
    /// Weights & Biases, by its Python package.
    Wandb,
}

impl Tracking {
    /// These settings where they are written, else those of `file`.
    #[must_use]
    pub fn over(self, file: Tracking) -> Tracking {
        Tracking {
            track: self.track.or(file.track),
            track_project: self.track_project.or(file.track_project),
            track_group: self.track_group.or(file.track_group),
            track_tags: if self.track_tags.is_empty() { file.track_tags } else { self.track_tags },
            track_name: self.track_name.or(file.track_name),
            track_seconds: self.track_seconds.or(file.track_seconds),
        }
    }
}
