//! The images that the report shows of every cluster, beside montages.

use super::choose::Chooser;
use crate::base::error::{Error, Result};
use crate::formats::distances::DistanceFile;
use crate::plan::Plan;
use crate::plan::record::{Images, Level, PlaneMap, Samples};

/// Most members shown of a cluster.
const SAMPLES: usize = 8;
/// Most members shown of all clusters together.
const ALL_SAMPLES: usize = 4_000;
/// Of a larger cluster, this many evenly spaced members are considered.
const CONSIDERED: u64 = 10_000;

/// Chooses the members that the report shows of each cluster, one entry per level. All clusters of a level get the same
/// number; upper levels, which have fewer clusters, come first.
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

/// Names of all images in montages and samples, and of points on the map; `None` if the run has no list of names.
///
/// # Errors
/// The list of image names has changed since it was opened.
pub fn images(plan: &Plan, levels: &[Level], map: Option<&PlaneMap>) -> Result<Option<Images>> {
    let (Some(names), Some(root)) = (&plan.names, &plan.settings.image_root) else { return Ok(None) };
    let of_level = |level: &Level| {
        let montages = level.montages.iter().map(|montage| montage.rows.clone());
        montages.chain(level.samples.rows.iter().cloned()).flatten().collect::<Vec<u64>>()
    };
    let mut rows: Vec<u64> = levels.iter().flat_map(of_level).collect();
    // those of the t-SNE map are among those of the plane
    rows.extend(map.into_iter().flat_map(|map| &map.points.rows));
    rows.sort_unstable();
    rows.dedup();
    let named = names.read(&rows).map_err(Error::input)?;
    let (paths, captions) = named.into_iter().map(|name| (name.path, name.caption)).unzip();
    let root = std::path::absolute(root).unwrap_or_else(|_| root.clone());
    Ok(Some(Images { root, rows, paths, captions }))
}
