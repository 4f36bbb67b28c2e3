//! Values that a config file may write in several ways.

#[cfg(feature = "cli")]
use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::base::error::Finding;
#[cfg(feature = "cli")]
use crate::base::path_text;

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

/// The device of a run; `auto` if none was named. Refuses an empty one, which a script with an unset variable passes.
pub(super) fn device(named: Option<String>) -> Result<String, Finding> {
    match named {
        None => Ok("auto".to_owned()),
        Some(name) if name.trim().is_empty() => {
            let finding = Finding::new("the device has no name").expected("auto, gpu, cpu, an index or part of a name");
            Err(finding.found(format!("`{name}`")).hint("name one, or leave --device out"))
        }
        Some(name) => Ok(name),
    }
}

/// Parses a path or a pattern of the command line. One that is not UTF-8 becomes a file URL.
#[cfg(feature = "cli")]
pub(super) fn pattern() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{OsStringValueParser, TypedValueParser};
    OsStringValueParser::new().try_map(|pattern| {
        let text = pattern.to_str().map(str::to_owned);
        let text = text.or_else(|| path_text::to_text(std::path::Path::new(&pattern)).map(Cow::into_owned));
        text.ok_or("the path is not valid Unicode")
    })
}
