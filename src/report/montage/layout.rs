//! Where everything on a montage goes, in pixels.

use super::contents::{Montage, Options};
use super::size::{MAX_PIXELS, TILE_SIZES};
use super::text::{Face, whole};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_u32;
use crate::base::text::counted;

/// Lengths below are given for this tile size, and grow with it.
const REFERENCE: f32 = 160.0;

/// Positions, lengths and fonts of one montage.
pub(super) struct Layout {
    /// Side of a tile.
    pub(super) tile: u32,
    /// Size of the picture.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Blank margin on all four sides.
    pub(super) margin: u32,
    /// Left edge of title and subtitle, right of the accent.
    pub(super) text_left: u32,
    /// Width of the accent.
    pub(super) accent: u32,
    /// Height of the title block and its accent.
    pub(super) header: u32,
    pub(super) title: Face,
    pub(super) subtitle: Face,
    pub(super) caption: Face,
    pub(super) label: Face,
    gap: u32,
    grid_top: u32,
    row: u32,
    columns: u32,
}

impl Layout {
    /// # Errors
    /// `Usage` if the tile size is out of range or the picture would be too large.
    pub(super) fn new(montage: &Montage, options: &Options) -> Result<Self> {
        let tile = options.tile_size;
        if !TILE_SIZES.contains(&tile) {
            return Err(Error::usage(
                Finding::new("the tile size of montages is out of range")
                    .expected(format!("{} to {} pixels", TILE_SIZES.start(), TILE_SIZES.end()))
                    .found(tile.to_string()),
            ));
        }
        // smaller type is hard to read, however small the tiles
        let factor = (tile as f32 / REFERENCE).max(0.9);
        let length = |reference: f32| u32::try_from(whole((reference * factor).round())).unwrap_or(0);
        let (margin, gap, accent) = (length(20.0), length(8.0), length(4.0));
        let title = Face::semi_bold(20.0 * factor);
        let subtitle = Face::regular(13.0 * factor);
        let caption = Face::regular(12.0 * factor);
        let text_left = margin + accent + length(10.0);

        let header = title.height() + if montage.subtitle.is_empty() { 0.0 } else { 1.25 * subtitle.height() };
        let header = u32::try_from(whole(header.ceil())).unwrap_or(0);
        let has_captions = montage.tiles.iter().any(|tile| tile.caption.is_some());
        let row = tile + gap + if has_captions { length(20.0) } else { 0 };

        let count = montage.tiles.len().max(1) as u64;
        let columns = options.columns.map_or_else(|| best_columns(count), |c| u64::from(c.max(1)).min(count));
        let rows = count.div_ceil(columns);
        let grid = columns * u64::from(tile + gap) - u64::from(gap);
        // a title above few or small images may widen the picture, so that usual ones are never cut
        let widest_text = u64::from((4 * (tile + gap) - gap).max(length(480.0)));
        let text = title.width(&montage.title).max(subtitle.width(&montage.subtitle)).ceil();
        let text = u64::try_from(whole(text)).unwrap_or(0) + u64::from(text_left - margin);
        let inner = grid.max(text.min(widest_text));
        let grid_top = margin + header + length(16.0);
        let width = inner + 2 * u64::from(margin);
        let height = u64::from(grid_top) + rows * u64::from(row) - u64::from(gap) + u64::from(margin);

        let (width, height) = picture_size(width, height, count)?;
        let label = Face::semi_bold(12.0 * factor);
        // there are no more columns than tiles, and the width fits u32
        let columns = to_u32(columns);
        Ok(Layout {
            tile,
            width,
            height,
            margin,
            text_left,
            accent,
            header,
            title,
            subtitle,
            caption,
            label,
            gap,
            grid_top,
            row,
            columns,
        })
    }

    /// Height of everything above the tiles, less a gap.
    pub(super) fn title_height(&self) -> u32 {
        self.grid_top.saturating_sub(self.gap)
    }

