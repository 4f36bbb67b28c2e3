//! Reading a config file key by key, so that errors name the key and its line.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Options;
use super::layer::Layer;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::yaml::{self, Document};
use crate::metrics;

/// A text that only a key of any text takes.
const ANY_TEXT: &str = "\u{2203} any text";

impl Options {
    /// Reads a config file.
    ///
    /// # Errors
    /// `Usage` if the file can't be read or is not valid; all bad keys are reported together.
    pub fn read(path: &Path) -> Result<Options> {
        let (document, place) = read(path)?;
        of_keys(keys(document.value.clone()).map_err(|wrong| place.refuse(wrong))?, "metrics", &document, &place)
    }

    /// Parses the text of a config file.
    ///
    /// # Errors
    /// Invalid YAML, values of the wrong type, and unknown keys.
    pub fn parse(text: &str) -> Result<Options> {
        let (document, place) = (parse(text).map_err(Error::usage)?, Place::default());
        of_keys(keys(document.value.clone()).map_err(Error::usage)?, "metrics", &document, &place)
    }

    /// Converts the content of a config file.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub fn of_value(value: Value) -> Result<Options> {
        of_keys(keys(value).map_err(Error::usage)?, "metrics", &Document::default(), &Place::default())
    }

    /// The value of a key as the settings take it: a text as it is written, anything else as YAML reads it.
    ///
    /// # Errors
    /// An unknown key, or a value of the wrong type.
    pub fn fitting(key: &str, value: &Value) -> Result<Value, Finding> {
        known_and_fitting::<Options>(key, value, "metrics")
    }
}

/// The value of a key of `command`; an unknown key is an error.
pub(super) fn known_and_fitting<T: Layer + DeserializeOwned>(
    key: &str,
    value: &Value,
    command: &str,
) -> Result<Value, Finding> {
    let mut known = Vec::new();
    T::add_keys("", &mut known);
    if !known.iter().any(|name| name == key) {
        return Err(metrics::unknown("key", key, known.iter().map(String::as_str)));
    }
    if value.is_null() { Ok(Value::Null) } else { fitting::<T>(key, value, command) }
}

/// The file that findings name.
#[derive(Debug, Default)]
pub(super) struct Place {
    file: String,
}

impl Place {
    /// The error of a finding about the whole file.
    pub(super) fn refuse(&self, finding: Finding) -> Error {
        Error::usage(self.at(finding, None))
    }

    fn at(&self, finding: Finding, line: Option<u64>) -> Finding {
        let line = line.map(|line| format!("line {line}"));
        let parts: Vec<&str> =
            [self.file.as_str()].into_iter().chain(line.as_deref()).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { finding } else { finding.file(parts.join(", ")) }
    }
}

/// Reads and parses a file.
pub(super) fn read(path: &Path) -> Result<(Document, Place)> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Error::usage(Finding::io("can't read the config file", path, &e)))?;
    let place = Place { file: path.display().to_string() };
    let document = parse(&text).map_err(|wrong| place.refuse(wrong))?;
    Ok((document, place))
}

/// The content of a config file; null if it is empty or has only comments.
pub(super) fn parse(text: &str) -> Result<Document, Finding> {
    yaml::parse(text).map_err(|e| invalid(&e))
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
/// ignored. `document` has the lines of the keys.
pub(super) fn of_keys<T: Layer + DeserializeOwned>(
    keys: Map<String, Value>,
    command: &str,
    document: &Document,
    place: &Place,
) -> Result<T> {
    let mut known = Vec::new();
    T::add_keys("", &mut known);
    let mut settings = Map::new();
    let mut findings = Findings::new();
    for (key, value) in keys {
        let fits = if !known.contains(&key) {
            Err(metrics::unknown("key", &key, known.iter().map(String::as_str)))
        } else if value.is_null() {
            continue;
        } else {
            fitting::<T>(&key, &value, command)
        };
        match fits {
            Ok(value) => drop(settings.insert(key, value)),
            Err(wrong) => findings.push_usage(place.at(wrong, line(document, &key))),
        }
    }
    findings.into_result()?;
    serde_json::from_value(Value::Object(settings)).map_err(|e| place.refuse(invalid(&e)))
}

/// The line of a key, spelled with `-`, at the top of the file or in the block of this program.
fn line(document: &Document, key: &str) -> Option<u64> {
    let spellings = [key.to_owned(), key.replace('-', "_")];
    spellings.iter().find_map(|key| document.line(key).or_else(|| document.line(&format!("clustrata.{key}"))))
}

/// The value as option `key` takes it.
fn fitting<T: DeserializeOwned>(key: &str, value: &Value, command: &str) -> Result<Value, Finding> {
    let fits = |value: &Value| {
        let one = Value::Object(std::iter::once((key.to_owned(), value.clone())).collect());
        serde_json::from_value::<T>(one).map(drop)
    };
    let refused = |found: String| {
        Finding::new(format!("the config file's value of `{key}` is not valid"))
            .found(found)
            .hint(format!("see `clustrata {command} --help` for valid values"))
    };
    let typed = yaml::typed(value);
    let takes_text = fits(&ANY_TEXT.into()).is_ok();
    if let Some(text) = Some(value).filter(|_| !takes_text).and_then(leading_zero) {
        return Err(
            refused(format!("`{text}`")).hint("write it without leading zeros, with which YAML 1.1 means octal")
        );
    }
    // words such as `off` are truth values in YAML, and values of some options
    let [first, second] = if takes_text || typed.is_boolean() { [value, &typed] } else { [&typed, value] };
    match fits(first) {
        Ok(()) => Ok(first.clone()),
        Err(_) if fits(second).is_ok() => Ok(second.clone()),
        Err(wrong) => Err(refused(wrong.to_string())),
    }
}

/// A number with a leading zero such as `010`, which is 8 or 10, depending on the version of YAML.
fn leading_zero(value: &Value) -> Option<&str> {
    match value {
        Value::Array(values) => values.iter().find_map(leading_zero),
        Value::String(text) => {
            let digits = text.trim_start_matches(['+', '-']);
            let is_octal = digits.len() > 1 && digits.starts_with('0');
            Some(text.as_str()).filter(|_| is_octal && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_'))
        }
        _ => None,
    }
}

fn invalid(error: &dyn std::fmt::Display) -> Finding {
    Finding::new("the config file is not valid").found(error.to_string())
}
