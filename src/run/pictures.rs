//! The montages and contact sheets of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::signals;
use crate::base::text::counted;
use crate::engine::progress::Progress;
use crate::formats::distances::DistanceFile;
use crate::formats::folder::OutputFolder;
use crate::plan::Plan;
use crate::plan::record::RunRecord;
use crate::plan::settings::MontageCaptions;
use crate::report::gallery::{self, Picture, PictureFile};
use crate::report::montage::{self, WriteSummary};

/// Most reasons that are listed.
const MOST_REASONS: usize = 5;
/// Most characters that are listed.
const MOST_CHARACTERS: usize = 12;

/// Draws the pictures into the staging folder and adds them to the record.
pub(super) fn make(
    plan: &Plan,
    record: &mut RunRecord,
    files: &[DistanceFile],
    folder: &OutputFolder,
    progress: &dyn Progress,
) -> Result<()> {
    let pictures = gallery::compose(plan, &record.levels, files)?;
    let mut jobs = Vec::new();
    for picture in &pictures {
        jobs.push((folder.staging(picture.file.path())?, picture.montage.clone()));
    }
    let drawn = progress.start_stage("montages", jobs.len() as u64, 0);
    let on_done = |_: &Path| {
        drawn.advance(1);
        signals::go_on()
    };
    let made = montage::write_all(&jobs, &gallery::options(&plan.settings), on_done)?;
    drop(drawn);
    warn(plan, record, &pictures, &made);
    for picture in pictures {
        let shown = || picture.montage.tiles().map(|tile| &tile.image);
        let missing = shown().filter(|&image| made.missing.contains(image)).count();
        let broken = shown().filter(|&image| made.broken.contains_key(image)).count();
        if let Some(level) = record.levels.iter_mut().find(|level| level.level == picture.level) {
            picture.file.enter(level, missing, broken);
        }
    }
    Ok(())
}

fn warn(plan: &Plan, record: &mut RunRecord, pictures: &[Picture], made: &WriteSummary) {
    if let Some(example) = made.missing.iter().next() {
        let count = counted(made.missing.len(), "image");
        let (are, example) = (if made.missing.len() == 1 { "is" } else { "are" }, example.display());
        record
            .warnings
            .push(format!("{count} {are} missing, such as {example}: marked in montages; check --image-root"));
    }
    record.warnings.extend(unreadable(&made.broken));
    let captions =
        pictures.iter().flat_map(|picture| picture.montage.tiles()).filter_map(|tile| tile.caption.as_deref());
    record.warnings.extend(boxes(&montage::lacking(captions)));
    let captioned = pictures.iter().filter(|picture| matches!(picture.file, PictureFile::Cluster(_)));
    let mut captioned =
        captioned.flat_map(|picture| picture.montage.tiles()).map(|tile| tile.caption.is_some()).peekable();
    let wanted = plan.settings.montage_captions == MontageCaptions::Caption && captioned.peek().is_some();
    if wanted && !captioned.any(|there| there) {
        record.warnings.push("the list of images has no captions: montages show none".to_owned());
    }
}

/// A warning for each reason why images can't be shown, the most frequent first.
fn unreadable(broken: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for (path, reason) in broken {
        reasons.entry(reason).or_default().push(path);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, paths)| std::cmp::Reverse(paths.len()));
    let rest: usize = reasons.iter().skip(MOST_REASONS).map(|(_, paths)| paths.len()).sum();
    let warning = |(reason, paths): &(&str, Vec<&Path>)| {
        let count = counted(paths.len(), "image");
        format!("{count} can't be read, such as {}: {reason}; marked in montages", paths[0].display())
    };
    let mut warnings: Vec<String> = reasons.iter().take(MOST_REASONS).map(warning).collect();
    if rest > 0 {
        warnings.push(format!("{} can't be read for other reasons", counted(rest, "more image")));
    }
    warnings
}

/// A warning about characters that the font lacks.
fn boxes(lacking: &BTreeSet<char>) -> Option<String> {
    if lacking.is_empty() {
        return None;
    }
    let shown: String = lacking.iter().take(MOST_CHARACTERS).collect();
    let more = lacking.len().saturating_sub(MOST_CHARACTERS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("captions have characters that the font lacks, drawn as boxes: {shown}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_the_most_frequent_comes_first() {
        let broken = [("a", "HEIC is not supported"), ("b", "truncated"), ("c", "HEIC is not supported")];
        let broken = broken.map(|(path, reason)| (PathBuf::from(path), reason.to_owned())).into();
        let warnings = unreadable(&broken);
        assert!(warnings[0].starts_with("2 images can't be read, such as a: HEIC"), "{warnings:?}");
        assert!(warnings[1].starts_with("1 image can't be read, such as b: truncated"), "{warnings:?}");
        assert!(warnings.iter().all(|warning| !warning.contains("--image-root")));
    }

    #[test]
    fn characters_that_the_font_lacks_are_named() {
        assert_eq!(boxes(&montage::lacking(["caf\u{e9} \u{416}"].into_iter())), None);
        let warning = boxes(&montage::lacking(["a \u{65e5}", "\u{5d0}"].into_iter())).expect("two");
        assert!(warning.ends_with("\u{5d0}\u{65e5}"), "{warning}");
    }
}
