//! `report.html`: a run as one page to look around in, with no need of a network or of other files.
//!
//! It is made of the record, and of the pictures that the record names, so it can be made again at any time. What the page
//! shows goes into it as JSON; `page/` holds the page itself, its style and its scripts as they are. Text of others (file
//! names, captions) is data everywhere: the scripts set it as text, and the page's policy lets nothing else run or load.
//!
//! | module | what it knows |
//! |---|---|
//! | `data` | what of the record the page gets |
//! | `distributions` | the histograms, in the page and as files |
//! | `convergence` | how the clustering was made, where that is known |
//! | `pictures` | which pictures fit, and how they are kept |
//! | `page` | putting the page together |

mod assemble;
mod convergence;
mod data;
mod distributions;
mod pictures;

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::plan::record::RunRecord;

/// Where the report's pictures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// In the page, as many as keep it small.
    Embedded,
    /// Beside it: montages where they are, thumbnails in `report/`.
    Beside,
}

/// Name of the page.
const NAME: &str = "report.html";

/// Writes `report.html` and `plots/*.svg` below the folder's staging. `montage` tells where a montage of the record lies;
/// `go_on` is asked between pictures, and an error of its own ends the work.
///
/// # Errors
/// `Failed` where something can't be written; a picture that can't be read only leaves its place empty.
pub fn write(
    record: &RunRecord,
    folder: &OutputFolder,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    pictures: Pictures,
    go_on: &(dyn Fn() -> Result<()> + Sync),
) -> Result<()> {
    distributions::write_files(record, folder)?;
    convergence::write_file(record, folder)?;
    let data = data::of(record);
    let shown = match pictures {
        Pictures::Embedded => pictures::embedded(record, data.len() as u64, montage, go_on)?,
        Pictures::Beside => pictures::beside(record, folder, go_on)?,
    };
    let page = assemble::assemble(record, &data, &shown, pictures)?;
    let path = folder.staging(NAME)?;
    std::fs::write(&path, page).map_err(|e| Error::io("can't write the report", &path, &e))
}
