//! How much a finding about a clustering matters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::lookup::unknown;
use crate::base::error::Finding;

/// How much a finding about a clustering matters; the worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The clustering is probably not fit for use.
    Severe,
    /// Something to look at before it is used.
    Warning,
    /// Worth knowing.
    Note,
    /// Good news.
    Good,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Severity; 4] = [Severity::Severe, Severity::Warning, Severity::Note, Severity::Good];

    /// Its name, as in `record.json`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Severe => "severe",
            Severity::Warning => "warning",
            Severity::Note => "note",
            Severity::Good => "good",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = Finding;

    fn from_str(text: &str) -> Result<Self, Finding> {
        let known = || Severity::ALL.into_iter().map(Severity::name);
        let found = Severity::ALL.into_iter().find(|severity| severity.name() == text.trim());
        found.ok_or_else(|| unknown("severity", text.trim(), known()))
    }
}
