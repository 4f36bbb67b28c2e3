//! Writes the files of a report.

use std::path::{Path, PathBuf};

use super::pictures::{self, Pictures};
use super::{assemble, convergence, data, distributions};
use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::plan::record::RunRecord;

/// Name of the page.
const NAME: &str = "report.html";

/// Writes `report.html` and `plots/*.svg` to the staging area of `folder`. `montage` gives the location of a montage of the
/// record. `check_stop` is called between pictures; its error ends the work.
///
/// # Errors
/// `Failed` if a file can't be written, or the error of `check_stop`. An image that can't be read leaves its place empty.
pub fn write(
    record: &RunRecord,
    folder: &OutputFolder,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    pictures: Pictures,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<()> {
    distributions::write_files(record, folder)?;
    convergence::write_file(record, folder)?;
    let data = data::of(record);
    let shown = match pictures {
        Pictures::Embedded => pictures::embedded(record, data.len() as u64, folder.path(), montage, check_stop)?,
        Pictures::Beside => pictures::beside(record, folder, check_stop)?,
    };
    let page = assemble::assemble(record, &data, &shown, pictures);
    let path = folder.staging(NAME)?;
    std::fs::write(&path, page).map_err(|e| Error::io("can't write the report", &path, &e))
}
