//! The rows of a process.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::base::error::{Error, Finding, Result};

/// `I/N`: the I-th (from 1) of N nearly equal row ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `of`.
    pub index: u64,
    /// Number of shards.
    pub of: u64,
}

/// `A..B`: rows from A to B - 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRange(pub Range<u64>);

/// The share of a run that a process takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Share {
    /// All rows.
    #[default]
    Whole,
    /// A shard.
    Shard(Shard),
    /// A row range.
    Rows(RowRange),
}

impl Shard {
    /// Its range of `rows` rows. N shards cover each row once, and their sizes differ by at most one.
    pub fn rows(self, rows: u64) -> Range<u64> {
        cut(self.index - 1, self.of, rows)..cut(self.index, self.of, rows)
    }
}

/// First row of part `index` of `of`.
fn cut(index: u64, of: u64, rows: u64) -> u64 {
    let at = u128::from(rows) * u128::from(index) / u128::from(of.max(1));
    // at most `rows`, because `index` is at most `of`
    u64::try_from(at).unwrap_or(rows)
}

impl Share {
    /// Its range of `rows` rows.
    ///
    /// # Errors
    /// `Usage` for rows that don't exist, or a shard without rows.
    pub fn rows(&self, rows: u64) -> Result<Range<u64>> {
        let range = match self {
            Share::Whole => return Ok(0..rows),
            Share::Shard(shard) => shard.rows(rows),
            Share::Rows(range) => range.0.clone(),
        };
        if range.start >= range.end || range.end > rows {
            return Err(Error::usage(
                Finding::new("the share is empty, or has rows that do not exist")
                    .expected(format!("rows between 0 and {rows}, at most {rows} shards"))
                    .found(self.to_string()),
            ));
        }
        Ok(range)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Share::Whole => f.write_str("all rows"),
            Share::Shard(Shard { index, of }) => write!(f, "--shard {index}/{of}"),
            Share::Rows(RowRange(rows)) => write!(f, "--rows {}..{}", rows.start, rows.end),
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        match parts {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Shard { index, of }),
            _ => Err("expected I/N with I from 1 to N, such as 3/8".to_owned()),
        }
    }
}

impl FromStr for RowRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once("..").and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
        match parts {
            Some((start, end)) if start < end => Ok(RowRange(start..end)),
            _ => Err("expected A..B with A below B, such as 0..1000000: rows from A to B - 1".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_each_row_once() {
        for (rows, of) in [(10, 3), (7, 7), (1031, 8), (u64::MAX, 1000)] {
            let mut at = 0;
            for index in 1..=of {
                let range = Shard { index, of }.rows(rows);
                assert_eq!(range.start, at);
                assert!((range.end - range.start).abs_diff(rows / of) <= 1);
                at = range.end;
            }
            assert_eq!(at, rows);
        }
    }

    #[test]
    fn invalid_shares_are_refused() {
        assert_eq!("3/8".parse(), Ok(Shard { index: 3, of: 8 }));
        assert_eq!("5..9".parse(), Ok(RowRange(5..9)));
        for text in ["0/8", "9/8", "1", "1/0", "a/b", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        for text in ["5..5", "9..5", "..3", "3..", "1-2"] {
            assert!(text.parse::<RowRange>().is_err(), "{text}");
        }
        assert!(Share::Rows(RowRange(0..11)).rows(10).is_err());
        assert!(Share::Shard(Shard { index: 2, of: 11 }).rows(10).is_ok());
        assert!(Share::Shard(Shard { index: 1, of: 11 }).rows(10).is_err(), "a shard without a row");
    }
}
