//! Devices and workers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::backend::Tuned;

/// The device that computed a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Backend: `gpu` or `cpu`.
    pub backend: String,
    /// Name, as reported by the driver or processor.
    pub name: String,
    /// Kind: `discrete`, `integrated`, `virtual`, `software`, `cpu` or `other`.
    pub kind: String,
    /// Graphics API (`Vulkan`, `Metal`, `DX12`), or SIMD instruction set of a CPU.
    pub api: String,
    /// Driver and its version.
    pub driver: String,
    /// Device limits that affect a run, by name.
    pub limits: BTreeMap<String, u64>,
    /// Why this device was selected.
    pub reason: String,
    /// Number of rows per tile.
    pub tile_rows: usize,
    /// Number of lanes: tiles in flight at a time.
    pub lanes: usize,
    /// The kernels of searches, and how they were chosen; empty for the CPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuning: Vec<Tuned>,
}

/// One part of a sharded run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartOf {
    /// First row, and one past the last row.
    pub rows: (u64, u64),
    /// The worker of each stage, by name of the stage.
    pub stages: BTreeMap<String, Worker>,
}

/// The worker of one stage of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Host name.
    pub host: String,
    /// Its device, tile size and lanes.
    pub device: Device,
    /// Seconds spent on the stage, including time before interruptions.
    pub seconds: f64,
    /// How often the stage was resumed.
    pub resumed: u64,
    /// Bytes of inputs that this process copied to the machine's own disk.
    pub staged_bytes: u64,
}
