//! Gates on the results of a run. They are checked once everything is written.

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::numeric::as_real;
use crate::metrics::gates::{Gate, Verdict};
use crate::plan::record::RunRecord;
use crate::report::findings;
use crate::report::summary::{self, Ending};

/// The output of a run with gates. As text: the summary, and a line for every gate. With `json`: one JSON value.
///
/// # Errors
/// `Gate` if a gate fails; the error then carries the output.
pub fn hold(gates: &[Gate], record: &RunRecord, ending: &Ending<'_>, json: bool) -> Result<String> {
    let levels: Vec<u32> = record.levels.iter().map(|level| level.level).collect();
    let findings = findings::known(record);
    let count = |severity| as_real(findings.iter().filter(|finding| finding.severity == severity).count() as u64);
    let judged = gates.iter().map(|gate| gate.judge(&levels, |level, name| metric(record, level, name), count));
    let verdicts: Vec<Verdict> = judged.collect();
    if !json {
        return with_lines(&verdicts, &summary::of_run(record, ending));
    }
    let mut value = summary::as_json(record, ending.out);
    value["gates"] = serde_json::json!(verdicts);
    passed(&verdicts, format!("{value:#}"))
}

/// Appends a line for every verdict to `report`.
///
/// # Errors
/// `Gate` if a gate fails; the error then carries the report.
pub fn with_lines(verdicts: &[Verdict], report: &str) -> Result<String> {
    let lines: Vec<String> = std::iter::once(report.to_owned()).chain(verdicts.iter().map(Verdict::line)).collect();
    passed(verdicts, lines.join("\n"))
}

/// Returns `report` unchanged.
///
/// # Errors
/// As [`with_lines`].
pub fn passed(verdicts: &[Verdict], report: String) -> Result<String> {
    let failures: Vec<_> = verdicts.iter().filter_map(Verdict::failure).collect();
    if failures.is_empty() { Ok(report) } else { Err(Error::gate(failures, &report)) }
}

/// A metric of a level, or why it is undefined.
fn metric(record: &RunRecord, number: u32, name: &str) -> Result<f64, String> {
    let level = record.levels.iter().find(|level| level.level == number);
    let level = level.ok_or_else(|| format!("level {number} was not evaluated"))?;
    match level.figures.get(name) {
        None => Err("not among the metrics of the run".to_owned()),
        Some(value) => value.as_f64().ok_or_else(|| why_undefined(level.undefined.get(name), value)),
    }
}

fn why_undefined(reason: Option<&String>, value: &Value) -> String {
    reason.cloned().unwrap_or_else(|| format!("recorded as {value}"))
}
