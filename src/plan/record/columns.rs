//! Per-cluster metrics as columns; a map of arrays in JSON.

use serde::{Deserialize, Serialize};

use crate::metrics::Column;

/// Named columns of equal length, in order; a map of arrays in JSON. They are held as plain numbers, because k can be in the
/// millions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns(pub Vec<(String, Column)>);

impl Columns {
    /// The column called `name`.
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, column)| column)
    }
}

impl Serialize for Columns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, column)| (name, column)))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Columns;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of columns")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some(column) = map.next_entry()? {
                    columns.push(column);
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Column {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Column::Count(counts) => serializer.collect_seq(counts),
            Column::Real(reals) => serializer.collect_seq(reals.iter().map(|r| r.is_finite().then_some(*r))),
            Column::Index(clusters) => serializer.collect_seq(clusters),
            Column::Text(names) => serializer.collect_seq(names),
        }
    }
}

/// A column as read from JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cells {
    Numbers(Vec<Option<serde_json::Number>>),
    Names(Vec<Option<String>>),
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = match Cells::deserialize(deserializer)? {
            Cells::Numbers(cells) => cells,
            Cells::Names(names) => return Ok(Column::Text(names)),
        };
        let count = |cell: &Option<serde_json::Number>| cell.as_ref().and_then(serde_json::Number::as_u64);
        let real = |cell: &Option<serde_json::Number>| cell.as_ref().and_then(|n| n.as_f64()).unwrap_or(f64::NAN);
        let counts: Option<Vec<u64>> = cells.iter().map(count).collect();
        if let Some(counts) = counts {
            return Ok(Column::Count(counts));
        }
        // reals are written with a point or an exponent, indices without
        let whole = cells.iter().any(Option::is_some) && cells.iter().all(|c| c.is_none() || count(c).is_some());
        Ok(if whole {
            Column::Index(cells.iter().map(count).collect())
        } else {
            Column::Real(cells.iter().map(real).collect())
        })
    }
}
