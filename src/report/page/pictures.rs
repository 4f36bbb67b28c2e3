//! The pictures of a page: which ones fit, and where they are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::plan::record::{ContactSheet, MontageFile, RunRecord};
use crate::report::montage::{Encoded, Thumbnails};

/// Most bytes of a page with its pictures: mail systems and viewers accept that.
const PAGE: u64 = 14_000_000;
/// Most bytes of these for montages.
const MONTAGES: u64 = 6_000_000;
/// Sides of montages in a page, pixels: the first at which all of them fit is used.
const MONTAGE_SIDES: [u32; 3] = [640, 480, 320];
/// Most bytes of a page for contact sheets, and their sides: they show more images.
const SHEETS: u64 = 2_000_000;
const SHEET_SIDES: [u32; 3] = [1280, 960, 640];
/// Sides of thumbnails in a page and beside it, pixels.
const SIDE: u32 = 80;
const SIDE_BESIDE: u32 = 240;
/// Most bytes of decoded images in memory at a time.
const DECODED: u64 = 1 << 30;
/// Pictures made between two checks of the budget.
const BATCH: usize = 128;

/// Where the pictures of a report are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// In the page, as many as keep it small.
    Embedded,
    /// Beside the page: montages where they are, thumbnails in `report/`.
    Beside,
}

/// Sources of pictures, as written in the page.
#[derive(Debug, Default)]
pub(super) struct PictureSources {
    /// By path of the montage or contact sheet in the record.
    pub(super) montages: BTreeMap<PathBuf, String>,
    /// By row; images that could not be read are absent.
    pub(super) images: BTreeMap<u64, String>,
    /// What was left out, in words for readers.
    pub(super) notes: Vec<String>,
}

/// Embeds pictures, as many as fit beside `used` bytes of other content.
pub(super) fn embedded(
    record: &RunRecord,
    used: u64,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<PictureSources> {
    let make = Thumbnails::new(DECODED);
    let mut shown = PictureSources::default();
    let room = PAGE.saturating_sub(used);
    let left = embed_montages(record, room.min(MONTAGES), montage, &make, &mut shown, check_stop)?;
    let room = room - (room.min(MONTAGES) - left);
    let left = embed_sheets(record, room.min(SHEETS), montage, &make, &mut shown, check_stop)?;
    let mut room = room - (room.min(SHEETS) - left);
    let (rows, samples) = rows_shown(record);
    let mut done = 0;
    'all: for batch in rows.chunks(BATCH) {
        for (row, made) in thumbnails(record, batch, SIDE, &make, check_stop)? {
            let source = made.map(|made| made.data_uri());
            let size = source.as_ref().map_or(0, |source| source.len() as u64);
            if size > room {
                break 'all;
            }
            room -= size;
            done += 1;
            shown.images.extend(source.map(|source| (row, source)));
        }
    }
    let what = if done < samples { Some((done, samples, "sample images")) } else { None };
    let on_map = (done - done.min(samples), rows.len() - samples, "images of points on the map");
    if let Some((done, all, what)) = what.or((done < rows.len()).then_some(on_map)) {
        shown.notes.push(format!(
            "this page holds {done} of {all} {what}, to keep it small; `clustrata report --report-folder` writes \
             all of them beside it"
        ));
    }
    Ok(shown)
}

