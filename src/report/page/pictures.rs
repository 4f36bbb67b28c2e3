//! The pictures of a page: which ones fit, and where they are stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;

use super::chosen;
use super::shell::{MOST_BYTES, in_script};
use crate::base::error::{Error, Result};
use crate::formats::folder::OutputFolder;
use crate::formats::npy::shell_word;
use crate::plan::record::{ContactSheet, MontageFile, RunRecord};
use crate::report::montage::{Encoded, Thumbnails};

/// Most bytes of these for montages.
const MONTAGES: u64 = 6_000_000;
/// Sides of montages in a page, pixels: the first at which all of them fit is used.
const MONTAGE_SIDES: [u32; 3] = [640, 480, 320];
/// Most bytes of a page for contact sheets, and their sides: they show more images.
const SHEETS: u64 = 2_000_000;
const SHEET_SIDES: [u32; 3] = [1280, 960, 640];
/// Sides of thumbnails in a page, pixels: the first at which all of them fit is used.
const SIDES: [u32; 3] = [160, 112, 80];
/// Thumbnails that are made to estimate the bytes of all.
const PROBED: usize = 48;
/// Sides of thumbnails beside the page, pixels: the second if there are more than so many, which would take about a gigabyte.
const SIDES_BESIDE: [u32; 2] = [240, 160];
const MANY_BESIDE: usize = 20_000;
/// Most thumbnails in one folder: programs that list or copy folders become slow with many more.
const IN_FOLDER: usize = 1_000;
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
    /// By row; `None` for an image that can't be read. Rows that the page leaves out are absent.
    pub(super) images: BTreeMap<u64, Option<String>>,
    /// What was left out, in words for readers.
    pub(super) notes: Vec<String>,
    /// The command that writes all pictures beside the page.
    pub(super) command: String,
}

/// Embeds pictures, as many as fit beside `used` bytes of other content.
pub(super) fn embedded(
    record: &RunRecord,
    used: u64,
    out: &Path,
    montage: &dyn Fn(&Path) -> Result<PathBuf>,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<PictureSources> {
    let make = Thumbnails::default();
    let mut shown = PictureSources { command: command(out), ..PictureSources::default() };
    let room = MOST_BYTES.saturating_sub(used);
    let left = embed_montages(record, room.min(MONTAGES), montage, &make, &mut shown, check_stop)?;
    let room = room - (room.min(MONTAGES) - left);
    let left = embed_sheets(record, room.min(SHEETS), montage, &make, &mut shown, check_stop)?;
    let mut room = room - (room.min(SHEETS) - left);
    let (first, rest) = chosen::in_order(record);
    let side = side(record, &first, room, &make, check_stop)?;
    let samples = first.len() + rest.len();
    let on_map = chosen::only_on_map(record, &[&first, &rest]);
    let rows = [first, rest, on_map].concat();
    'all: for batch in rows.chunks(BATCH) {
        for (row, made) in thumbnails(record, batch, side, &make, check_stop)? {
            let source = made.map(|made| made.data_uri());
            let size = source.as_ref().map_or(0, |source| source.len() as u64) + bytes_about(record, row);
            if size > room {
                break 'all;
            }
            room -= size;
            shown.images.insert(row, source);
        }
    }
    let done = shown.images.len();
    let missing = if done < samples {
        Some((done, samples, "sample images"))
    } else if done < rows.len() {
        Some((done - samples, rows.len() - samples, "images of points on the map"))
    } else {
        None
    };
    if let Some((done, all, what)) = missing {
        shown.notes.push(format!(
            "this page holds {done} of {all} {what}, to keep it small, those of the worst clusters first; `{}` writes all \
             of them beside it",
            shown.command

        ));
    }
    Ok(shown)
}

/// The largest side at which these rows take at most `room` bytes, by a few of them; the smallest if there is none.
fn side(
    record: &RunRecord,
    rows: &[u64],
    room: u64,
    make: &Thumbnails,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<u32> {
    let step = rows.len().div_ceil(PROBED).max(1);
    let probed: Vec<u64> = rows.iter().step_by(step).copied().collect();
    let about: u64 = probed.iter().map(|&row| bytes_about(record, row)).sum();
    let [larger @ .., smallest] = &SIDES;
    for &side in larger {
        let made = thumbnails(record, &probed, side, make, check_stop)?;
        let bytes: u64 = made.iter().flat_map(|(_, made)| made).map(|made| made.data_uri().len() as u64).sum();
        if (bytes + about) * step as u64 <= room {
            return Ok(side);
        }
    }
    Ok(*smallest)
}

/// About how many bytes the page takes for a row beside its picture: names, and numbers on every level.
fn bytes_about(record: &RunRecord, row: u64) -> u64 {
    let Some(images) = &record.images else { return 0 };
    let Some(at) = images.place(row) else { return 0 };
    let text = in_script(&json!([images.paths.get(at), images.captions.get(at), images.classes.get(at)]));
    text.len() as u64 + 32 * (record.levels.len() as u64 + 1)
}

/// The command that writes the report with all pictures.
fn command(out: &Path) -> String {
    format!("clustrata report {} --report-folder", shell_word(out))
}

/// Writes all thumbnails beside the page, where the montages are already.
pub(super) fn beside(
    record: &RunRecord,
    folder: &OutputFolder,
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<PictureSources> {
    let mut shown = PictureSources { command: command(folder.path()), ..PictureSources::default() };
    let montages = record.levels.iter().flat_map(|level| &level.montages).map(|montage| &montage.path);
    let sheets = record.levels.iter().filter_map(|level| Some(&level.contact_sheet.as_ref()?.path));
    for picture in montages.chain(sheets) {
        // URLs have `/` on every system
        let parts: Vec<_> = picture.iter().map(|part| part.to_string_lossy()).collect();
        shown.montages.insert(picture.clone(), parts.join("/"));
    }
    let samples = record.levels.iter().flat_map(|level| level.samples.all_rows());
    let mut rows: Vec<u64> = samples.chain(chosen::on_map(record)).collect();
    rows.sort_unstable();
    rows.dedup();
    let side = SIDES_BESIDE[usize::from(rows.len() > MANY_BESIDE)];
    let make = Thumbnails::default();
    for (number, rows) in rows.chunks(IN_FOLDER).enumerate() {
        for (row, made) in thumbnails(record, rows, side, &make, check_stop)? {
            let write = |made: Encoded| {
                let name = format!("report/{number}/row-{row}.{}", made.extension);
                let path = folder.staging(&name)?;
                std::fs::write(&path, made.bytes).map_err(|e| Error::io("can't write a thumbnail", &path, &e))?;
                Ok(name)
            };
            shown.images.insert(row, made.map(write).transpose()?);
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
