//! Who computed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// `gpu` or `cpu`
    pub backend: String,
    /// Name by driver or processor.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `cpu` or `other`
    pub kind: String,
    /// `Vulkan`, `Metal`, `DX12` or the SIMD instructions.
    pub api: String,
    /// Driver and version.
    pub driver: String,
    /// Limits that shape a run.
    pub limits: BTreeMap<String, u64>,
    /// Why this device.
    pub reason: String,
    /// Rows of a tile.
    pub tile_rows: usize,
    /// Tiles in flight.
    pub lanes: usize,
}

/// One part of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartOf {
    /// First row, and the row after the last.
    pub rows: (u64, u64),
    /// Stage by stage.
    pub stages: BTreeMap<String, Worker>,
}

/// Who computed a stage of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Name of the machine.
    pub host: String,
    /// The device, its tile size and its lanes.
    pub device: Device,
    /// Seconds of the stage, those before interruptions included.
    pub seconds: f64,
    /// How often the stage was taken up again.
    pub resumed: u64,
    /// Bytes of inputs that this process copied to the machine's own disk.
    pub staged_bytes: u64,
}
