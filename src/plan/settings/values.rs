//! Values that a config file may write in several ways.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Accepts a list, a single value, or the comma-separated form of the command line.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let parts: Vec<String> = match Value::deserialize(deserializer)? {
        Value::Array(values) => values.iter().map(text).collect(),
        Value::String(list) if std::any::type_name::<T>() != std::any::type_name::<String>() => {
            list.split(',').map(|part| part.trim().to_owned()).collect()
        }
        value => vec![text(&value)],
    };
    parts.iter().map(|part| part.parse().map_err(|e| serde::de::Error::custom(format!("`{part}`: {e}")))).collect()
}

/// Accepts a device as name or index.
pub(super) fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}
