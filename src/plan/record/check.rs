//! Consistency checks of a record read from disk, which may be truncated or edited by hand.

use std::path::Component;

use super::{Images, Level, Places, PlaneMap, RunRecord, SampledPoints, Samples};

impl RunRecord {
    /// Checks that the parts of the record are consistent; an error describes the first contradiction.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.levels.is_empty() {
            return Err("no levels".to_owned());
        }
        if !self.levels.is_sorted_by(|a, b| a.level < b.level) {
            return Err("levels that are not in ascending order".to_owned());
        }
        self.levels.iter().try_for_each(of_level)?;
        self.map.iter().try_for_each(|map| of_map(map, &self.levels))?;
        self.images.iter().try_for_each(of_images)
    }
}

fn of_level(level: &Level) -> Result<(), String> {
    let (number, clusters) = (level.level, level.len());
    for (name, column) in &level.clusters.0 {
        same(&format!("`{name}` of level {number}"), column.len(), clusters)?;
    }
    if !level.parent.is_empty() {
        same(&format!("the parents of level {number}"), level.parent.len(), clusters)?;
    }
    of_samples(&level.samples).map_err(|wrong| format!("the samples of level {number}: {wrong}"))?;
    let ranking = level.ranking.best.iter().chain(&level.ranking.worst);
    let sections = level.montages.iter().flat_map(|montage| &montage.sections).map(|section| &section.cluster);
    let pictured = level.montages.iter().map(|montage| &montage.cluster).chain(sections);
    let sheet = level.contact_sheet.as_ref();
    let named = ranking.chain(pictured).chain(sheet.into_iter().flat_map(|sheet| &sheet.clusters));
    within(named.chain(&level.samples.clusters), level)?;
    let leaves = |path: &std::path::PathBuf| !path.components().all(|part| matches!(part, Component::Normal(_)));
    let pictures = level.montages.iter().map(|montage| &montage.path);
    match pictures.chain(sheet.map(|sheet| &sheet.path)).find(|path| leaves(path)) {
        None => Ok(()),
        Some(path) => Err(format!("a picture outside the output folder: {}", path.display())),
    }
}

fn of_samples(samples: &Samples) -> Result<(), String> {
    same("clusters", samples.rows.len(), samples.clusters.len())?;
    let columns = [
        ("distances", &samples.distances, &samples.rows),
        ("distances of the farthest", &samples.farthest_distances, &samples.farthest),
    ];
    for (what, distances, rows) in columns {
        if !distances.is_empty() {
            same(what, distances.len(), rows.len())?;
            distances.iter().zip(rows).try_for_each(|(distances, rows)| same(what, distances.len(), rows.len()))?;
        }
    }
    if samples.farthest.is_empty() { Ok(()) } else { same("farthest", samples.farthest.len(), samples.clusters.len()) }
}

fn of_map(map: &PlaneMap, levels: &[Level]) -> Result<(), String> {
    let near = map.tsne.as_ref();
    let maps = std::iter::once((&map.levels, &map.points)).chain(near.map(|near| (&near.levels, &near.points)));
    for (places, points) in maps {
        same("the levels of a map", places.len(), levels.len())?;
        places.iter().zip(levels).try_for_each(|(places, level)| of_places(places, level))?;
        of_points(points, levels.len())?;
    }
    Ok(())
}

fn of_places(places: &Places, level: &Level) -> Result<(), String> {
    same("places on a map", places.x.len(), places.clusters.len())?;
    same("places on a map", places.y.len(), places.clusters.len())?;
    within(places.clusters.iter(), level)
}

fn of_points(points: &SampledPoints, levels: usize) -> Result<(), String> {
    same("labels of points on a map", points.labels.len(), levels)?;
    let lengths = points.labels.iter().map(Vec::len).chain([points.x.len(), points.y.len()]);
    // older records have neither distances nor labels of the user
    let lengths = lengths.chain(points.distances.iter().map(Vec::len));
    let lengths = lengths.chain((!points.given_labels.is_empty()).then_some(points.given_labels.len()));
    lengths.into_iter().try_for_each(|length| same("points on a map", length, points.rows.len()))?;
    if points.distances.is_empty() {
        Ok(())
    } else {
        same("distances of points on a map", points.distances.len(), levels)
    }
}

fn of_images(images: &Images) -> Result<(), String> {
    same("names of images", images.paths.len(), images.rows.len())?;
    same("captions of images", images.captions.len(), images.rows.len())?;
    if images.classes.is_empty() { Ok(()) } else { same("classes of images", images.classes.len(), images.rows.len()) }
}

fn same(what: &str, found: usize, expected: usize) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found} entries for {expected}")) }
}

/// Refuses indices of clusters that the level does not have.
fn within<'a>(mut clusters: impl Iterator<Item = &'a u64>, level: &Level) -> Result<(), String> {
    match clusters.find(|&&cluster| cluster >= level.len() as u64) {
        None => Ok(()),
        Some(cluster) => Err(format!("cluster {cluster} on level {}, which has {} clusters", level.level, level.len())),
    }
}
