//! Montages: the images of a cluster side by side under a title, as a picture fit for a paper.
//!
//! The input is plain data: paths and text. An image that is missing or can't be decoded becomes a marked tile and is
//! reported, so hours of computing never fail over a picture.
//!
//! | module | what it knows |
//! |---|---|
//! | `contents` | what a montage shows, and its options |
//! | `size` | tile sizes and limits |
//! | `layout` | where everything goes |
//! | `picture` | from an image file to a picture that fits a tile |
//! | `budget` | how much may be decoded at a time |
//! | `text` | the font: measuring, shortening, drawing |
//! | `draw` | colours and shapes |
//! | `render` | from contents to pixels and files |
//! | `encode` | from pixels to a PNG, JPEG or WebP file |
//! | `thumbnail` | small pictures for pages |

mod budget;
mod contents;
mod draw;
mod encode;
mod layout;
mod picture;
mod render;
mod size;
mod text;
mod thumbnail;

pub use contents::{Accent, Cut, Montage, Options, Section, Tile};
pub use render::{Rendered, WriteSummary, render, title_height, write_all};
pub use thumbnail::{Encoded, Thumbnails};

/// The characters of `texts` that the font lacks, which are drawn as boxes.
pub fn lacking<'a>(texts: impl Iterator<Item = &'a str>) -> std::collections::BTreeSet<char> {
    texts.flat_map(text::lacking).collect()
}
