//! Where everything on a montage goes, in pixels.

use super::contents::{Montage, Options};
use super::size::{MAX_PIXELS, TILE_SIZES};
use super::text::{Face, whole};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_u32;
use crate::base::text::counted;

/// Lengths below are given for this tile size, and grow with it.
const REFERENCE: f32 = 160.0;

/// Sections of up to so many images may be one row each, even if the picture becomes wider than twice its height.
const LONGEST_ROW: u64 = 12;

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
    pub(super) section: Face,
    pub(super) caption: Face,
    pub(super) label: Face,
    /// Thickness of the rule between sections.
    pub(super) rule: u32,
    gap: u32,
    /// Top of everything below title and subtitle.
    body: u32,
    row: u32,
    columns: u32,
    /// Between sections.
    between: u32,
    places: Vec<Place>,
}

/// Where a section is.
struct Place {
    /// Top of its title.
    title: u32,
    /// Top of its tiles.
    tiles: u32,
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
        let length = |reference: f32| pixels((reference * factor).round());
        let (margin, gap, accent, between) = (length(20.0), length(8.0), length(4.0), length(32.0));
        let (title, subtitle) = (Face::semi_bold(21.0 * factor), Face::regular(13.0 * factor));
        let (section, caption) = (Face::semi_bold(18.0 * factor), Face::regular(12.0 * factor));
        let text_left = margin + accent + length(10.0);

        let header = title.height() + if montage.subtitle.is_empty() { 0.0 } else { 1.25 * subtitle.height() };
        let header = pixels(header.ceil());
        let has_captions = montage.tiles().any(|tile| tile.caption.is_some());
        let row = tile + gap + if has_captions { length(20.0) } else { 0 };

        let mut counts: Vec<u64> = montage.sections.iter().map(|section| section.tiles.len() as u64).collect();
        let count: u64 = counts.iter().sum();
        if count == 0 {
            // the place of a tile that says so
            counts = vec![1; montage.sections.len().max(1)];
        }
        let longest = counts.iter().copied().max().unwrap_or(1);
        let columns = options.columns.map_or_else(|| best_columns(&counts), |c| u64::from(c.max(1)).min(longest));
        let grid = columns * u64::from(tile + gap) - u64::from(gap);
        // a title above few or small images may widen the picture, so that usual ones are never cut
        let widest_text = u64::from((5 * (tile + gap) - gap).max(length(600.0)));
        let text = title.width(&montage.title).max(subtitle.width(&montage.subtitle)) + (text_left - margin) as f32;
        let titles = montage.sections.iter().map(|of| section.width(&of.title));
        let inner = grid.max(u64::from(pixels(titles.fold(text, f32::max).ceil())).min(widest_text));

        let body = margin + header + length(16.0);
        let title_height = pixels(section.height().ceil()) + length(6.0);
        let (mut places, mut bottom) = (Vec::new(), u64::from(body));
        for (at, &count) in counts.iter().enumerate() {
            let top = bottom + if at > 0 { u64::from(between) } else { 0 };
            let titled = montage.sections.get(at).is_some_and(|section| !section.title.is_empty());
            let tiles = top + if titled { u64::from(title_height) } else { 0 };
            places.push((top, tiles));
            bottom = (tiles + count.div_ceil(columns) * u64::from(row)).saturating_sub(u64::from(gap));
        }
        let (width, height) = picture_size(inner + 2 * u64::from(margin), bottom + u64::from(margin), count)?;
        // the height fits u32, and so does what is above it; there are no more columns than the width has pixels
        let places = places.into_iter().map(|(title, tiles)| Place { title: to_u32(title), tiles: to_u32(tiles) });
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
            section,
            caption,
            label: Face::semi_bold(12.0 * factor),
            rule: length(1.0).max(1),
            gap,
            body,
            row,
            columns: to_u32(columns),
            between,
            places: places.collect(),
        })
    }

    /// Height of everything above the sections, less a gap.
    pub(super) fn title_height(&self) -> u32 {
        self.body.saturating_sub(self.gap)
    }

    /// Top of the title of section `at`.
    pub(super) fn title_top(&self, at: usize) -> u32 {
        self.places[at].title
    }

    /// Top of the rule above section `at`; the first has none.
    pub(super) fn rule(&self, at: usize) -> Option<u32> {
        // nearer to the section that it opens
        (at > 0).then(|| self.places[at].title - self.between * 2 / 5)
    }

    /// Upper left corner of a tile; `index` is below the number of tiles of section `at`.
    pub(super) fn corner(&self, at: usize, index: usize) -> (u32, u32) {
        let index = to_u32(index);
        let (row, column) = (index / self.columns, index % self.columns);
        (self.margin + column * (self.tile + self.gap), self.places[at].tiles + row * self.row)
    }

    /// Upper left corners of all tiles, in reading order.
    pub(super) fn corners(&self, montage: &Montage) -> impl Iterator<Item = (u32, u32)> {
        let sections = montage.sections.iter().map(|section| section.tiles.len()).enumerate();
        sections.flat_map(move |(at, tiles)| (0..tiles).map(move |index| self.corner(at, index)))
    }
}

