//! Renders montages to pixels and files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;

use super::budget::Budget;
use super::contents::{Montage, Options, Tile};
use super::layout::Layout;
use super::picture::{self, Problem};
use super::{draw, encode};
use crate::base::error::Result;

/// A rendered montage.
#[derive(Debug)]
pub struct Rendered {
    /// The picture.
    pub image: RgbImage,
    /// Images that do not exist, in reading order.
    pub missing: Vec<PathBuf>,
    /// Images that exist but can't be shown, each with the reason, in reading order.
    pub broken: Vec<(PathBuf, String)>,
}

/// The result of [`write_all`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WriteSummary {
    /// Montages written.
    pub written: usize,
    /// Images that do not exist.
    pub missing: BTreeSet<PathBuf>,
    /// Images that exist but can't be shown, each with the reason.
    pub broken: BTreeMap<PathBuf, String>,
}

/// Renders one montage. Images are decoded on all threads of the current rayon pool.
///
/// # Errors
/// `Usage` if the tile size is out of range or the picture would be too large.
pub fn render(montage: &Montage, options: &Options) -> Result<Rendered> {
    render_within(montage, options, &Budget::new(options.decode_bytes))
}

/// Renders every montage to its path, as PNG, JPEG (`.jpg`) or WebP according to the extension, several at a time. Calls
/// `on_done` after each one, from any thread; its error (say, an interruption) ends the work.
///
/// # Errors
/// `Usage` as for [`render`], `Failed` if a file can't be written, or the error of `on_done`.
pub fn write_all(
    jobs: &[(PathBuf, Montage)],
    options: &Options,
    on_done: impl Fn(&Path) -> Result<()> + Sync,
) -> Result<WriteSummary> {
    let budget = Budget::new(options.decode_bytes);
    let write = |(path, montage): &(PathBuf, Montage)| {
        let Rendered { image, missing, broken } = render_within(montage, options, &budget)?;
        encode::write(path, &image)?;
        on_done(path)?;
        Ok(WriteSummary { written: 1, missing: missing.into_iter().collect(), broken: broken.into_iter().collect() })
    };
    jobs.par_iter().map(write).try_reduce(WriteSummary::default, |mut all, one| {
        all.written += one.written;
        all.missing.extend(one.missing);
        all.broken.extend(one.broken);
        Ok(all)
    })
}

/// Height in pixels of the title block of a montage with a subtitle. A page that repeats the title in its own words crops it.
///
/// # Errors
/// `Usage` if the tile size is out of range.
pub fn title_height(options: &Options) -> Result<u32> {
    let titled = Montage { subtitle: "subtitle".to_owned(), ..Montage::default() };
    Ok(Layout::new(&titled, options)?.title_height())
}

fn render_within(montage: &Montage, options: &Options, budget: &Budget) -> Result<Rendered> {
    let layout = Layout::new(montage, options)?;
    let tiles: Vec<&Tile> = montage.tiles().collect();
    let pictures: Vec<Result<RgbImage, Problem>> =
        tiles.par_iter().map(|tile| picture::load(&tile.image, layout.tile, budget)).collect();
    // not before: a thread that waits for its pictures may start another montage, and canvases would pile up
    let mut image = draw::canvas(&layout);
    draw::header(&mut image, &layout, montage);
    if tiles.is_empty() {
        draw::placeholder(&mut image, &layout, layout.corner(0, 0), "no images", "");
    }
    for (at, section) in montage.sections.iter().enumerate() {
        draw::section_title(&mut image, &layout, at, &section.title);
    }
    let (mut missing, mut broken) = (Vec::new(), Vec::new());
    for ((corner, tile), picture) in layout.corners(montage).zip(tiles).zip(pictures) {
        match picture {
            Ok(picture) => draw::picture(&mut image, &layout, corner, &picture),
            Err(problem) => {
                draw::placeholder(&mut image, &layout, corner, problem.label(), &file_name(&tile.image));
                match problem {
                    Problem::Missing => missing.push(tile.image.clone()),
                    Problem::Broken(reason) => broken.push((tile.image.clone(), reason)),
                }
            }
        }
        if let Some(caption) = &tile.caption {
            draw::caption(&mut image, &layout, corner, caption, options.cut);
        }
    }
    Ok(Rendered { image, missing, broken })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
