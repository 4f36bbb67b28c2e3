//! The pictures of a report: which fit, and where they are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::plan::record::{MontageFile, RunRecord};
use crate::report::montage::{Encoded, Thumbnails};

/// What a page may weigh with its pictures, bytes: mail systems and viewers take that.
const PAGE: u64 = 14_000_000;
/// What of it goes to montages, at most.
const MONTAGES: u64 = 6_000_000;
/// Widths of montages in a page, pixels: the first at which all of them fit.
const MONTAGE_SIDES: [u32; 3] = [640, 480, 320];
/// Side of a thumbnail in a page, and of one beside it, which may weigh what it likes.
const SIDE: u32 = 80;
const SIDE_BESIDE: u32 = 240;
/// Bytes of decoded images in memory at one time.
const DECODED: u64 = 1 << 30;
/// Pictures made between two looks at the budget.
const BATCH: usize = 128;

/// Sources of pictures, as a page writes them.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// By the montage's path in the record.
    pub(super) montages: BTreeMap<PathBuf, String>,
    /// By row; those that could not be made are not there.
    pub(super) images: BTreeMap<u64, String>,
    /// What was left out, for readers.
    pub(super) notes: Vec<String>,
}

/// All pictures in the page, as far as they fit beside `used` bytes of other things.
pub(super) fn embedded(
    record: &RunRecord,
    used: u64,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    go_on: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Shown> {
    let make = Thumbnails::new(DECODED);
    let mut shown = Shown::default();
    let room = PAGE.saturating_sub(used);
    let left = embed_montages(record, room.min(MONTAGES), montage, &make, &mut shown, go_on)?;
    let mut room = room - (room.min(MONTAGES) - left);
    let rows = in_turn(record);
    let mut done = 0;
    'all: for batch in rows.chunks(BATCH) {
        for (row, made) in thumbnails(record, batch, SIDE, &make, go_on)? {
            let source = made.map(|made| data_uri(&made));
            let size = source.as_ref().map_or(0, |source| source.len() as u64);
            if size > room {
                break 'all;
            }
            room -= size;
            done += 1;
            shown.images.extend(source.map(|source| (row, source)));
        }
    }
    if done < rows.len() {
        shown.notes.push(format!(
            "{done} of {} sample images are in this page, to keep it small; `clustrata report --report-folder` writes \
             all of them beside it",
            rows.len()
        ));
    }
    Ok(shown)
}

/// All thumbnails beside the page; montages are there already.
pub(super) fn beside(
    record: &RunRecord,
    folder: &OutputFolder,
    go_on: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Shown> {
    let mut shown = Shown::default();
    for montage in record.levels.iter().flat_map(|level| &level.montages) {
        // with `/` on every system: the page is a web page
        let parts: Vec<_> = montage.path.iter().map(|part| part.to_string_lossy()).collect();
        shown.montages.insert(montage.path.clone(), parts.join("/"));
    }
    let make = Thumbnails::new(DECODED);
    for batch in in_turn(record).chunks(BATCH) {
        for (row, made) in thumbnails(record, batch, SIDE_BESIDE, &make, go_on)? {
            let Some(made) = made else { continue };
            let name = format!("report/row-{row}.{}", made.extension);
            let path = folder.staging(&name)?;
            std::fs::write(&path, made.bytes).map_err(|e| Error::io("can't write a picture", &path, &e))?;
            shown.images.insert(row, name);
        }
    }
    Ok(shown)
}

/// Embeds all montages at the largest size at which they fit into `room` bytes; at the smallest, as many as fit. Returns
/// what is left of the room.
fn embed_montages(
    record: &RunRecord,
    room: u64,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    make: &Thumbnails,
    shown: &mut Shown,
    go_on: &(dyn Fn() -> Result<()> + Sync),
) -> Result<u64> {
    // the first of all levels and both ends before the second
    let mut all: Vec<_> = record.levels.iter().flat_map(|level| &level.montages).collect();
    all.sort_by_key(|montage| montage.rank);
    let files = all.iter().map(|file| Ok((*file, montage(&file.path)?))).collect::<Result<Vec<_>>>()?;
    for side in MONTAGE_SIDES {
        let one = |(file, path): &(&MontageFile, PathBuf)| {
            go_on()?;
            let made = make.make_below(path, file.title_height, side);
            Ok(made.ok().map(|made| (file.path.clone(), data_uri(&made))))
        };
        let made = files.par_iter().map(one).collect::<Result<Vec<_>>>()?;
        let is_last = Some(&side) == MONTAGE_SIDES.last();
        let total: u64 = made.iter().flatten().map(|(_, source)| source.len() as u64).sum();
        if total > room && !is_last {
            continue;
        }
        let mut left = room;
        for (name, source) in made.into_iter().flatten() {
            let Some(rest) = left.checked_sub(source.len() as u64) else { break };
            left = rest;
            shown.montages.insert(name, source);
        }
        if shown.montages.len() < files.len() {
            let note = format!("{} of {} montages are in this page", shown.montages.len(), files.len());
            shown.notes.push(note + "; all that could be made lie in level*/montages");
        }
        return Ok(left);
    }
    Ok(room)
}

/// Makes thumbnails of rows, in their order.
fn thumbnails(
    record: &RunRecord,
    rows: &[u64],
    side: u32,
    make: &Thumbnails,
    go_on: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Vec<(u64, Option<Encoded>)>> {
    let one = |&row: &u64| {
        go_on()?;
        let path = record.images.as_ref().and_then(|images| images.path(row));
        Ok((row, path.and_then(|path| make.make(&path, side).ok())))
    };
    rows.par_iter().map(one).collect()
}

/// The rows of all samples: the first of every cluster from the top level down, then the second, and so on.
fn in_turn(record: &RunRecord) -> Vec<u64> {
    let most = record.levels.iter().flat_map(|level| &level.samples.rows).map(Vec::len).max().unwrap_or(0);
    let mut seen = BTreeSet::new();
    let samples = |nth: usize| {
        record.levels.iter().rev().flat_map(move |l| l.samples.rows.iter().filter_map(move |r| r.get(nth)))
    };
    (0..most).flat_map(samples).copied().filter(|row| seen.insert(*row)).collect()
}

fn data_uri(picture: &Encoded) -> String {
    format!("data:{};base64,{}", picture.mime, STANDARD.encode(&picture.bytes))
}
