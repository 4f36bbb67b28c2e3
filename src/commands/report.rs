//! `clustrata report`: the report of a finished run once more.

use crate::cli::ReportArgs;
use crate::error::{Error, Result};
use crate::output::files::{OutputFolder, RECORD};
use crate::record::RunRecord;
use crate::report::{self, Pictures};

pub(super) fn run(args: &ReportArgs) -> Result<String> {
    let mut folder = OutputFolder::reopen(&args.folder)?;
    let out = folder.path().to_owned();
    let record = RunRecord::read(&out.join(RECORD)).map_err(Error::input)?;
    let pictures = if args.report_folder { Pictures::Beside } else { Pictures::Embedded };
    report::write(&record, &folder, &|montage| Ok(out.join(montage)), pictures, &super::go_on)?;
    folder.drop_pictures()?;
    folder.commit()?;
    Ok(format!("written: {}", out.join("report.html").display()))
}
