//! All pictures of a run.

use super::choose::Chooser;
use super::cluster::{self, Ranked};
use super::contact_sheet;
use super::nearest::{Nearest, nearest};
use super::picture::{Picture, PictureFile};
use crate::base::error::{Error, Result};
use crate::formats::distances::DistanceFile;
use crate::formats::names::{ImageName, resolve};
use crate::plan::Plan;
use crate::plan::record::Level;
use crate::plan::settings::{MontageCaptions, Sample};

/// Composes a montage of every best and worst cluster of every level, and a contact sheet per level if the settings ask
/// for one. `distances` has an entry per evaluated level if members are chosen by distance, and is empty otherwise.
///
/// # Errors
/// The list of image names has changed since it was opened.
pub fn compose(plan: &Plan, levels: &[Level], distances: &[DistanceFile]) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (i, level) in levels.iter().enumerate() {
        let chooser = Chooser { plan, level_index: plan.levels[i], distances: distances.get(i) };
        for (end, clusters) in [("best", &level.ranking.best), ("worst", &level.ranking.worst)] {
            let beside = beside(&chooser, level, end, clusters);
            for ((rank, &cluster), nearest) in (1..).zip(clusters).zip(beside) {
                let ranked = Ranked { cluster, end, rank, of: clusters.len(), nearest };
                pictures.push(cluster::compose(&chooser, level, ranked));
            }
        }
        if plan.settings.contact_sheet > 0 {
            pictures.extend(contact_sheet::compose(&chooser, level));
        }
    }
    name_images(plan, &mut pictures)?;
    Ok(pictures)
}

/// The clusters to show beside ranked ones: a bad cluster is understood from its nearest, a good one without it.
fn beside(chooser: &Chooser, level: &Level, end: &str, clusters: &[u64]) -> Vec<Option<Nearest>> {
    match chooser.plan.settings.sample == Sample::Sections && end == "worst" {
        true => nearest(chooser.plan, chooser.level_index, level, clusters),
        false => vec![None; clusters.len()],
    }
}

/// Fills in the paths of all images, in one pass over the list of names, and their captions if the settings ask for them.
fn name_images(plan: &Plan, pictures: &mut [Picture]) -> Result<()> {
    let (Some(names), Some(root)) = (&plan.names, &plan.settings.image_root) else { return Ok(()) };
    let rows: Vec<u64> = pictures.iter().flat_map(|p| p.file.rows().iter().copied()).collect();
    let mut named = names.read(&rows).map_err(Error::input)?.into_iter();
    for picture in pictures {
        let captions = match picture.file {
            PictureFile::Cluster(_) => plan.settings.montage_captions,
            // its tiles are captioned with their clusters
            PictureFile::Sheet(_) => MontageCaptions::None,
        };
        for (tile, ImageName { path, caption }) in picture.montage.tiles_mut().zip(&mut named) {
            tile.image = resolve(&path, root);
            match captions {
                MontageCaptions::Name => {
                    tile.caption = tile.image.file_name().map(|n| n.to_string_lossy().into_owned())
                }
                MontageCaptions::Caption => tile.caption = caption,
                MontageCaptions::Distance | MontageCaptions::None => {}
            }
        }
    }
    Ok(())
}
