//! The `fit-rows` setting.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::base::numeric::as_real;

/// How many rows level 1 is fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FitRows {
    /// This many.
    Rows(u64),
    /// This share of all rows, between 0 and 1.
    Share(f64),
}

impl FitRows {
    /// The number of rows, of `rows` at most. A share is rounded up.
    #[must_use]
    pub fn of(self, rows: u64) -> u64 {
        match self {
            FitRows::Rows(count) => count.min(rows),
            FitRows::Share(share) => {
                let wanted = share * as_real(rows);
                // the smallest count that is not below the share; rows below 2^53 are exact
                let (mut least, mut most) = (0, rows);
                while least < most {
                    let middle = least + (most - least) / 2;
                    if as_real(middle) < wanted { least = middle + 1 } else { most = middle }
                }
                least
            }
        }
    }
}

impl FromStr for FitRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.trim().replace('_', "");
        if let Ok(count @ 1..) = plain.parse::<u64>() {
            return Ok(FitRows::Rows(count));
        }
        match plain.parse::<f64>() {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(FitRows::Share(share)),
            _ => Err(format!(
                "expected a number of rows such as 100000, or a share between 0 and 1 such as 0.1; found `{text}`"
            )),
        }
    }
}

impl fmt::Display for FitRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FitRows::Rows(count) => write!(f, "{count}"),
            FitRows::Share(share) => write!(f, "{share}"),
        }
    }
}

impl Serialize for FitRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FitRows::Rows(count) => serializer.serialize_u64(*count),
            FitRows::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl<'de> Deserialize<'de> for FitRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_shares_are_told_apart() {
        assert_eq!("100_000".parse(), Ok(FitRows::Rows(100_000)));
        assert_eq!("0.25".parse(), Ok(FitRows::Share(0.25)));
        for wrong in ["0", "1.0", "1.5", "-3", "0.0", "nan", "half"] {
            assert!(wrong.parse::<FitRows>().is_err(), "{wrong}");
        }
        assert_eq!([FitRows::Rows(9).of(5), FitRows::Rows(3).of(5), FitRows::Share(0.5).of(5)], [5, 3, 3]);
        assert_eq!([FitRows::Share(0.1).of(1797), FitRows::Share(1e-9).of(5), FitRows::Share(0.5).of(4)], [180, 1, 2]);
    }
}
