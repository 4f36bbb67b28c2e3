//! `clustrata report`: rewrites the report of a finished run.

use crate::base::error::{Error, Result};
use crate::base::signals;
use crate::cli::args::ReportArgs;
use crate::formats::folder::{OutputFolder, RECORD};
use crate::plan::record::RunRecord;
use crate::report::page::{self, Pictures};

pub(super) fn run(args: &ReportArgs) -> Result<String> {
    let mut folder = OutputFolder::reopen(&args.folder)?;
    let out = folder.path().to_owned();
    let record = RunRecord::read(&out.join(RECORD)).map_err(Error::input)?;
    let pictures = if args.report_folder { Pictures::Beside } else { Pictures::Embedded };
    page::write(&record, &folder, &|montage| Ok(out.join(montage)), pictures, &signals::go_on)?;
    folder.drop_pictures()?;
    folder.commit()?;
    Ok(format!("written: {}", out.join("report.html").display()))
}
