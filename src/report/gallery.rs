//! Which images of which clusters are shown: from ranking, members and distances to montages.

mod contact_sheet;

use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::base::error::{Error, Result};
use crate::formats::distances::DistanceFile;
use crate::formats::names::{ImageName, resolve};
use crate::plan::Plan;
use crate::plan::record::{ContactSheet, Images, Level, MontageFile, Samples};
use crate::plan::settings::{MontageCaptions, Sample, Settings};
use crate::report::montage::{self, Accent, Cut, Montage, Tile};

/// Members of a cluster that a report shows, at most.
const SAMPLES: usize = 8;
/// Members of all clusters that a report shows, at most.
const ALL_SAMPLES: usize = 4_000;
/// Of larger clusters, those are chosen from an even choice of so many.
const CONSIDERED: u64 = 10_000;

/// A montage to be made: where it goes, what is on it.
pub struct Picture {
    /// What the record will say of it.
    pub file: PictureFile,
    /// What is drawn.
    pub montage: Montage,
    /// 1-based level.
    pub level: u32,
}

/// What the record says of a picture.
pub enum PictureFile {
    /// Members of one cluster.
    Cluster(MontageFile),
    /// One member of each of many.
    Sheet(ContactSheet),
}

impl PictureFile {
    /// Relative to the output folder.
    pub fn path(&self) -> &Path {
        match self {
            PictureFile::Cluster(file) => &file.path,
            PictureFile::Sheet(file) => &file.path,
        }
    }

    /// The rows shown, in the order of the tiles.
    fn rows(&self) -> &[u64] {
        match self {
            PictureFile::Cluster(file) => &file.rows,
            PictureFile::Sheet(file) => &file.rows,
        }
    }

    /// Puts it into the level's record, with what could not be shown of it.
    pub fn enter(self, level: &mut Level, missing: usize, broken: usize) {
        match self {
            PictureFile::Cluster(file) => level.montages.push(MontageFile { missing, broken, ..file }),
            PictureFile::Sheet(file) => level.contact_sheet = Some(ContactSheet { missing, broken, ..file }),
        }
    }
}

/// How the montages of a run look: all of one size, small enough for the largest of them.
pub fn options(settings: &Settings) -> montage::Options {
    let cut = if settings.montage_captions == MontageCaptions::Name { Cut::Middle } else { Cut::End };
    let images = settings.montage_size.max(settings.contact_sheet);
    montage::Options { cut, ..montage::Options::for_images(images) }
}

/// Chooses members and composes a montage for every best and worst cluster of every level, and each level's contact
/// sheet. `distances` has an entry per evaluated level where members are chosen by distance.
pub fn compose(plan: &Plan, levels: &[Level], distances: &[DistanceFile]) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (i, level) in levels.iter().enumerate() {
        let chooser = Chooser { plan, level_index: plan.levels[i], distances: distances.get(i) };
        for (end, clusters) in [("best", &level.ranking.best), ("worst", &level.ranking.worst)] {
            for (rank, &cluster) in clusters.iter().enumerate() {
                let rows = chooser.choose(level, cluster, plan.settings.montage_size, 1);
                pictures.push(chooser.picture(level, end, rank + 1, clusters.len(), cluster, rows));
            }
        }
        if plan.settings.contact_sheet > 0 {
            pictures.extend(contact_sheet::compose(&chooser, level));
        }
    }
    name_images(plan, &mut pictures)?;
    Ok(pictures)
}

/// Chooses members that a report shows of each cluster: the same number of all clusters of a level, and more of the upper
/// levels, which have fewer clusters. One entry per level.
pub fn samples(plan: &Plan, levels: &[Level], distances: &[DistanceFile]) -> Vec<Samples> {
    let mut samples = vec![Samples::default(); levels.len()];
    let mut left = ALL_SAMPLES;
    for (i, level) in levels.iter().enumerate().rev() {
        let size = |cluster: u64| level.cluster_figure("size", cluster).unwrap_or(0.0);
        let clusters: Vec<u64> = (0..level.len() as u64).filter(|&cluster| size(cluster) > 0.0).collect();
        let each = (left / clusters.len().max(1)).min(SAMPLES);
        if each == 0 {
            continue;
        }
        let chooser = Chooser { plan, level_index: plan.levels[i], distances: distances.get(i) };
        let points =
            |cluster: u64| plan.hierarchy.levels[chooser.level_index].sizes.get(usize::try_from(cluster).ok()?);
        let step = |cluster| points(cluster).map_or(1, |size| size.div_ceil(CONSIDERED));
        let choose = |&cluster: &u64| chooser.choose(level, cluster, each, step(cluster));
        samples[i] = Samples { rows: clusters.iter().map(choose).collect(), clusters };
        left -= samples[i].rows.iter().map(Vec::len).sum::<usize>();
    }
    samples
}

