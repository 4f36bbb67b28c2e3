//! Reading a config file: keys one by one, so that what is wrong names its key.

use std::path::Path;

use clap::CommandFactory;
use serde_json::Value;

use super::Options;
use crate::error::{Error, Finding, Result};
use crate::metrics;

/// A command that has only [`Options`], to ask for their names.
#[derive(clap::Parser)]
struct Names {
    #[command(flatten)]
    _options: Options,
}

impl Options {
    /// Reads a config file.
    pub fn read(path: &Path) -> Result<Options> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::usage(Finding::io("can't read the config file", path, &e)))?;
        Self::parse(&text).map_err(|finding| Error::usage(finding.file(path)))
    }

    /// Parses a config file's text.
    ///
    /// # Errors
    /// What YAML or the settings' types don't allow, and unknown keys.
    pub fn parse(text: &str) -> Result<Options, Finding> {
        let invalid = |e: &dyn std::fmt::Display| Finding::new("the config file is not valid").found(e.to_string());
        // an empty file, or one of comments only, sets nothing
        let value: Option<Value> = serde_saphyr::from_str(text).map_err(|e| invalid(&e))?;
        Options::of_value(value.unwrap_or_default())
    }

    /// From what a config file holds.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub fn of_value(value: Value) -> Result<Options, Finding> {
        let invalid = |e: &dyn std::fmt::Display| Finding::new("the config file is not valid").found(e.to_string());
        let map = match value {
            Value::Null => return Ok(Options::default()),
            Value::Object(map) => map,
            other => {
                return Err(invalid(&"a single value").expected("`key: value` lines").found(other.to_string()));
            }
        };
        let command = Names::command();
        let known: Vec<String> = command.get_arguments().map(|a| a.get_id().as_str().replace('_', "-")).collect();
        let mut settings = serde_json::Map::new();
        for (key, value) in map {
            let key = key.replace('_', "-");
            if !known.contains(&key) {
                return Err(metrics::unknown("key", &key, known.iter().map(String::as_str)));
            }
            if !value.is_null() {
                settings.insert(key, value);
            }
        }
        let explain = |key: &str, e: serde_json::Error| invalid(&e).what_of(key);
        // one key at a time, so that an error can name it
        for (key, value) in &settings {
            let one = Value::Object(std::iter::once((key.clone(), value.clone())).collect());
            serde_json::from_value::<Options>(one).map_err(|e| explain(key, e))?;
        }
        serde_json::from_value(Value::Object(settings)).map_err(|e| invalid(&e))
    }
}

impl Finding {
    /// The same finding, about one key of the config file.
    fn what_of(self, key: &str) -> Finding {
        let found = self.to_string();
        Finding::new(format!("the config file's value of `{key}` is not valid"))
            .found(found.lines().last().unwrap_or_default().trim_start_matches("  found:").trim().to_owned())
            .hint("see `clustrata metrics --help` for what it takes")
    }
}
