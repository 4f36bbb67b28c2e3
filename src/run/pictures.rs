//! The montages and contact sheets of a run.

use crate::base::error::Result;
use crate::base::signals;
use crate::base::text::counted;
use crate::formats::distances::DistanceFile;
use crate::formats::folder::OutputFolder;
use crate::plan::Plan;
use crate::plan::record::RunRecord;
use crate::plan::settings::MontageCaptions;
use crate::report::gallery::{self, Picture, PictureFile};
use crate::report::montage::{self, WriteSummary};

/// Draws the pictures into the staging folder and adds them to the record.
pub(super) fn make(plan: &Plan, record: &mut RunRecord, files: &[DistanceFile], folder: &OutputFolder) -> Result<()> {
    let pictures = gallery::compose(plan, &record.levels, files)?;
    let mut jobs = Vec::new();
    for picture in &pictures {
        jobs.push((folder.staging(picture.file.path())?, picture.montage.clone()));
    }
    let made = montage::write_all(&jobs, &gallery::options(&plan.settings), |_| signals::go_on())?;
    warn(plan, record, &pictures, &made);
    for picture in pictures {
        let shown = || picture.montage.tiles.iter().map(|tile| &tile.image);
        let missing = shown().filter(|&image| made.missing.contains(image)).count();
        let broken = shown().filter(|&image| made.broken.contains_key(image)).count();
        if let Some(level) = record.levels.iter_mut().find(|level| level.level == picture.level) {
            picture.file.enter(level, missing, broken);
        }
    }
    Ok(())
}

fn warn(plan: &Plan, record: &mut RunRecord, pictures: &[Picture], made: &WriteSummary) {
    let unreadable = made.missing.len() + made.broken.len();
    if unreadable > 0 {
        let example = made.missing.iter().chain(made.broken.keys()).next();
        let example = example.map_or(String::new(), |path| format!(", such as {}", path.display()));
        record.warnings.push(format!(
            "{} missing and {} unreadable{example}: their tiles are marked; check --image-root",
            counted(made.missing.len(), "image"),
            made.broken.len()
        ));
    }
    let captioned = pictures.iter().filter(|picture| matches!(picture.file, PictureFile::Cluster(_)));
    let mut captioned =
        captioned.flat_map(|picture| &picture.montage.tiles).map(|tile| tile.caption.is_some()).peekable();
    let wanted = plan.settings.montage_captions == MontageCaptions::Caption && captioned.peek().is_some();
    if wanted && !captioned.any(|there| there) {
        record.warnings.push("the list of images has no captions: montages show none".to_owned());
    }
}
