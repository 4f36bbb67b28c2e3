//! What a montage shows, and how it looks.

use std::path::PathBuf;

use super::size::{USUAL_TILE, fitting_tile};

/// What one montage shows.
#[derive(Debug, Clone, Default)]
pub struct Montage {
    /// One line, bold; shortened with an ellipsis if it is too long.
    pub title: String,
    /// One line below it; may be empty.
    pub subtitle: String,
    /// The colour beside the title.
    pub accent: Accent,
    /// The images, in groups from the top down.
    pub sections: Vec<Section>,
}

impl Montage {
    /// All images, in reading order.
    pub fn tiles(&self) -> impl Iterator<Item = &Tile> {
        self.sections.iter().flat_map(|section| &section.tiles)
    }

    /// All images, to be changed in place.
    pub fn tiles_mut(&mut self) -> impl Iterator<Item = &mut Tile> {
        self.sections.iter_mut().flat_map(|section| &mut section.tiles)
    }
}

/// Images that belong together.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// One line above them; may be empty.
    pub title: String,
    /// The images, in reading order.
    pub tiles: Vec<Tile>,
}

/// One image of a montage.
#[derive(Debug, Clone, Default)]
pub struct Tile {
    /// The image file: PNG, JPEG, WebP, GIF, BMP or TIFF.
    pub image: PathBuf,
    /// One short line below it.
    pub caption: Option<String>,
}

/// The colour beside the title. The title says the same in words, so nothing depends on telling colours apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accent {
    /// Green: among the best.
    Best,
    /// Red: among the worst.
    Worst,
    /// Grey-blue: neither.
    #[default]
    Neutral,
}

/// How montages look, and how much memory rendering may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Side of the square that an image is fitted into, 32 to 1024 pixels. Text grows with it.
    pub tile_size: u32,
    /// Images per row. By default between a square and twice as wide as tall, with the fewest empty places.
    pub columns: Option<u32>,
    /// Bytes that decoded images may take at a time, on all threads together. A larger image is decoded alone.
    pub decode_bytes: u64,
    /// Where a caption that is too long is shortened.
    pub cut: Cut,
}

/// Which part of a line is left out if it is too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cut {
    /// The end: for sentences.
    #[default]
    End,
    /// The middle: for file names, which differ at their ends.
    Middle,
}

impl Options {
    /// Tiles of the usual size, or smaller ones if a montage of `images` images would be too large.
    pub fn for_images(images: usize) -> Self {
        Options { tile_size: fitting_tile(images as u64), ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { tile_size: USUAL_TILE, columns: None, decode_bytes: 1 << 30, cut: Cut::default() }
    }
}
