//! Montages: the images of a cluster side by side under a title, as a figure that can go into a paper.
//!
//! Input is plain data (paths and text); what the images stand for is the caller's business. An image that is missing
//! or can't be decoded becomes a marked tile and is reported: hours of computing never end over a picture.
//!
//! | module | what it knows |
//! |---|---|
//! | `layout` | where everything goes |
//! | `picture` | from a file to a tile-sized picture |
//! | `budget` | how much may be decoded at once |
//! | `text` | the font: measuring, shortening, drawing |
//! | `draw` | colours and shapes |
//! | `encode` | from pixels to a PNG, JPEG or WebP file |
//! | `thumbnail` | small pictures for pages |

mod budget;
mod draw;
mod encode;
mod layout;
mod picture;
mod text;
mod thumbnail;

use crate::base::error::Result;
use budget::Budget;
use image::RgbImage;
use layout::Layout;
use picture::Problem;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use thumbnail::{Encoded, Thumbnails};

/// What one montage shows.
#[derive(Debug, Clone, Default)]
pub struct Montage {
    /// One line, bold; shortened with an ellipsis where it is too long.
    pub title: String,
    /// One line below it; may be empty.
    pub subtitle: String,
    /// The colour beside the title.
    pub accent: Accent,
    /// The images, in reading order.
    pub tiles: Vec<Tile>,
}

/// One image of a montage.
#[derive(Debug, Clone, Default)]
pub struct Tile {
    /// The image file, in any format that the program decodes (PNG, JPEG, WebP, GIF, BMP, TIFF).
    pub image: PathBuf,
    /// One short line below it.
    pub caption: Option<String>,
}

/// The colour beside the title. The title says the same in words, so nothing hangs on telling colours apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accent {
    /// green: among the best
    Best,
    /// red: among the worst
    Worst,
    /// grey-blue: neither
    #[default]
    Neutral,
}

/// How montages look, and what rendering them may cost.
#[derive(Debug, Clone)]
pub struct Options {
    /// Side of the square that an image is fitted into, in pixels; text grows with it. 32 to 1024.
    pub tile_size: u32,
    /// Images per row; by default as near a square as fills its rows best, rather wide than tall.
    pub columns: Option<u32>,
    /// Bytes that decoded images may take at any one time, on all threads together. An image that needs more than
    /// that is decoded alone.
    pub decode_bytes: u64,
    /// Where a caption that is too long is cut.
    pub cut: Cut,
}

/// Which part of a line goes where it is too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cut {
    /// The end: of sentences.
    #[default]
    End,
    /// The middle: file names differ at their ends.
    Middle,
}

impl Options {
    /// Tiles of the usual size where montages of so many images make a picture with them, else smaller ones.
    pub fn for_images(images: usize) -> Self {
        Options { tile_size: layout::fitting_tile(images as u64), ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { tile_size: layout::USUAL_TILE, columns: None, decode_bytes: 1 << 30, cut: Cut::default() }
    }
}

/// A montage as a picture.
#[derive(Debug)]
pub struct Rendered {
    /// The picture.
    pub image: RgbImage,
    /// Images that don't exist, in reading order.
    pub missing: Vec<PathBuf>,
    /// Images that exist and can't be shown, with the reason, in reading order.
    pub broken: Vec<(PathBuf, String)>,
}

/// What [`write_all`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Montages written.
    pub written: usize,
    /// Images that don't exist, each once, sorted.
    pub missing: BTreeSet<PathBuf>,
    /// Images that exist and can't be shown, with the reason.
    pub broken: BTreeMap<PathBuf, String>,
}

/// Renders one montage, decoding on all threads of the current rayon pool.
///
/// # Errors
/// `Usage` when the options or the number of tiles make no picture.
pub fn render(montage: &Montage, options: &Options) -> Result<Rendered> {
    render_within(montage, options, &Budget::new(options.decode_bytes))
}

/// Renders every montage to its path, as PNG, JPEG (`.jpg`) or WebP by its extension, several at a time. `on_done` hears of each one as it is written, from
/// any thread; an error of its own (say, an interruption) ends the work.
///
/// # Errors
/// `Usage` as for [`render`], `Failed` when a file can't be written, or what `on_done` returned.
pub fn write_all(
    jobs: &[(PathBuf, Montage)],
    options: &Options,
    on_done: impl Fn(&Path) -> Result<()> + Sync,
) -> Result<Summary> {
    let budget = Budget::new(options.decode_bytes);
    let write = |(path, montage): &(PathBuf, Montage)| {
        let Rendered { image, missing, broken } = render_within(montage, options, &budget)?;
        encode::write(path, &image)?;
        on_done(path)?;
        Ok(Summary { written: 1, missing: missing.into_iter().collect(), broken: broken.into_iter().collect() })
    };
    jobs.par_iter().map(write).try_reduce(Summary::default, |mut all, one| {
        all.written += one.written;
        all.missing.extend(one.missing);
        all.broken.extend(one.broken);
        Ok(all)
    })
}

/// Pixels above the tiles of a montage with a subtitle: what a page leaves away that says the same in its own words.
///
/// # Errors
/// `Usage` when the options make no picture.
pub fn title_height(options: &Options) -> Result<u32> {
    let titled = Montage { subtitle: "subtitle".to_owned(), ..Montage::default() };
    Ok(Layout::new(&titled, options)?.title_height())
}

fn render_within(montage: &Montage, options: &Options, budget: &Budget) -> Result<Rendered> {
    let layout = Layout::new(montage, options)?;
    let pictures: Vec<Result<RgbImage, Problem>> =
        montage.tiles.par_iter().map(|tile| picture::load(&tile.image, layout.tile, budget)).collect();
    // Only now: a thread that waits for its pictures may start another montage, and canvases would pile up.
    let mut image = draw::canvas(&layout);
    draw::header(&mut image, &layout, montage);
    if montage.tiles.is_empty() {
        draw::placeholder(&mut image, &layout, 0, "no images", "");
    }
    let (mut missing, mut broken) = (Vec::new(), Vec::new());
    for (i, (tile, picture)) in montage.tiles.iter().zip(pictures).enumerate() {
        match picture {
            Ok(picture) => draw::picture(&mut image, &layout, i, &picture),
            Err(problem) => {
                draw::placeholder(&mut image, &layout, i, problem.label(), &file_name(&tile.image));
                match problem {
                    Problem::Missing => missing.push(tile.image.clone()),
                    Problem::Broken(reason) => broken.push((tile.image.clone(), reason)),
                }
            }
        }
        if let Some(caption) = &tile.caption {
            draw::caption(&mut image, &layout, i, caption, options.cut);
        }
    }
    Ok(Rendered { image, missing, broken })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
