//! What the record says of a stage.

use serde::{Deserialize, Serialize};

/// Time and throughput of one stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageRecord {
    /// `open`, a stage of the main loop (see [`crate::evaluate::StageTime`]), `montages`, `map`, `exports` or `tables`.
    /// `evaluate.read` and `evaluate.compute` are summed over lanes.
    pub name: String,
    /// Wall-clock seconds; for stages summed over lanes, lane seconds.
    pub seconds: f64,
    /// Rows per second; `None` for stages that don't process rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows_per_second: Option<f64>,
    /// Bytes of embeddings per second; `None` for stages that don't process rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_per_second: Option<f64>,
}

impl StageRecord {
    /// A stage without throughput.
    pub fn new(name: &str, seconds: f64) -> Self {
        StageRecord { name: name.to_owned(), seconds, rows_per_second: None, bytes_per_second: None }
    }

    /// A stage that processed `rows` rows, `bytes` bytes in all.
    pub fn over_rows(name: &str, seconds: f64, rows: u64, bytes: u64) -> Self {
        let rate = |amount: u64| (seconds > 0.0).then(|| crate::base::numeric::as_real(amount) / seconds);
        StageRecord { name: name.to_owned(), seconds, rows_per_second: rate(rows), bytes_per_second: rate(bytes) }
    }
}