/// The names of all images that montages and samples show; `None` where names are not known.
///
/// # Errors
/// What is wrong with the list of names, which has changed since it was opened.
pub fn images(plan: &Plan, levels: &[Level]) -> Result<Option<Images>> {
    let (Some(names), Some(root)) = (&plan.names, &plan.settings.image_root) else { return Ok(None) };
    let of_level = |level: &Level| {
        let montages = level.montages.iter().map(|montage| montage.rows.clone());
        montages.chain(level.samples.rows.iter().cloned()).flatten().collect::<Vec<u64>>()
    };
    let mut rows: Vec<u64> = levels.iter().flat_map(of_level).collect();
    rows.sort_unstable();
    rows.dedup();
    let named = names.read(&rows).map_err(Error::input)?;
    let (paths, captions) = named.into_iter().map(|name| (name.path, name.caption)).unzip();
    let root = std::path::absolute(root).unwrap_or_else(|_| root.clone());
    Ok(Some(Images { root, rows, paths, captions }))
}

/// Reads the names of all images shown, in one pass over the file, and captions them where that is asked for.
fn name_images(plan: &Plan, pictures: &mut [Picture]) -> Result<()> {
    let (Some(names), Some(root)) = (&plan.names, &plan.settings.image_root) else { return Ok(()) };
    let rows: Vec<u64> = pictures.iter().flat_map(|p| p.file.rows().iter().copied()).collect();
    let mut named = names.read(&rows).map_err(Error::input)?.into_iter();
    for picture in pictures {
        let captions = match picture.file {
            PictureFile::Cluster(_) => plan.settings.montage_captions,
            // whose tiles are captioned with their clusters
            PictureFile::Sheet(_) => MontageCaptions::None,
        };
        for (tile, ImageName { path, caption }) in picture.montage.tiles.iter_mut().zip(&mut named) {
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

struct Chooser<'a> {
    plan: &'a Plan,
    level_index: usize,
    distances: Option<&'a DistanceFile>,
}

impl Chooser<'_> {
    /// The rows that stand for a cluster: `count` at most, of every `step`-th of its points.
    fn choose(&self, level: &Level, cluster: u64, count: usize, step: u64) -> Vec<u64> {
        let settings = &self.plan.settings;
        let (Ok(index), Ok(step)) = (usize::try_from(cluster), usize::try_from(step)) else { return Vec::new() };
        let rows = self.plan.hierarchy.points_of(self.level_index, index).step_by(step.max(1));
        let distance = |file: &DistanceFile, row| file.get(row).unwrap_or(f32::NAN);
        match (settings.sample, self.distances) {
            (Sample::Random, _) | (_, None) => {
                let seed = settings.seed ^ (u64::from(level.level) << 48) ^ cluster;
                reservoir(rows, count, seed)
            }
            (Sample::Closest, Some(file)) => extreme(rows, count, |row| distance(file, row)),
            (Sample::Farthest, Some(file)) => extreme(rows, count, |row| -distance(file, row)),
        }
    }

    fn picture(&self, level: &Level, end: &str, rank: usize, of: usize, cluster: u64, rows: Vec<u64>) -> Picture {
        let ranking = &level.ranking;
        let size = level.cluster_figure("size", cluster).unwrap_or(0.0);
        let mut facts = vec![format!("{size} points")];
        for name in [ranking.by.as_str(), "inertia", "mean_distance"] {
            let fact =
                level.cluster_figure(name, cluster).map(|value| format!("{} {}", name.replace('_', " "), short(value)));
            facts.extend(fact.filter(|fact| !facts.contains(fact)));
        }
        facts.push(format!("{} shown, {}", rows.len(), self.how()));
        let distances = self.distances.filter(|_| self.plan.settings.montage_captions == MontageCaptions::Distance);
        let caption = |row: &u64| distances.and_then(|file| Some(format!("d {}", short(file.get(*row)?.into()))));
        let tiles = rows.iter().map(|row| tile_of(caption(row))).collect();
        let montage = Montage {
            title: format!(
                "Level {} · cluster {cluster} · {end} {rank} of {of} by {}",
                level.level,
                ranking.by.replace('_', " ")
            ),
            subtitle: facts.join(" · "),
            tiles,
            accent: if end == "best" { Accent::Best } else { Accent::Worst },
        };
        let extension = self.plan.settings.montage_format.extension();
        let path = PathBuf::from(format!("level{}/montages/{end}-{rank}-cluster-{cluster}.{extension}", level.level));
        let title_height = montage::title_height(&options(&self.plan.settings)).unwrap_or(0);
        let file = MontageFile { path, end: end.to_owned(), rank, cluster, rows, title_height, missing: 0, broken: 0 };
        Picture { file: PictureFile::Cluster(file), montage, level: level.level }
    }

    /// How members are chosen, in words.
    fn how(&self) -> &'static str {
        match (self.plan.settings.sample, self.distances) {
            (Sample::Random, _) | (_, None) => "a random choice",
            (Sample::Closest, Some(_)) => "closest to the centroid",
            (Sample::Farthest, Some(_)) => "farthest from the centroid",
        }
    }
}