/// Writes all thumbnails beside the page, where the montages are already.
pub(super) fn beside(
    record: &RunRecord,
    folder: &OutputFolder,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<PictureSources> {
    let mut shown = PictureSources::default();
    let montages = record.levels.iter().flat_map(|level| &level.montages).map(|montage| &montage.path);
    let sheets = record.levels.iter().filter_map(|level| Some(&level.contact_sheet.as_ref()?.path));
    for picture in montages.chain(sheets) {
        // URLs have `/` on every system
        let parts: Vec<_> = picture.iter().map(|part| part.to_string_lossy()).collect();
        shown.montages.insert(picture.clone(), parts.join("/"));
    }
    let make = Thumbnails::new(DECODED);
    for batch in rows_shown(record).0.chunks(BATCH) {
        for (row, made) in thumbnails(record, batch, SIDE_BESIDE, &make, check_stop)? {
            let Some(made) = made else { continue };
            let name = format!("report/row-{row}.{}", made.extension);
            let path = folder.staging(&name)?;
            std::fs::write(&path, made.bytes).map_err(|e| Error::io("can't write a thumbnail", &path, &e))?;
            shown.images.insert(row, name);
        }
    }
    Ok(shown)
}

/// Embeds the montages that fit into `room` bytes; returns the bytes left.
fn embed_montages(
    record: &RunRecord,
    room: u64,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    make: &Thumbnails,
    shown: &mut PictureSources,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<u64> {
    // the first of every level and end before the second
    let mut all: Vec<_> = record.levels.iter().flat_map(|level| &level.montages).collect();
    all.sort_by_key(|montage| montage.rank);
    let file = |file: &&MontageFile| Ok((file.path.clone(), montage(&file.path)?, file.title_height));
    let files = all.iter().map(file).collect::<Result<Vec<_>>>()?;
    let (made, left) = fitting(&files, MONTAGE_SIDES, room, make, check_stop)?;
    if made.len() < files.len() {
        let note = format!("this page holds {} of {} montages", made.len(), files.len());
        shown.notes.push(note + "; all of them are in level*/montages");
    }
    shown.montages.extend(made);
    Ok(left)
}

/// Embeds the contact sheets that fit into `room` bytes, from the top level down; returns the bytes left.
fn embed_sheets(
    record: &RunRecord,
    room: u64,
    sheet: &dyn Fn(&Path) -> Result<PathBuf>,
    make: &Thumbnails,
    shown: &mut PictureSources,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<u64> {
    let sheets = record.levels.iter().rev().filter_map(|level| level.contact_sheet.as_ref());
    let file = |file: &ContactSheet| Ok((file.path.clone(), sheet(&file.path)?, file.title_height));
    let files = sheets.map(file).collect::<Result<Vec<_>>>()?;
    let (made, left) = fitting(&files, SHEET_SIDES, room, make, check_stop)?;
    shown.montages.extend(made);
    Ok(left)
}

/// A picture: its name in the record, its file, and the height of its title, which the page says in its own words.
type File = (PathBuf, PathBuf, u32);

/// Sources of pictures by their names.
type Named = Vec<(PathBuf, String)>;

/// Makes all pictures at the largest side at which they fit into `room` bytes; at the smallest side, as many as fit. Returns the
/// bytes left, too.
fn fitting(
    files: &[File],
    sides: [u32; 3],
    room: u64,
    make: &Thumbnails,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<(Named, u64)> {
    for side in sides {
        let one = |(name, path, title_height): &File| {
            check_stop()?;
            let made = make.make_below(path, *title_height, side);
            Ok(made.ok().map(|made| (name.clone(), made.data_uri())))
        };
        let made = files.par_iter().map(one).collect::<Result<Vec<_>>>()?;
        let total: u64 = made.iter().flatten().map(|(_, source)| source.len() as u64).sum();
        if total > room && Some(&side) != sides.last() {
            continue;
        }
        let (mut kept, mut left) = (Vec::new(), room);
        for (name, source) in made.into_iter().flatten() {
            let Some(rest) = left.checked_sub(source.len() as u64) else { break };
            left = rest;
            kept.push((name, source));
        }
        return Ok((kept, left));
    }
    Ok((Vec::new(), room))
}

/// Makes thumbnails of rows, in their order; `None` for images that can't be read.
fn thumbnails(
    record: &RunRecord,
    rows: &[u64],
    side: u32,
    make: &Thumbnails,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Vec<(u64, Option<Encoded>)>> {
    let one = |&row: &u64| {
        check_stop()?;
        let path = record.images.as_ref().and_then(|images| images.path(row));
        Ok((row, path.and_then(|path| make.make(&path, side).ok())))
    };
    rows.par_iter().map(one).collect()
}

/// The rows of all samples, each once: first the first sample of every cluster, from the top level down, then the second,
/// and so on.
fn round_robin(record: &RunRecord) -> Vec<u64> {
    let most = record.levels.iter().flat_map(|level| &level.samples.rows).map(Vec::len).max().unwrap_or(0);
    let mut seen = BTreeSet::new();
    let samples = |nth: usize| {
        record.levels.iter().rev().flat_map(move |l| l.samples.rows.iter().filter_map(move |r| r.get(nth)))
    };
    (0..most).flat_map(samples).copied().filter(|row| seen.insert(*row)).collect()
}

/// The rows of all samples and then of the points on the map, and the number of samples. The points of the t-SNE map, which is
/// shown first, come before those of the plane alone.
fn rows_shown(record: &RunRecord) -> (Vec<u64>, usize) {
    let mut rows = round_robin(record);
    let samples = rows.len();
    let mut seen: BTreeSet<u64> = rows.iter().copied().collect();
    if let (Some(map), Some(_)) = (&record.map, &record.images) {
        let near = map.tsne.iter().flat_map(|near| &near.points.rows);
        rows.extend(near.chain(&map.points.rows).copied().filter(|row| seen.insert(*row)));
    }
    (rows, samples)
}
