//! The `--checkpoint` setting.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// How often a run saves its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// Never, not even when it is asked to stop.
    Off,
    /// At this interval; less often if saving takes more than a twentieth of it.
    Every(Duration),
}

impl Default for Checkpoint {
    fn default() -> Self {
        Checkpoint::Every(Duration::from_secs(300))
    }
}

impl FromStr for Checkpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(Checkpoint::Off),
            time => humantime::parse_duration(time).map(Checkpoint::Every).map_err(|_| {
                format!("expected `off` or a time with a unit, for example 30s, 5m or 1h; found `{text}`")
            }),
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Checkpoint::Off => f.write_str("off"),
            Checkpoint::Every(time) => f.write_str(&humantime::format_duration(*time).to_string().replace(' ', "")),
        }
    }
}

impl Serialize for Checkpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            // YAML 1.1 reads `off` as false
            Value::Bool(false) => Ok(Checkpoint::Off),
            Value::String(text) => text.parse().map_err(serde::de::Error::custom),
            other => other.to_string().parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_as_written() {
        for text in ["off", "5m", "1h 30m", "20ms"] {
            let parsed: Checkpoint = text.parse().expect("valid");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{text}");
        }
        for text in ["5", "", "soon", "-1s"] {
            assert!(text.parse::<Checkpoint>().is_err(), "{text}");
        }
    }
}
