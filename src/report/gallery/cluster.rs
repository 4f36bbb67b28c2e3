//! The montage of one cluster.

use std::path::PathBuf;

use super::choose::Chooser;
use super::nearest::Nearest;
use super::picture::{Picture, PictureFile, options, short, tile_of};
use super::sections;
use crate::base::text::counted;
use crate::plan::record::{Level, MontageFile, MontageSection};
use crate::plan::settings::{MontageCaptions, Sample};
use crate::report::montage::{self, Accent, Montage, Section};

/// A cluster's place in the ranking of its level.
#[derive(Clone, Copy)]
pub(super) struct Ranked<'a> {
    pub(super) cluster: u64,
    /// `best` or `worst`.
    pub(super) end: &'a str,
    /// 1-based, from that end.
    pub(super) rank: usize,
    /// How many clusters are shown of that end.
    pub(super) of: usize,
    /// The cluster to show beside it.
    pub(super) nearest: Option<Nearest>,
}

/// Composes the montage of a ranked cluster.
pub(super) fn compose(chooser: &Chooser, level: &Level, ranked: Ranked<'_>) -> Picture {
    let Ranked { cluster, end, rank, of, nearest } = ranked;
    let settings = &chooser.plan.settings;
    let (sections, rows) = match settings.sample {
        Sample::Sections => {
            let sections = sections::of_cluster(chooser, level, cluster, nearest, settings.montage_size);
            let rows = sections.iter().flat_map(|section| &section.rows).copied().collect();
            (sections, rows)
        }
        _ => (Vec::new(), chooser.choose(level, cluster, settings.montage_size, 1)),
    };
    let ranking = &level.ranking;
    let size = level.cluster_figure("size", cluster).unwrap_or(0.0);
    let mut facts = vec![counted(size, "point")];
    for name in [ranking.by.as_str(), "inertia", "mean_distance"] {
        let fact =
            level.cluster_figure(name, cluster).map(|value| format!("{} {}", name.replace('_', " "), short(value)));
        facts.extend(fact.filter(|fact| !facts.contains(fact)));
    }
    facts.push(match sections.is_empty() {
        true => format!("{} shown, {}", rows.len(), chooser.how()),
        false => format!("{} of its points shown", own(&sections, cluster)),
    });
    let distances = chooser.distances.filter(|_| settings.montage_captions == MontageCaptions::Distance);
    let caption = |row: &u64| distances.and_then(|file| Some(format!("d {}", short(file.get(*row)?.into()))));
    let tiles = |rows: &[u64]| rows.iter().map(|row| tile_of(caption(row))).collect();
    let drawn = match sections.is_empty() {
        true => vec![Section { title: String::new(), tiles: tiles(&rows) }],
        false => sections.iter().map(|s| Section { title: s.title.clone(), tiles: tiles(&s.rows) }).collect(),
    };
    let montage = Montage {
        title: format!(
            "Level {} · cluster {cluster} · {end} {rank} of {of} by {}",
            level.level,
            ranking.by.replace('_', " ")
        ),
        subtitle: facts.join(" · "),
        sections: drawn,
        accent: if end == "best" { Accent::Best } else { Accent::Worst },
    };
    let extension = settings.montage_format.extension();
    let path = PathBuf::from(format!("level{}/montages/{end}-{rank}-cluster-{cluster}.{extension}", level.level));
    let title_height = montage::title_height(&options(settings)).unwrap_or(0);
    let end = end.to_owned();
    let file = MontageFile { path, end, rank, cluster, rows, sections, title_height, missing: 0, broken: 0 };
    Picture { file: PictureFile::Cluster(file), montage, level: level.level }
}

/// Number of members of `cluster` itself.
fn own(sections: &[MontageSection], cluster: u64) -> usize {
    sections.iter().filter(|section| section.cluster == cluster).map(|section| section.rows.len()).sum()
}
