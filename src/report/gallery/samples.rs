//! The images that the report shows of every cluster, beside montages.

use rayon::prelude::*;

use super::members::{Members, Pass, Wanted};
use crate::base::error::{Error, Result};
use crate::formats::distances::DistanceFile;
use crate::metrics::Better;
use crate::plan::Plan;
use crate::plan::record::{Images, Level, PlaneMap, Samples};
use crate::plan::settings::Sample;

/// Members shown of a cluster; a third of them are the farthest from its centroid.
const EACH: usize = 12;
/// Members shown of the clusters at both ends of the ranking.
const RANKED: usize = 64;
/// All points of a cluster that has no more are shown as the closest: who sees all of them also sees the farthest.
const FEW: u64 = 8;
/// Most clusters of each end of the ranking that get so many.
const MOST_RANKED: usize = 20;
/// Most members shown of all clusters of all levels together: they take about 10 MB of the record.
const ALL: usize = 100_000;

/// Chooses the members that the report shows of each cluster, one entry per level. `go_on` is called now and then; its error
/// ends the choice.
///
/// # Errors
/// The error of `go_on`.
pub fn samples(
    plan: &Plan,
    levels: &[Level],
    distances: &[DistanceFile],
    go_on: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Vec<Samples>> {
    let settings = &plan.settings;
    let sizes: Vec<&[u64]> = plan.levels.iter().map(|&level| plan.hierarchy.levels[level].sizes.as_slice()).collect();
    let wanted = allot(levels, &sizes, plan.ranking.by.better(), ALL);
    let of_level = |(i, wanted): (usize, &Vec<Wanted>)| {
        let distances = distances.get(i);
        let at_random = settings.sample == Sample::Random || distances.is_none();
        let pass = Pass {
            hierarchy: &plan.hierarchy,
            level: plan.levels[i],
            rows: plan.embeddings.rows(),
            distances,
            random: at_random.then(|| settings.seed ^ (u64::from(levels[i].level) << 48)),
        };
        Ok(recorded(wanted, pass.members(wanted, go_on)?, distances))
    };
    wanted.par_iter().enumerate().map(of_level).collect()
}

/// How many members of which clusters are shown, at most `all` of them: per level, with clusters in ascending order. `sizes`
/// are the numbers of points.
///
/// Every cluster of a level gets the same number; those at the ends of the ranking get more. Upper levels, which have fewer
/// clusters, come first, but none takes more than half of what is left. Where not even one member of every cluster fits, the
/// worst clusters get one each.
fn allot(levels: &[Level], sizes: &[&[u64]], better: Better, all: usize) -> Vec<Vec<Wanted>> {
    let mut wanted = vec![Vec::new(); levels.len()];
    let mut left = all;
    for (i, level) in levels.iter().enumerate().rev() {
        let share = if i == 0 { left } else { left / 2 };
        let (chosen, used) = of_level(level, sizes[i], better, share);
        wanted[i] = chosen;
        left -= used;
    }
    wanted
}

/// What one level gets of `share` members, and how many it takes.
fn of_level(level: &Level, sizes: &[u64], better: Better, share: usize) -> (Vec<Wanted>, usize) {
    let size = |cluster: u64| usize::try_from(cluster).ok().and_then(|at| sizes.get(at)).copied().unwrap_or(0);
    let taken = |cluster: u64, each: usize| each.min(usize::try_from(size(cluster)).unwrap_or(each));
    let mut clusters: Vec<u64> = (0..level.len() as u64).filter(|&cluster| size(cluster) > 0).collect();
    let total = |each: usize| clusters.iter().map(|&cluster| taken(cluster, each)).sum::<usize>();
    let each = (1..=EACH).rev().find(|&each| total(each) <= share);
    if each.is_none() {
        clusters = level.worst_first(&clusters, better);
        clusters.truncate(share);
        clusters.sort_unstable();
    }
    let each = each.unwrap_or(1);
    let mut wanted: Vec<Wanted> = clusters.iter().map(|&cluster| split(cluster, size(cluster), each)).collect();
    let mut used: usize = clusters.iter().map(|&cluster| taken(cluster, each)).sum();
    let ends = [&level.ranking.worst, &level.ranking.best].map(|end| end.iter().take(MOST_RANKED));
    for &cluster in ends.into_iter().flatten() {
        let Ok(at) = clusters.binary_search(&cluster) else { continue };
        let more = taken(cluster, RANKED) - taken(cluster, each);
        if used + more <= share {
            used += more;
            wanted[at] = split(cluster, size(cluster), RANKED);
        }
    }
    (wanted, used)
}

/// Divides `each` members of a cluster of `size` points into the closest and the farthest.
fn split(cluster: u64, size: u64, each: usize) -> Wanted {
    let count = each.min(usize::try_from(size).unwrap_or(each));
    let farthest = if size <= FEW && size == count as u64 { 0 } else { count / 3 };
    Wanted { cluster, rows: count - farthest, farthest }
}

/// The members as the record has them.
fn recorded(wanted: &[Wanted], members: Vec<Members>, distances: Option<&DistanceFile>) -> Samples {
    let mut samples = Samples::default();
    for (wanted, Members { rows, farthest }) in wanted.iter().zip(members) {
        samples.clusters.push(wanted.cluster);
        if let Some(file) = distances {
            let of = |rows: &[u64]| rows.iter().map(|&row| file.get(row).filter(|d| d.is_finite())).collect();
            samples.distances.push(of(&rows));
            samples.farthest_distances.push(of(&farthest));
            samples.farthest.push(farthest);
        }
        samples.rows.push(rows);
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
        let montages = level.montages.iter().flat_map(|montage| montage.rows.iter().copied());
        montages.chain(level.samples.all_rows()).collect::<Vec<u64>>()
    };
    let mut rows: Vec<u64> = levels.iter().flat_map(of_level).collect();
    // those of the t-SNE map are among those of the plane
    rows.extend(map.into_iter().flat_map(|map| &map.points.rows));
    rows.sort_unstable();
    rows.dedup();
    let named = names.read(&rows).map_err(Error::input)?;
    let (paths, captions) = named.into_iter().map(|name| (name.path, name.caption)).unzip();
    let root = std::path::absolute(root).unwrap_or_else(|_| root.clone());
    let classes =
        plan.labels.as_ref().map_or(Vec::new(), |labels| rows.iter().map(|&row| labels.text_of(row)).collect());
    Ok(Some(Images { root, rows, paths, captions, classes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::record::order::tests::level;

    fn total(wanted: &[Wanted]) -> usize {
        wanted.iter().map(|wanted| wanted.rows + wanted.farthest).sum()
    }

    #[test]
    fn every_cluster_gets_its_members_while_there_is_room() {
        let sizes = [100, 0, 5, 30];
        let level = level(1, &sizes, &[0.1, f64::NAN, 0.2, 0.3], &[0], &[3]);
        let wanted = &allot(&[level], &[&sizes], Better::Higher, 1000)[0];
        let counts: Vec<_> = wanted.iter().map(|w| (w.cluster, w.rows, w.farthest)).collect();
        assert_eq!(counts, [(0, 43, 21), (2, 5, 0), (3, 20, 10)], "the ends of the ranking get more");
    }

    #[test]
    fn the_bound_holds_over_all_levels() {
        for (low, high, all) in
            [(5_000, 500, 100_000), (5_000, 500, 9_000), (5_000, 500, 1_000), (700, 700, 100), (3, 2, 1)]
        {
            let of = |k: usize| (vec![20_u64; k], (0..k).map(|i| ((i * 37) % k) as f64).collect::<Vec<f64>>());
            let ((low_sizes, low_values), (high_sizes, high_values)) = (of(low), of(high));
            let levels = [level(1, &low_sizes, &low_values, &[0], &[]), level(2, &high_sizes, &high_values, &[], &[])];
            let wanted = allot(&levels, &[&low_sizes, &high_sizes], Better::Higher, all);
            let used = total(&wanted[0]) + total(&wanted[1]);
            assert!(used <= all, "{used} of {all}");
            assert!(wanted.iter().all(|wanted| wanted.is_sorted_by_key(|w| w.cluster)));
            // nearly all of it is used where there is more to show
            assert!(used + low.min(all) + EACH >= all.min(EACH * (low + high)), "{used} of {all}");
        }
    }

    #[test]
    fn of_too_many_clusters_the_worst_are_shown() {
        let sizes = [20_u64; 10];
        let values: Vec<f64> = (0..10).map(|i| f64::from((i * 7) % 10)).collect();
        // of 0 7 4 1 8 5 2 9 6 3
        let level = level(1, &sizes, &values, &[0], &[7]);
        let wanted = &allot(&[level], &[&sizes], Better::Higher, 4)[0];
        assert_eq!(wanted.iter().map(|w| (w.cluster, w.rows)).collect::<Vec<_>>(), [(0, 1), (3, 1), (6, 1), (7, 1)]);
    }
}