/// A length that is not negative, in whole pixels.
fn pixels(length: f32) -> u32 {
    u32::try_from(whole(length)).unwrap_or(0)
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

/// Columns for sections of so many tiles: between a square and twice as wide as tall, or one row for each section if that is not
/// too long; all sections with the same number of rows if possible, and the fewest empty places.
fn best_columns(counts: &[u64]) -> u64 {
    let root = |n: u64| n.isqrt() + u64::from(n.isqrt().pow(2) < n);
    let (all, longest) = (counts.iter().sum::<u64>(), counts.iter().copied().max().unwrap_or(1));
    let rows = if counts.len() > 1 { longest.min(LONGEST_ROW) } else { 0 };
    let (narrowest, widest) = (root(all).min(longest), root(2 * all).max(rows).min(longest));
    let uneven = |columns: u64| {
        let rows = || counts.iter().map(|count| count.div_ceil(columns));
        rows().max().unwrap_or(0) - rows().min().unwrap_or(0)
    };
    let empty = |columns: u64| counts.iter().map(|count| count.div_ceil(columns) * columns - count).sum::<u64>();
    (narrowest..=widest).min_by_key(|&columns| (uneven(columns), empty(columns))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::super::contents::{Accent, Section, Tile};
    use super::super::size::{USUAL_TILE, fitting_tile};
    use super::*;

    fn montage(count: usize) -> Montage {
        Montage { title: "title".into(), accent: Accent::Best, ..sections(&[("", count)]) }
    }

    fn sections(of: &[(&str, usize)]) -> Montage {
        let section = |&(title, count): &(&str, usize)| Section {
            title: title.to_owned(),
            tiles: vec![Tile { caption: Some("d 1.000".to_owned()), ..Tile::default() }; count],
        };
        Montage { sections: of.iter().map(section).collect(), ..Montage::default() }
    }

    #[test]
    fn grids_are_near_square_and_full() {
        let shapes = [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (7, 4), (10, 5), (12, 4), (20, 5), (25, 5)];
        for (count, columns) in shapes {
            assert_eq!(best_columns(&[count]), columns, "{count}");
        }
        assert_eq!(best_columns(&[60]), 10);
        for count in 1..500 {
            let columns = best_columns(&[count]);
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
            assert!(Layout::new(&many, &Options::for_images(count)).is_ok(), "{count}");
            // as many in sections, of which the last row of each has room left
            let third = count / 3;
            for rest in [third, third.saturating_sub(1)] {
                let three = sections(&[("closest", third), ("farthest", rest), ("closest of another", third)]);
                assert!(Layout::new(&three, &Options::for_images(count)).is_ok(), "{count} in sections");
            }
        }
        assert!(
            Layout::new(&montage(10_000), &Options::default()).is_err(),
            "the control: tiles of the usual size do not fit"
        );
    }

    #[test]
    fn sections_are_one_row_each_where_that_is_not_too_wide() {
        let shapes: [(&[u64], u64); 11] = [
            (&[6, 6, 6], 6),
            (&[10, 10], 5),
            (&[5, 5, 6], 6),
            (&[10, 10, 10], 10),
            (&[20, 20, 20], 10),
            (&[4, 3, 6], 6),
            (&[1, 1, 6], 6),
            (&[1], 1),
            (&[1, 1], 1),
            (&[2, 1], 2),
            (&[50, 50], 10),
        ];
        for (counts, columns) in shapes {
            assert_eq!(best_columns(counts), columns, "{counts:?}");
        }
    }

    /// Left, top, right and bottom.
    type Area = [f32; 4];

    fn apart(a: &Area, b: &Area) -> bool {
        a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1]
    }

    /// The areas of title, subtitle, titles of sections, and tiles with their captions.
    fn areas(montage: &Montage, layout: &Layout) -> Vec<Area> {
        let line = |face: Face, text: &str, left: u32, top: f32| {
            let room = (layout.width - layout.margin - left) as f32;
            [left as f32, top, left as f32 + face.width(&face.fit_end(text, room)), top + face.height()]
        };
        let top = layout.margin as f32;
        let mut areas = vec![line(layout.title, &montage.title, layout.text_left, top)];
        let bottom = top + layout.header as f32;
        areas.push(line(layout.subtitle, &montage.subtitle, layout.text_left, bottom - layout.subtitle.height()));
        for (at, section) in montage.sections.iter().enumerate() {
            areas.push(line(layout.section, &section.title, layout.margin, layout.title_top(at) as f32));
            let rule = layout.rule(at).map(|y| y as f32);
            areas.extend(rule.map(|y| [layout.margin as f32, y, layout.width as f32, y + layout.rule as f32]));
        }
        let captioned = montage.tiles().any(|tile| tile.caption.is_some());
        let caption = if captioned { layout.accent as f32 + layout.caption.height() } else { 0.0 };
        let tile = layout.tile as f32;
        areas.extend(layout.corners(montage).map(|(x, y)| {
            let (x, y) = (x as f32, y as f32);
            [x, y, x + tile, y + tile + caption]
        }));
        areas
    }

    #[test]
    fn nothing_overlaps_or_leaves_the_picture() {
        let plain: Vec<Montage> = [1, 3, 7, 10].map(montage).into();
        let near = "Closest of the nearest cluster 123456 (at distance 1.234e-5), which is a rather long title";
        let sectioned = [
            sections(&[("Closest to the centroid", 6), ("Farthest from the centroid", 6), (near, 6)]),
            sections(&[("Closest to the centroid", 5), ("Farthest from the centroid", 4), (near, 6)]),
            sections(&[("Closest to the centroid", 1)]),
            sections(&[("The best", 1), ("The worst", 1)]),
            sections(&[("", 3), ("", 2)]),
        ];
        for mut montage in plain.into_iter().chain(sectioned) {
            montage.title = "Level 1, cluster 42, the best of all by a metric with a long name".into();
            montage.subtitle = "128 points, and much more".into();
            for (columns, tile_size) in [(None, 160), (Some(3), 160), (Some(50), 160), (None, 40), (None, 300)] {
                let options = Options { columns, tile_size, ..Options::default() };
                let layout = Layout::new(&montage, &options).unwrap();
                let all = areas(&montage, &layout);
                let [width, height, margin] = [layout.width, layout.height, layout.margin].map(|length| length as f32);
                for (i, area) in all.iter().enumerate() {
                    assert!(area[0] >= margin && area[1] >= margin, "{area:?}");
                    // a caption may reach into the margin below, but not out of it
                    assert!(area[2] <= width && area[3] < height, "{area:?} in {width} x {height}");
                    for other in &all[..i] {
                        assert!(apart(area, other), "{area:?} and {other:?}, {columns:?}, {tile_size}");
                    }
                }
                let below_the_title = layout.title_height() as f32;
                assert!(all[2..].iter().all(|area| area[1] >= below_the_title), "what a page keeps");
                assert!(all[..2].iter().all(|area| area[3] <= below_the_title), "what a page cuts off");
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
