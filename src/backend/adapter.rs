//! The list of adapters.

use super::DeviceInfo;

/// One entry of the list of adapters.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Adapter {
    /// Index for `--device`.
    pub index: usize,
    /// Description of the adapter.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// Place on the PCI bus, such as `0000:01:00.0`, if the driver tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pci: Option<String>,
    /// Why it can't be used; `None` if it can.
    pub unusable: Option<String>,
}
