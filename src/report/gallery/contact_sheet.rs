//! The contact sheet: one image of each cluster of a level, from best to worst.

use std::path::PathBuf;

use super::choose::Chooser;
use super::picture::{Picture, PictureFile, options, short, tile_of};
use crate::base::numeric::as_real;
use crate::base::text::counted;
use crate::metrics::Better;
use crate::plan::record::{ContactSheet, Level};
use crate::report::montage::{self, Accent, Montage, Section, Tile};

/// Composes the sheet of a level; `None` if no cluster is ranked.
pub(super) fn compose(chooser: &Chooser, level: &Level) -> Option<Picture> {
    let settings = &chooser.plan.settings;
    let ranking = &level.ranking;
    let metric = ranking.by.replace('_', " ");
    let Arranged { title, sections, left_out } =
        arranged(in_order(level, chooser.plan.ranking.by.better()), settings.contact_sheet);
    let caption = |cluster| {
        let value = level.cluster_figure(&ranking.by, cluster).map_or_else(String::new, short);
        Some(format!("{cluster}: {value}"))
    };
    let (mut clusters, mut rows, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
    for (title, of_section) in sections {
        let row = |cluster: u64| Some((cluster, *chooser.choose(level, cluster, 1, 1).first()?));
        let chosen: Vec<(u64, u64)> = of_section.into_iter().filter_map(row).collect();
        let tiles: Vec<Tile> = chosen.iter().map(|&(cluster, _)| tile_of(caption(cluster))).collect();
        if !tiles.is_empty() {
            drawn.push(Section { title, tiles });
        }
        clusters.extend(chosen.iter().map(|(cluster, _)| cluster));
        rows.extend(chosen.iter().map(|(_, row)| row));
    }
    if rows.is_empty() {
        return None;
    }
    let montage = Montage {
        title: format!("Level {} · {title} by {metric}", level.level),
        subtitle: format!(
            "one member per cluster, {} · captions: cluster and {metric} · clusters of at least {}",
            chooser.how(),
            counted(ranking.min_size, "point")
        ),
        sections: drawn,
        accent: Accent::Neutral,
    };
    let path =
        PathBuf::from(format!("level{}/montages/contact-sheet.{}", level.level, settings.montage_format.extension()));
    let title_height = montage::title_height(&options(settings)).unwrap_or(0);
    let file = PictureFile::Sheet(ContactSheet { path, clusters, rows, left_out, title_height, missing: 0, broken: 0 });
    Some(Picture { file, montage, level: level.level })
}

/// The clusters of a sheet.
struct Arranged {
    title: String,
    /// Title and clusters of each section.
    sections: Vec<(String, Vec<u64>)>,
    left_out: u64,
}

/// Arranges ranked clusters, of which at most `most` are shown: if all are, without a break from the best to the worst.
fn arranged(ranked: Vec<u64>, most: usize) -> Arranged {
    let all = ranked.len();
    if all <= most {
        let title = format!("{} from best to worst", counted(all, "cluster"));
        return Arranged { title, sections: vec![(String::new(), ranked)], left_out: 0 };
    }
    let (best, worst) = both_ends(&ranked, most);
    let ends = [("best", best), ("worst", worst)].into_iter().filter(|(_, clusters)| !clusters.is_empty());
    let sections: Vec<_> = ends.map(|(end, clusters)| (of_end(end, clusters.len()), clusters)).collect();
    let shown: Vec<&str> = sections.iter().map(|(title, _)| title.as_str()).collect();
    let title = format!("{} of {all} clusters", shown.join(" and "));
    // as the first word of a line
    let sections = sections.into_iter().map(|(title, clusters)| (title.replacen("the", "The", 1), clusters)).collect();
    Arranged { title, sections, left_out: (all - most) as u64 }
}

/// `the 40 best`
fn of_end(end: &str, count: usize) -> String {
    if count == 1 { format!("the {end}") } else { format!("the {count} {end}") }
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
fn both_ends(ranked: &[u64], most: usize) -> (Vec<u64>, Vec<u64>) {
    let most = most.min(ranked.len());
    let worst = most / 2;
    (ranked[..most - worst].to_vec(), ranked[ranked.len() - worst..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_that_do_not_fit_are_left_out_of_the_middle() {
        let ranked: Vec<u64> = (0..10).collect();
        let ends = |most| both_ends(&ranked, most);
        for most in [10, 11, 1000] {
            assert_eq!(ends(most), (vec![0, 1, 2, 3, 4], vec![5, 6, 7, 8, 9]));
        }
        assert_eq!(ends(5), (vec![0, 1, 2], vec![8, 9]));
        assert_eq!(ends(4), (vec![0, 1], vec![8, 9]));
        assert_eq!(ends(1), (vec![0], vec![]));
        assert_eq!(both_ends(&[], 4), (vec![], vec![]));
    }

    #[test]
    fn a_break_is_where_clusters_are_left_out() {
        let titles = |most| {
            let Arranged { title, sections, left_out } = arranged((0..10).collect(), most);
            let titles: Vec<String> = sections.into_iter().map(|(title, of)| format!("{title}: {of:?}")).collect();
            format!("{title}; {}; {left_out}", titles.join(", "))
        };
        assert_eq!(titles(10), "10 clusters from best to worst; : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 0");
        assert_eq!(
            titles(5),
            "the 3 best and the 2 worst of 10 clusters; The 3 best: [0, 1, 2], The 2 worst: [8, 9]; 5"
        );
        assert_eq!(titles(2), "the best and the worst of 10 clusters; The best: [0], The worst: [9]; 8");
        assert_eq!(titles(1), "the best of 10 clusters; The best: [0]; 9");
    }
}