/// A tile whose image is not known yet.
fn tile_of(caption: Option<String>) -> Tile {
    Tile { image: PathBuf::new(), caption }
}

/// The `count` rows with the smallest key, smallest first; ties go to the lower row, NaN is left out.
fn extreme(rows: impl Iterator<Item = u64>, count: usize, key: impl Fn(u64) -> f32) -> Vec<u64> {
    let mut kept: Vec<(f32, u64)> = Vec::new();
    let order = |a: &(f32, u64), b: &(f32, u64)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    for row in rows {
        let key = key(row);
        if !key.is_nan() {
            kept.push((key, row));
        }
        // a cluster can be most of the data: never hold more than twice what is shown
        if kept.len() == 2 * count {
            kept.select_nth_unstable_by(count - 1, order);
            kept.truncate(count);
        }
    }
    kept.sort_unstable_by(order);
    kept.into_iter().take(count).map(|(_, row)| row).collect()
}

/// A uniform choice of `count` rows, in the order of the cluster (Vitter 1985, algorithm R).
fn reservoir(rows: impl Iterator<Item = u64>, count: usize, seed: u64) -> Vec<u64> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut kept: Vec<(usize, u64)> = Vec::new();
    for (i, row) in rows.enumerate() {
        if i < count {
            kept.push((i, row));
            continue;
        }
        let j = random.random_range(0..=i);
        if j < count {
            kept[j] = (i, row);
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|(_, row)| row).collect()
}

/// A figure with four significant digits.
fn short(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let digits = (0..=6).find(|&digits| value.abs() >= 10f64.powi(3 - digits)).unwrap_or(6);
    format!("{value:.*}", usize::try_from(digits.max(0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_found_in_order_with_ties_by_row() {
        let keys = [5.0, 1.0, f32::NAN, 3.0, 1.0, 9.0, 0.5, 4.0];
        let key = |row: u64| keys[usize::try_from(row).expect("small")];
        assert_eq!(extreme(0..8, 3, key), [6, 1, 4]);
        assert_eq!(extreme(0..8, 3, |row| -key(row)), [5, 0, 7]);
        assert_eq!(extreme(0..8, 100, key).len(), 7, "NaN is never shown");
    }

    #[test]
    fn a_random_choice_is_seeded_distinct_and_spread() {
        let choose = |seed| reservoir(0..1000, 20, seed);
        assert_eq!(choose(1), choose(1));
        assert_ne!(choose(1), choose(2));
        let mut distinct = choose(3);
        distinct.dedup();
        assert_eq!(distinct.len(), 20);
        assert_eq!(reservoir(0..3, 20, 0), [0, 1, 2]);
        let total: u64 = (0..200).flat_map(choose).sum();
        let mean = crate::base::numeric::as_real(total) / 4000.0;
        assert!((mean - 499.5).abs() < 5.0 * 288.7 / 4000f64.sqrt(), "{mean}: not uniform");
    }

    #[test]
    fn figures_are_shown_short() {
        let shown = [0.0, 0.123_456, 12.345_67, 1234.567, 999_999.4, 1.234e-5, 1.5e7].map(short);
        assert_eq!(shown, ["0.000000", "0.1235", "12.35", "1235", "999999", "1.234e-5", "1.500e7"]);
    }
}
