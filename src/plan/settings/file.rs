//! Reading a config file key by key, so that errors name the key.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Options;
use super::layer::Layer;
use crate::base::error::{Error, Finding, Result};
use crate::metrics;

impl Options {
    /// Reads a config file.
    ///
    /// # Errors
    /// `Usage` if the file can't be read or is not valid.
    pub fn read(path: &Path) -> Result<Options> {
        read(path, Options::parse)
    }

    /// Parses the text of a config file.
    ///
    /// # Errors
    /// Invalid YAML, values of the wrong type, and unknown keys.
    pub fn parse(text: &str) -> Result<Options, Finding> {
        Options::of_value(value(text)?)
    }

    /// Converts the content of a config file.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub fn of_value(value: Value) -> Result<Options, Finding> {
        of_keys(keys(value)?, "metrics")
    }
}

/// Reads and parses a file; errors name the file.
pub(super) fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, Finding>) -> Result<T> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Error::usage(Finding::io("can't read the config file", path, &e)))?;
    parse(&text).map_err(|finding| Error::usage(finding.file(path)))
}

/// The content of a config file; null if it is empty or has only comments.
pub(super) fn value(text: &str) -> Result<Value, Finding> {
    let value: Option<Value> = serde_saphyr::from_str(text).map_err(|e| invalid(&e))?;
    Ok(value.unwrap_or_default())
}

/// The values of a config file by key, spelled with `-`.
pub(super) fn keys(value: Value) -> Result<Map<String, Value>, Finding> {
    let map = match value {
        Value::Null => return Ok(Map::new()),
        Value::Object(map) => map,
        other => return Err(invalid(&"a single value").expected("`key: value` lines").found(other.to_string())),
    };
    let mut keys = Map::new();
    for (key, value) in map {
        let spelled = key.replace('_', "-");
        if keys.insert(spelled, value).is_some() {
            return Err(invalid(&format!("`{key}` is set twice, with `-` and with `_`")).hint("keep one of them"));
        }
    }
    Ok(keys)
}

/// The options of a command from the keys of a config file, which are the long names of the options. Keys without value are
/// ignored.
pub(super) fn of_keys<T: Layer + DeserializeOwned>(keys: Map<String, Value>, command: &str) -> Result<T, Finding> {
    let mut known = Vec::new();
    T::add_keys("", &mut known);
    let mut settings = Map::new();
    for (key, value) in keys {
        if !known.contains(&key) {
            return Err(metrics::unknown("key", &key, known.iter().map(String::as_str)));
        }
        if !value.is_null() {
            settings.insert(key, value);
        }
    }
    // one key at a time, so that the error can name it
    for (key, value) in &settings {
        let one = Value::Object(std::iter::once((key.clone(), value.clone())).collect());
        serde_json::from_value::<T>(one).map_err(|e| invalid(&e).of_key(key, command))?;
    }
    serde_json::from_value(Value::Object(settings)).map_err(|e| invalid(&e))
}

fn invalid(error: &dyn std::fmt::Display) -> Finding {
    Finding::new("the config file is not valid").found(error.to_string())
}

impl Finding {
    /// The finding for one key of the config file.
    fn of_key(self, key: &str, command: &str) -> Finding {
        let found = self.to_string();
        Finding::new(format!("the config file's value of `{key}` is not valid"))
            .found(found.lines().last().unwrap_or_default().trim_start_matches("  found:").trim().to_owned())
            .hint(format!("see `clustrata {command} --help` for valid values"))
    }
}
