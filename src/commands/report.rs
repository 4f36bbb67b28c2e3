//! `clustrata report`: the report of a finished run once more.

use std::fs;

use crate::cli::ReportArgs;
use crate::error::{Error, Finding, Result};
use crate::output::files::{OutputFolder, RECORD};
use crate::record::{FORMAT, RunRecord};
use crate::report::{self, Pictures};

pub(super) fn run(args: &ReportArgs) -> Result<String> {
    let mut folder = OutputFolder::reopen(&args.folder)?;
    let out = folder.path().to_owned();
    let record = read(&out.join(RECORD))?;
    let pictures = if args.report_folder { Pictures::Beside } else { Pictures::Embedded };
    report::write(&record, &folder, &|montage| Ok(out.join(montage)), pictures, &super::go_on)?;
    folder.drop_pictures()?;
    folder.commit()?;
    Ok(format!("written: {}", out.join("report.html").display()))
}

/// Reads a record of this version.
pub(super) fn read(path: &std::path::Path) -> Result<RunRecord> {
    let text = fs::read(path).map_err(|e| Error::input(Finding::io("can't read the record", path, &e)))?;
    let damaged = |e: serde_json::Error| {
        Error::input(Finding::new("the record can't be read").file(path).found(e.to_string()).hint("run again"))
    };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if format != Some(FORMAT.into()) {
        let found = format.map_or_else(|| "no format".to_owned(), |format| format!("format {format}"));
        let finding = Finding::new("the record is of another version of the program").file(path);
        return Err(Error::input(finding.expected(format!("format {FORMAT}")).found(found).hint("run again")));
    }
    serde_json::from_value(value).map_err(damaged)
}
