//! Error reporting.
//!
//! A [`Finding`] is one problem with an input, a setting or the machine: what is wrong, where, what was expected, what was
//! found, and what to do next. [`Findings`] collects them, so that a user sees all of them at once. An [`Error`] is
//! findings plus the kind of failure, which decides the exit code.

use std::fmt;
use std::path::{Path, PathBuf};

/// A result whose error is this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of failure. It decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The run failed, for example because of a disk, a driver or a lock. Exit code 1.
    Failed,
    /// The command line or the config file is wrong. Exit code 2.
    Usage,
    /// An input file is invalid. Exit code 3.
    Input,
    /// No usable device. Exit code 4.
    Device,
    /// The run succeeded, but a `--fail-if` condition holds. Exit code 5.
    Gate,
    /// Stopped by SIGTERM or SIGUSR1 after writing a checkpoint, or because another process was lost. Exit code 75 (`EX_TEMPFAIL`: try again).
    Paused,
    /// Stopped by Ctrl-C. Exit code 130.
    Interrupted,
}

impl Kind {
    /// The exit code of the process, as documented.
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

/// One problem, described so that a user can act on it. One pointer wide, so that a `Result` with it stays small.
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
    /// A finding whose first line is `what`: one lower-case clause without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Finding(Box::new(Parts { what: what.into(), ..Parts::default() }))
    }

    /// Names the file in question.
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

    /// Says what was expected.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// Says what was found.
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.0.found = Some(found.into());
        self
    }

    /// Says what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The file that the finding names, if any.
    pub fn named_file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The first line alone.
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

/// Number of findings kept in full. A broken hierarchy can have millions.
const KEPT: usize = 20;

/// A collection of findings, reported together.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: u64,
    /// Number of findings about the command line or the config file.
    usage: u64,
}

impl Findings {
    /// No findings yet.
    pub fn new() -> Self {
        Findings::default()
    }

    /// Adds a finding. Beyond a limit it is counted but not kept.
    pub fn push(&mut self, finding: Finding) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(finding);
        }
    }

    /// Adds a finding about the command line or the config file. If all findings are of that kind, so is the error.
    pub fn push_usage(&mut self, finding: Finding) {
        self.usage += 1;
        self.push(finding);
    }

    /// The value of a result; a finding in its place is added.
    pub fn take<T>(&mut self, result: Result<T, Finding>) -> Option<T> {
        result.map_err(|finding| self.push(finding)).ok()
    }

    /// Adds the findings of another collection.
    pub fn extend(&mut self, other: Findings) {
        let kept = other.kept.len() as u64;
        other.kept.into_iter().for_each(|f| self.push(f));
        self.count += other.count - kept;
        self.usage += other.usage;
    }

    /// Number of findings added, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are no findings.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The findings kept in full.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// `Ok` without findings. Otherwise an error of kind `Usage` if all findings are about the command line or the config
    /// file, and of kind `Input` if not.
    pub fn into_result(self) -> Result<()> {
        let kind = if self.usage == self.count { Kind::Usage } else { Kind::Input };
        if self.is_empty() { Ok(()) } else { Err(Error { kind, findings: self, report: None }) }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    findings: Findings,
    /// Boxed, so that a `Result` with an error stays small.
    report: Option<Box<str>>,
}

impl Error {
    /// An error of `kind` with one finding.
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

    /// An input is invalid (exit code 3).
    pub fn input(finding: Finding) -> Self {
        Error::new(Kind::Input, finding)
    }

    /// No usable device (exit code 4).
    pub fn device(finding: Finding) -> Self {
        Error::new(Kind::Device, finding)
    }

    /// `--fail-if` conditions hold (exit code 5). The command is otherwise done; `report` is printed as usual.
    pub fn gate(failures: impl IntoIterator<Item = Finding>, report: &str) -> Self {
        let mut findings = Findings::new();
        failures.into_iter().for_each(|failure| findings.push(failure));
        Error { kind: Kind::Gate, findings, report: Some(report.into()) }
    }

    /// The same error with a report, which is printed on standard output nevertheless.
    #[must_use]
    pub fn with_report(self, report: &str) -> Self {
        Error { report: Some(report.into()), ..self }
    }

    /// Stopped by Ctrl-C or a termination signal (exit code 130).
    pub fn interrupted() -> Self {
        Error::new(Kind::Interrupted, Finding::new("interrupted before the results were complete"))
    }

    /// A failed run because of an operating-system error on a path.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Error::failed(Finding::io(what, path, error))
    }

    /// The first finding, for an error that is told again.
    pub fn first_finding(&self) -> Finding {
        self.findings.kept().first().cloned().unwrap_or_default()
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The report to print on standard output despite the error.
    pub fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// The findings.
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
            write!(f, "\n... and {more} more")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
