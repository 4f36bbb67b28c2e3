//! One way to say what is wrong: what, where, expected, found, what to do next.
//!
//! A [`Finding`] is one thing that is wrong with an input, a setting or the machine. [`Findings`] collects them, so
//! that a user sees all of them at once and not only the first. An [`Error`] is findings plus the kind of failure,
//! which decides the exit code.

use std::fmt;
use std::path::PathBuf;

/// A result whose error is this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command ended without doing its work; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The run itself failed: a disk, a driver, a lock. Exit code 1.
    Failed,
    /// The command line or the config file is wrong. Exit code 2.
    Usage,
    /// An input file is refused. Exit code 3.
    Input,
    /// No usable device. Exit code 4.
    Device,
    /// The run is done, and a gate of `--fail-if` fails. Exit code 5.
    Gate,
    /// Stopped by SIGTERM or SIGUSR1 after a checkpoint was written. Exit code 75 (`EX_TEMPFAIL`: try again).
    Paused,
    /// Stopped by Ctrl-C. Exit code 130.
    Interrupted,
}

impl Kind {
    /// The documented exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Input => 3,
            Kind::Device => 4,
            Kind::Gate => 5,
            Kind::Paused => 75,
            Kind::Interrupted => 130,
        }
    }
}

/// One thing that is wrong, told so that a user can act on it. One pointer wide, so that a result with it stays small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding(Box<Parts>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Parts {
    what: String,
    file: Option<PathBuf>,
    level: Option<u32>,
    cluster: Option<u64>,
    index: Option<u64>,
    expected: Option<String>,
    found: Option<String>,
    hint: Option<String>,
}

impl Finding {
    /// `what` is one lower-case clause without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Finding(Box::new(Parts { what: what.into(), ..Parts::default() }))
    }

    /// Names the file it is about.
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.0.file = Some(file.into());
        self
    }

    /// Names the level (1-based).
    pub fn level(mut self, level: u32) -> Self {
        self.0.level = Some(level);
        self
    }

    /// Names the cluster (0-based row of the level's centroids).
    pub fn cluster(mut self, cluster: u64) -> Self {
        self.0.cluster = Some(cluster);
        self
    }

    /// Names the row, member or entry (0-based).
    pub fn index(mut self, index: u64) -> Self {
        self.0.index = Some(index);
        self
    }

    /// What should have been there.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// What was there.
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.0.found = Some(found.into());
        self
    }

    /// What to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The first clause alone.
    pub fn what(&self) -> &str {
        &self.0.what
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        let mut place = Vec::new();
        if let Some(level) = self.0.level {
            place.push(format!("level {level}"));
        }
        if let Some(cluster) = self.0.cluster {
            place.push(format!("cluster {cluster}"));
        }
        if let Some(index) = self.0.index {
            place.push(format!("index {index}"));
        }
        if let Some(file) = &self.0.file {
            place.push(file.display().to_string());
        }
        if !place.is_empty() {
            write!(f, "\n  where:    {}", place.join(", "))?;
        }
        if let Some(expected) = &self.0.expected {
            write!(f, "\n  expected: {expected}")?;
        }
        if let Some(found) = &self.0.found {
            write!(f, "\n  found:    {found}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  try:      {hint}")?;
        }
        Ok(())
    }
}

/// How many findings are kept in full; a broken hierarchy can have millions.
const KEPT: usize = 20;

/// Collects findings, so that all of them are reported together.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: u64,
    /// How many of them are about the command line or the config file.
    usage: u64,
}

impl Findings {
    /// No findings yet.
    pub fn new() -> Self {
        Findings::default()
    }

    /// Adds one; past a limit only the count grows.
    pub fn push(&mut self, finding: Finding) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(finding);
        }
    }

    /// Adds one about the command line or the config file. Where all findings are, that is what is wrong.
    pub fn push_usage(&mut self, finding: Finding) {
        self.usage += 1;
        self.push(finding);
    }

    /// Unwraps a result, keeping its finding.
    pub fn take<T>(&mut self, result: Result<T, Finding>) -> Option<T> {
        result.map_err(|finding| self.push(finding)).ok()
    }

    /// Adds what another collector holds.
    pub fn extend(&mut self, other: Findings) {
        let kept = other.kept.len() as u64;
        other.kept.into_iter().for_each(|f| self.push(f));
        self.count += other.count - kept;
        self.usage += other.usage;
    }

    /// How many were pushed, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The findings kept in full.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// `Ok` when nothing was found, otherwise the refusal of the input, or of the command line where it is only that.
    pub fn into_result(self) -> Result<()> {
        let kind = if self.usage == self.count { Kind::Usage } else { Kind::Input };
        if self.is_empty() { Ok(()) } else { Err(Error { kind, findings: self, report: None }) }
    }
}

/// Why a command ended without doing its work.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    findings: Findings,
    /// Boxed, so that a result with an error stays small.
    report: Option<Box<str>>,
}

impl Error {
    /// An error of `kind` about one finding.
    pub fn new(kind: Kind, finding: Finding) -> Self {
        let mut findings = Findings::new();
        findings.push(finding);
        Error { kind, findings, report: None }
    }

    /// The run failed (exit code 1).
    pub fn failed(finding: Finding) -> Self {
        Error::new(Kind::Failed, finding)
    }

    /// The command line or config is wrong (exit code 2).
    pub fn usage(finding: Finding) -> Self {
        Error::new(Kind::Usage, finding)
    }

    /// An input is refused (exit code 3).
    pub fn input(finding: Finding) -> Self {
        Error::new(Kind::Input, finding)
    }

    /// No usable device (exit code 4).
    pub fn device(finding: Finding) -> Self {
        Error::new(Kind::Device, finding)
    }

    /// Gates fail (exit code 5). All else is done: `report` is what would have been printed.
    pub fn gate(failures: impl IntoIterator<Item = Finding>, report: &str) -> Self {
        let mut findings = Findings::new();
        failures.into_iter().for_each(|failure| findings.push(failure));
        Error { kind: Kind::Gate, findings, report: Some(report.into()) }
    }

    /// The same error, with what is to be printed on standard output all the same.
    #[must_use]
    pub fn with_report(self, report: &str) -> Self {
        Error { report: Some(report.into()), ..self }
    }

    /// Stopped by Ctrl-C or a termination signal (exit code 130).
    pub fn interrupted() -> Self {
        Error::new(Kind::Interrupted, Finding::new("interrupted; nothing was written"))
    }

    /// An operating-system error on a path, as a failed run.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Error::failed(Finding::io(what, path, error))
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to print on standard output all the same.
    pub fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// What was found.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }
}

impl Finding {
    /// An operating-system error on a path.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, StorageFull};
        let hint = match error.kind() {
            NotFound | NotADirectory => "check the path",
            PermissionDenied => "check who owns it and its permissions (ls -l), or name another place",
            StorageFull => "free some space, or name a place on another disk",
            _ => "check the disk and the mount, then run again",
        };
        Finding::new(what).file(path).found(error.to_string()).hint(hint)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.findings.kept();
        for (i, finding) in kept.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "error: {finding}")?;
        }
        let more = self.findings.count() - kept.len() as u64;
        if more > 0 {
            write!(f, "\n... and {more} more findings like these")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