    /// Upper left corner of a tile; `index` is below the number of tiles.
    pub(super) fn corner(&self, index: usize) -> (u32, u32) {
        let index = to_u32(index);
        let (row, column) = (index / self.columns, index % self.columns);
        (self.margin + column * (self.tile + self.gap), self.grid_top + row * self.row)
    }
}

fn picture_size(width: u64, height: u64, count: u64) -> Result<(u32, u32)> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if width.saturating_mul(height) <= MAX_PIXELS => Ok((w, h)),
        _ => Err(Error::usage(
            Finding::new("a montage would be too large for one picture")
                .expected(format!("at most {MAX_PIXELS} pixels"))
                .found(format!("{}, {width} x {height} pixels", counted(count, "image")))
                .hint("show fewer images with --montage-size"),
        )),
    }
}

/// Columns for `count` tiles: between a square and twice as wide as tall, with the fewest empty places.
fn best_columns(count: u64) -> u64 {
    let root = |n: u64| n.isqrt() + u64::from(n.isqrt().pow(2) < n);
    let (narrowest, widest) = (root(count), root(2 * count));
    let empty = |columns: &u64| count.div_ceil(*columns) * columns - count;
    (narrowest..=widest).min_by_key(empty).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::super::contents::{Accent, Tile};
    use super::super::size::{USUAL_TILE, fitting_tile};
    use super::*;

    fn montage(count: usize) -> Montage {
        Montage {
            title: "title".into(),
            subtitle: String::new(),
            accent: Accent::Best,
            tiles: vec![Tile::default(); count],
        }
    }

    #[test]
    fn grids_are_near_square_and_full() {
        let shapes = [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (7, 4), (10, 5), (12, 4), (20, 5), (25, 5)];
        for (count, columns) in shapes {
            assert_eq!(best_columns(count), columns, "{count}");
        }
        assert_eq!(best_columns(60), 10);
        for count in 1..500 {
            let columns = best_columns(count);
            assert!(columns >= count.div_ceil(columns), "{count}: taller than wide");
            assert!((columns - 1).pow(2) < 2 * count, "{count}: too wide");
        }
    }

    #[test]
    fn many_images_get_smaller_tiles_and_fit_a_picture() {
        assert_eq!((fitting_tile(1), fitting_tile(1000)), (USUAL_TILE, USUAL_TILE));
        for count in [1, 2, 3, 20, 1000, 1700, 1900, 2500, 3333, 5000, 9999, 10_000] {
            let mut many = montage(count);
            many.subtitle = "subtitle".into();
            many.tiles[0].caption = Some("caption".into());
            assert!(Layout::new(&many, &Options::for_images(count)).is_ok(), "{count}");
        }
        assert!(
            Layout::new(&montage(10_000), &Options::default()).is_err(),
            "the control: tiles of the usual size do not fit"
        );
    }

    #[test]
    fn tiles_neither_overlap_nor_leave_the_picture() {
        for (count, columns) in [(1, None), (7, None), (10, Some(3)), (3, Some(50))] {
            let options = Options { columns, ..Options::default() };
            let layout = Layout::new(&montage(count), &options).unwrap();
            let corners: Vec<_> = (0..count).map(|i| layout.corner(i)).collect();
            for (i, &(x, y)) in corners.iter().enumerate() {
                assert!(x + layout.tile + layout.margin <= layout.width);
                assert!(y + layout.tile + layout.margin <= layout.height);
                assert!(y >= layout.margin + layout.header);
                for &(u, v) in &corners[..i] {
                    assert!(x.abs_diff(u) >= layout.tile || y.abs_diff(v) >= layout.tile);
                }
            }
        }
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        for tile_size in [0, 31, 1025, u32::MAX] {
            assert!(Layout::new(&montage(4), &Options { tile_size, ..Options::default() }).is_err(), "{tile_size}");
        }
        assert!(Layout::new(&montage(2000), &Options::default()).is_ok());
        let error = Layout::new(&montage(20_000), &Options::default()).err().unwrap().to_string();
        assert!(error.contains("20000 images"), "{error}");
    }
}
