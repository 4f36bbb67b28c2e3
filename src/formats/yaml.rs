//! YAML with its scalars as they are written.
//!
//! A YAML parser turns `1.10` into 1.1, `no` into false and `007` into 7. Whether that is meant depends on the key, which only its
//! reader knows. So every scalar is kept as its text here, and [`typed`] gives the value that YAML makes of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use serde_saphyr::{Location, NonFiniteFloatPolicy, Spanned};

/// The content of a file.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Its value. A scalar without quotes is a text, as it is written; one that means null is null.
    pub value: Value,
    /// Line of each value, by the path of its keys: `slurm.account`.
    lines: BTreeMap<String, u64>,
}

impl Document {
    /// The line of the value with this path of keys.
    pub fn line(&self, path: &str) -> Option<u64> {
        self.lines.get(path).copied()
    }
}

/// Parses a text. The value is null if it is empty or has only comments.
///
/// # Errors
/// What is wrong with the YAML.
pub fn parse(text: &str) -> Result<Document, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // `.inf` and `12e4567` may be names
    let options = serde_saphyr::options! { non_finite_float_policy: NonFiniteFloatPolicy::PassThrough };
    let node: Option<Spanned<Node>> = serde_saphyr::from_str_with_options(text, options).map_err(|e| e.to_string())?;
    let mut lines = BTreeMap::new();
    let value = node.map_or(Value::Null, |node| written(node, text, "", &mut lines));
    Ok(Document { value, lines })
}

/// The value that YAML makes of a scalar: `yes` is true, `1_000` is 1000. Anything but a text is returned as it is.
pub fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_saphyr::from_str(text)
            .ok()
            .filter(|typed: &Value| typed.is_number() || typed.is_boolean())
            .unwrap_or_else(|| value.clone()),
        Value::Array(values) => values.iter().map(typed).collect(),
        other => other.clone(),
    }
}

/// A value with the places of the values in it.
#[derive(Debug)]
enum Node {
    Scalar(Value),
    /// A float that JSON can't hold.
    NotFinite,
    List(Vec<Spanned<Node>>),
    Map(Vec<(String, Spanned<Node>)>),
}

/// The value with scalars as written. Adds the lines of the values in maps.
fn written(node: Spanned<Node>, text: &str, path: &str, lines: &mut BTreeMap<String, u64>) -> Value {
    let place = node.defined;
    match node.value {
        Node::Scalar(value) => as_written(value, text, &place),
        Node::NotFinite => raw(text, &place).map_or(Value::Null, Value::from),
        Node::List(nodes) => nodes.into_iter().map(|node| written(node, text, path, lines)).collect(),
        Node::Map(entries) => {
            let entry = |(key, node): (String, Spanned<Node>)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                lines.entry(path.clone()).or_insert_with(|| node.referenced.line());
                (key, written(node, text, &path, lines))
            };
            Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
        }
    }
}

/// The scalar's text in the file, if YAML made a number or a truth value of it.
fn as_written(value: Value, text: &str, place: &Location) -> Value {
    if !value.is_number() && !value.is_boolean() {
        return value;
    }
    // the span may include a tag, or not be known
    match raw(text, place).filter(|raw| typed(&Value::from(*raw)) == value) {
        Some(raw) => Value::from(raw),
        None => value,
    }
}

/// The text at a place.
fn raw<'t>(text: &'t str, place: &Location) -> Option<&'t str> {
    let span = place.span();
    let (start, length) = (usize::try_from(span.byte_offset()?).ok()?, usize::try_from(span.byte_len()?).ok()?);
    text.get(start..start.checked_add(length)?).map(str::trim)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(if value.is_finite() { Node::Scalar(value.into()) } else { Node::NotFinite })
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_kept_as_they_are_written() {
        let text = "slurm:\n  variables: {CUDA: 12.10, FLAG: no, ID: 007, E: 1e3, H: 0x1F, Y: Yes, U: 1_000}\n  \
            account: 1_000 # the group\n  nothing: ~\n  empty:\n  quoted: 'no'\n  tagged: !!str 1.10\n  \
            list: [1.10, 010, \u{e9}, +1]\n  anchored: &a 1.10\n  alias: *a\n  inf: [.inf, 12e4567]\nafter: 1.10\n";
        let read = parse(text).expect("valid");
        let slurm = &read.value["slurm"];
        assert_eq!(
            slurm["variables"],
            json!({"CUDA": "12.10", "FLAG": "no", "ID": "007", "E": "1e3", "H": "0x1F", "Y": "Yes", "U": "1_000"})
        );
        assert_eq!(slurm["account"], "1_000");
        assert_eq!((&slurm["nothing"], &slurm["empty"]), (&Value::Null, &Value::Null));
        assert_eq!((&slurm["quoted"], &slurm["tagged"]), (&json!("no"), &json!("1.10")));
        assert_eq!(slurm["list"], json!(["1.10", "010", "\u{e9}", "+1"]));
        assert_eq!((&slurm["anchored"], &slurm["alias"]), (&json!("1.10"), &json!("1.10")));
        assert_eq!(slurm["inf"], json!([".inf", "12e4567"]));
        assert_eq!(read.value["after"], "1.10", "also after text that is not ASCII");
        assert_eq!((read.line("slurm.account"), read.line("after")), (Some(3), Some(12)));
        for (typed_value, text) in
            [(json!(1000), "1_000"), (json!(true), "yes"), (json!(1.1), "1.10"), (json!("a"), "a")]
        {
            assert_eq!(typed(&Value::from(text)), typed_value);
        }
        assert_eq!(parse("# nothing\n").expect("valid").value, Value::Null);
        assert!(parse("a: [1\n").is_err());
    }
}
