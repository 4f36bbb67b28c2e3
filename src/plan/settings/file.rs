//! Reading a config file: keys one by one, so that what is wrong names its key.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Options;
use super::layer::Layer;
use crate::base::error::{Error, Finding, Result};
use crate::metrics;

impl Options {
    /// Reads a config file.
    pub fn read(path: &Path) -> Result<Options> {
        read(path, Options::parse)
    }

    /// Parses a config file's text.
    ///
    /// # Errors
    /// What YAML or the settings' types don't allow, and unknown keys.
    pub fn parse(text: &str) -> Result<Options, Finding> {
        Options::of_value(value(text)?)
    }

    /// From what a config file holds.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub fn of_value(value: Value) -> Result<Options, Finding> {
        of_keys(keys(value)?, "metrics")
    }
}

/// Reads a file and parses its text; what is wrong names the file.
pub(super) fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, Finding>) -> Result<T> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Error::usage(Finding::io("can't read the config file", path, &e)))?;
    parse(&text).map_err(|finding| Error::usage(finding.file(path)))
}

/// What a config file holds; an empty one, or one of comments only, holds nothing.
pub(super) fn value(text: &str) -> Result<Value, Finding> {
    let value: Option<Value> = serde_saphyr::from_str(text).map_err(|e| invalid(&e))?;
    Ok(value.unwrap_or_default())
}

/// The keys of a config file, spelled with `-`, and their values.
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
            return Err(invalid(&format!("`{key}` is there twice, with `-` and with `_`")).hint("keep one of them"));
        }
    }
    Ok(keys)
}

/// Settings of a command from the keys of a config file, which are the long names of its options. What has no value is not
/// set.
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
    // one key at a time, so that an error can name it
    for (key, value) in &settings {
        let one = Value::Object(std::iter::once((key.clone(), value.clone())).collect());
        serde_json::from_value::<T>(one).map_err(|e| invalid(&e).what_of(key, command))?;
    }
    serde_json::from_value(Value::Object(settings)).map_err(|e| invalid(&e))
}

fn invalid(error: &dyn std::fmt::Display) -> Finding {
    Finding::new("the config file is not valid").found(error.to_string())
}

impl Finding {
    /// The same finding, about one key of the config file.
    fn what_of(self, key: &str, command: &str) -> Finding {
        let found = self.to_string();
        Finding::new(format!("the config file's value of `{key}` is not valid"))
            .found(found.lines().last().unwrap_or_default().trim_start_matches("  found:").trim().to_owned())
            .hint(format!("see `clustrata {command} --help` for what it takes"))
    }
}
