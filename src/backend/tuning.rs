//! What a device learns about its own speed: how that is asked for, and how it is recorded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Whether a device times its kernels, and where it keeps what it learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tuning {
    /// Timed on the first tiles of each run.
    #[default]
    EachRun,
    /// The same; kept in this folder for later runs.
    Kept(PathBuf),
    /// Nothing is timed: the kernels are those that suit the kind of device.
    Off,
}

/// How a kernel's shape was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShapeSource {
    /// It was the fastest on the run's first tiles.
    Measured,
    /// An earlier run measured it.
    Cache,
    /// It suits the kind of device.
    Default,
    /// The caller chose it.
    Asked,
}

/// The kernel of all searches of one shape class, and its speed. The choice never changes a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// Columns, padded to whole octets.
    pub columns: u64,
    /// Clusters searched, rounded up to a power of two.
    pub clusters: u64,
    /// Element type of the points, for example `<f4`.
    pub dtype: String,
    /// The kernel's shape, for example `register-tile`.
    pub shape: String,
    /// How it was chosen.
    pub source: ShapeSource,
    /// Most tiles in flight.
    pub lanes: usize,
    /// Operations per second of every shape that was timed; a multiply-add counts as two.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, f64>,
}

impl Tuned {
    /// Operations per second of the chosen shape; `None` if it was not timed.
    pub fn rate(&self) -> Option<f64> {
        self.rates.get(&self.shape).copied()
    }
}
