//! The contact sheet: one image of each cluster of a level, from best to worst.

use std::path::PathBuf;

use super::choose::Chooser;
use super::picture::{Picture, PictureFile, short, tile_of};
use crate::base::numeric::as_real;
use crate::base::text::counted;
use crate::metrics::Better;
use crate::plan::record::{ContactSheet, Level};
use crate::report::montage::{Accent, Montage};

/// Composes the sheet of a level; `None` if no cluster is ranked.
pub(super) fn compose(chooser: &Chooser, level: &Level) -> Option<Picture> {
    let settings = &chooser.plan.settings;
    let ranked = in_order(level, chooser.plan.ranking.by.better());
    let all = ranked.len();
    let clusters = both_ends(ranked, settings.contact_sheet);
    let row = |&cluster: &u64| Some((cluster, *chooser.choose(level, cluster, 1, 1).first()?));
    let (clusters, rows): (Vec<u64>, Vec<u64>) = clusters.iter().filter_map(row).unzip();
    if rows.is_empty() {
        return None;
    }
    let ranking = &level.ranking;
    let metric = ranking.by.replace('_', " ");
    let title = match clusters.len() < all {
        true => {
            let worst = clusters.len() / 2;
            format!("the {} best and the {worst} worst of {all} clusters by {metric}", clusters.len() - worst)
        }
        false => format!("{} from best to worst by {metric}", counted(all, "cluster")),
    };
    let caption = |cluster| {
        let value = level.cluster_figure(&ranking.by, cluster).map_or_else(String::new, short);
        Some(format!("{cluster}: {value}"))
    };
    let montage = Montage {
        title: format!("Level {} · {title}", level.level),
        subtitle: format!(
            "one member per cluster, {} · captions: cluster and {metric} · clusters of at least {}",
            chooser.how(),
            counted(ranking.min_size, "point")
        ),
        tiles: clusters.iter().map(|&cluster| tile_of(caption(cluster))).collect(),
        accent: Accent::Neutral,
    };
    let path =
        PathBuf::from(format!("level{}/montages/contact-sheet.{}", level.level, settings.montage_format.extension()));
    let file = PictureFile::Sheet(ContactSheet { path, clusters, rows, missing: 0, broken: 0 });
    Some(Picture { file, montage, level: level.level })
}

/// The ranked clusters, best first; ties go to the lower index.
fn in_order(level: &Level, better: Better) -> Vec<u64> {
    let sign = if better == Better::Higher { -1.0 } else { 1.0 };
    let least = as_real(level.ranking.min_size.max(1));
    let large = |&cluster: &u64| level.cluster_figure("size", cluster).is_some_and(|size| size >= least);
    let value = |cluster| Some((sign * level.cluster_figure(&level.ranking.by, cluster)?, cluster));
    let mut ranked: Vec<(f64, u64)> = (0..level.len() as u64).filter(large).filter_map(value).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    ranked.into_iter().map(|(_, cluster)| cluster).collect()
}

/// At most `most` clusters, half of them from each end and in their order; for an odd number, one more of the best.
fn both_ends(mut ranked: Vec<u64>, most: usize) -> Vec<u64> {
    if ranked.len() > most {
        let worst = most / 2;
        ranked.drain(most - worst..ranked.len() - worst);
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_that_do_not_fit_are_left_out_of_the_middle() {
        let ranked = || (0..10).collect::<Vec<u64>>();
        assert_eq!(both_ends(ranked(), 10), ranked());
        assert_eq!(both_ends(ranked(), 5), [0, 1, 2, 8, 9]);
        assert_eq!(both_ends(ranked(), 4), [0, 1, 8, 9]);
        assert_eq!(both_ends(ranked(), 1), [0]);
    }
}
