//! The trackers. A new one is a script, a line here, and its name in the settings.

use super::python::Sdk;
use crate::plan::settings::Tracker;

/// The SDK's environment variables work as usual (`WANDB_MODE`, `WANDB_PROJECT`, `WANDB_RUN_GROUP`, `WANDB_TAGS`,
/// `WANDB_NAME`, `WANDB_RUN_ID`, `WANDB_SWEEP_ID`, ...); the settings of the run override them.
const WANDB: Sdk = Sdk { label: "Weights & Biases", packages: "wandb pillow", script: include_str!("wandb.py") };

/// Event files in the folder `tensorboard` of the run.
const TENSORBOARD: Sdk = Sdk { label: "TensorBoard", packages: "tensorboard", script: include_str!("tensorboard.py") };

/// What feeds a tracker; Weights & Biases if none is named.
pub(super) fn sdk(tracker: Option<Tracker>) -> &'static Sdk {
    match tracker {
        Some(Tracker::Wandb | Tracker::None) | None => &WANDB,
        Some(Tracker::Tensorboard) => &TENSORBOARD,
    }
}
