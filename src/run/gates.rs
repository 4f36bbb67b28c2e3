//! Gates on what was found, once all of it is written.

use std::path::Path;

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::metrics::gates::{Gate, Verdict};
use crate::plan::record::RunRecord;
use crate::report::summary;

/// What is printed of a run that is held to gates: for people `before` and the summary with a line for every gate, for programs
/// one JSON value.
///
/// # Errors
/// `Gate` where one fails; what is printed is then in the error.
pub fn hold(gates: &[Gate], record: &RunRecord, out: &Path, before: &str, json: bool) -> Result<String> {
    let levels: Vec<u32> = record.levels.iter().map(|level| level.level).collect();
    let judged = gates.iter().map(|gate| gate.judge(&levels, |level| figure(record, level, gate.metric)));
    let verdicts: Vec<Verdict> = judged.collect();
    if !json {
        return told(&verdicts, &format!("{before}{}", summary::of_run(record, out)));
    }
    let mut value = summary::as_json(record, out);
    value["gates"] = serde_json::json!(verdicts);
    ended(&verdicts, format!("{value:#}"))
}

/// `report` with a line for every verdict.
///
/// # Errors
/// `Gate` where one fails; the report is then in the error.
pub fn told(verdicts: &[Verdict], report: &str) -> Result<String> {
    let lines: Vec<String> = std::iter::once(report.to_owned()).chain(verdicts.iter().map(Verdict::line)).collect();
    ended(verdicts, lines.join("\n"))
}

/// `report` as it is.
///
/// # Errors
/// As [`told`].
pub fn ended(verdicts: &[Verdict], report: String) -> Result<String> {
    let failures: Vec<_> = verdicts.iter().filter_map(Verdict::failure).collect();
    if failures.is_empty() { Ok(report) } else { Err(Error::gate(failures, &report)) }
}

/// A figure of a level, or why there is none.
fn figure(record: &RunRecord, number: u32, name: &str) -> Result<f64, String> {
    let level = record.levels.iter().find(|level| level.level == number);
    let level = level.ok_or_else(|| format!("level {number} was not evaluated"))?;
    match level.figures.get(name) {
        None => Err("not among the figures of the run".to_owned()),
        Some(figure) => figure.as_f64().ok_or_else(|| why_undefined(level.undefined.get(name), figure)),
    }
}

fn why_undefined(reason: Option<&String>, figure: &Value) -> String {
    reason.cloned().unwrap_or_else(|| format!("recorded as {figure}"))
}
