//! Images of the clusters that changed most: which ones, and as many as keep the page small.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::plan::record::{Level, RunRecord};
use crate::report::compare::comparison::Comparison;
use crate::report::compare::pair::{Pair, level_of};
use crate::report::montage::Thumbnails;
use crate::report::page::shell::MOST_BYTES;

/// Side of a picture, pixels.
const SIDE: u32 = 112;
/// Most images of a cluster.
const MOST: usize = 8;
/// Pictures made between two checks of the budget.
const BATCH: usize = 128;

/// An image of a run.
#[derive(Debug)]
struct Picture {
    path: PathBuf,
    name: String,
    caption: Option<String>,
    /// The picture itself, or why it is not there.
    shown: Result<String, String>,
}

/// The images of the clusters that a comparison lists.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    all: Vec<Picture>,
    /// By place of the level, side (0 for A, 1 for B) and cluster.
    of_clusters: BTreeMap<(usize, usize, u64), Vec<usize>>,
}

impl Pictures {
    /// Chooses the images; none is opened.
    pub(super) fn of(pair: &Pair, comparison: &Comparison) -> Pictures {
        let mut pictures = Pictures::default();
        let mut known = BTreeMap::new();
        for (at, level) in comparison.levels.iter().enumerate() {
            let changes = level.clusters.iter().flat_map(|changes| changes.improved.iter().chain(&changes.worsened));
            for change in changes {
                for (side, record, cluster) in [(0, &pair.a, change.cluster_a), (1, &pair.b, change.cluster_b)] {
                    let Some(of_run) = level_of(record, level.level) else { continue };
                    let rows = rows(of_run, cluster);
                    let chosen = rows.iter().filter_map(|&row| pictures.add(record, row, &mut known)).collect();
                    pictures.of_clusters.insert((at, side, cluster), chosen);
                }
            }
        }
        pictures
    }

    /// The place of the image of a row. An image that both runs show is there once.
    fn add(&mut self, record: &RunRecord, row: u64, known: &mut BTreeMap<(PathBuf, String), usize>) -> Option<usize> {
        let images = record.images.as_ref()?;
        let at = images.rows.binary_search(&row).ok()?;
        let (path, name) = (images.path(row)?, images.paths.get(at)?.clone());
        let caption = images.captions.get(at).cloned().flatten();
        let key = (path.clone(), caption.clone().unwrap_or_default());
        Some(*known.entry(key).or_insert_with(|| {
            self.all.push(Picture { path, name, caption, shown: Err(String::new()) });
            self.all.len() - 1
        }))
    }

    /// Places of the images of a cluster among [`as_json`](Self::as_json).
    pub(super) fn of_cluster(&self, level: usize, side: usize, cluster: u64) -> &[usize] {
        self.of_clusters.get(&(level, side, cluster)).map_or(&[], Vec::as_slice)
    }

    /// Reads the images, as many as fit beside `used` bytes of other content.
    pub(super) fn embed(&mut self, used: u64, check_stop: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
        let make = Thumbnails::default();
        let mut room = MOST_BYTES.saturating_sub(used);
        let order = self.round_robin();
        for batch in order.chunks(BATCH) {
            let one = |&at: &usize| {
                check_stop()?;
                Ok(make.make(&self.all[at].path, SIDE).map(|made| made.data_uri()))
            };
            let made = if room > 0 { batch.par_iter().map(one).collect::<Result<Vec<_>>>()? } else { Vec::new() };
            let none = || Err("left out, to keep this page small".to_owned());
            for (at, made) in batch.iter().zip(made.into_iter().map(Some).chain(std::iter::repeat(None))) {
                let size = made.as_ref().and_then(|made| made.as_ref().ok()).map_or(0, |source| source.len() as u64);
                let fits = size <= room;
                // nothing follows the first that does not fit
                room = if fits { room - size } else { 0 };
                self.all[*at].shown = made.filter(|_| fits).unwrap_or_else(none);
            }
        }
        Ok(())
    }

    /// All images, each once: the first of every cluster, then the second, and so on.
    fn round_robin(&self) -> Vec<usize> {
        let mut seen = vec![false; self.all.len()];
        let nth = |nth: usize| self.of_clusters.values().filter_map(move |of_cluster| of_cluster.get(nth).copied());
        (0..MOST).flat_map(nth).filter(|&at| !std::mem::replace(&mut seen[at], true)).collect()
    }

    /// The images as the page gets them.
    pub(super) fn as_json(&self) -> Value {
        let one = |picture: &Picture| {
            json!({
                "name": picture.name,
                "caption": picture.caption,
                "source": picture.shown.as_ref().ok(),
                "why": picture.shown.as_ref().err(),
            })
        };
        json!({ "pictures": self.all.iter().map(one).collect::<Vec<_>>() })
    }
}

/// Rows to show of a cluster: its sample, or those of its montage.
fn rows(level: &Level, cluster: u64) -> &[u64] {
    let sample = level.samples.clusters.binary_search(&cluster).ok().and_then(|at| level.samples.rows.get(at));
    let montage = || level.montages.iter().find(|montage| montage.cluster == cluster).map(|montage| &montage.rows);
    sample.or_else(montage).map_or(&[], |rows| &rows[..rows.len().min(MOST)])
}
