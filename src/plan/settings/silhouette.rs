//! The `--silhouette` setting.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Points to compute silhouettes for; each is compared with all points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silhouette {
    /// No points.
    Off,
    /// All points.
    Exact,
    /// A sample of this many points.
    Sample(NonZero<u64>),
}

impl FromStr for Silhouette {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sample = |count: &str| count.replace('_', "").parse().ok().map(Silhouette::Sample);
        let known = match text.trim() {
            "off" => Some(Silhouette::Off),
            "exact" => Some(Silhouette::Exact),
            other => other.strip_prefix("sample:").and_then(|count| sample(count.trim())),
        };
        known.ok_or_else(|| format!("expected `off`, `exact` or `sample:N` with N of at least 1; found `{text}`"))
    }
}

impl fmt::Display for Silhouette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silhouette::Off => f.write_str("off"),
            Silhouette::Exact => f.write_str("exact"),
            Silhouette::Sample(points) => write!(f, "sample:{points}"),
        }
    }
}

impl Serialize for Silhouette {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Silhouette {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            // YAML 1.1 reads `off` as false
            Value::Bool(false) => Ok(Silhouette::Off),
            Value::String(text) => text.parse().map_err(serde::de::Error::custom),
            other => other.to_string().parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_settings_read_back_as_written() {
        for text in ["off", "exact", "sample:1000"] {
            assert_eq!(text.parse::<Silhouette>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("sample:10_000".parse(), NonZero::new(10_000).map(Silhouette::Sample).ok_or(String::new()));
        for text in ["sample:0", "sample", "sample:-3", "yes", ""] {
            assert!(text.parse::<Silhouette>().is_err(), "{text}");
        }
    }
}
