//! Colours and shapes.

use super::contents::{Accent, Cut, Montage};
use super::layout::Layout;
use super::text::blend;
use image::{Rgb, RgbImage, imageops};

const PAGE: Rgb<u8> = Rgb([255, 255, 255]);
/// Behind pictures that do not fill their tile, and behind transparent pixels.
pub(super) const GROUND: Rgb<u8> = Rgb([243, 244, 246]);
/// Edge of every tile, so that a white picture has one.
const EDGE: Rgb<u8> = Rgb([222, 226, 231]);
const INK: Rgb<u8> = Rgb([28, 32, 38]);
const QUIET_INK: Rgb<u8> = Rgb([88, 96, 107]);
const HATCH: Rgb<u8> = Rgb([226, 229, 234]);
/// Between sections.
const RULE: Rgb<u8> = Rgb([196, 202, 210]);

impl Accent {
    fn colour(self) -> Rgb<u8> {
        match self {
            Accent::Best => Rgb([46, 139, 98]),
            Accent::Worst => Rgb([192, 74, 66]),
            Accent::Neutral => Rgb([104, 122, 145]),
        }
    }
}

/// An empty page.
pub(super) fn canvas(layout: &Layout) -> RgbImage {
    RgbImage::from_pixel(layout.width, layout.height, PAGE)
}

/// Draws accent, title and subtitle.
pub(super) fn header(canvas: &mut RgbImage, layout: &Layout, montage: &Montage) {
    fill(canvas, (layout.margin, layout.margin), (layout.accent, layout.header), montage.accent.colour());
    let (left, top) = (layout.text_left as f32, layout.margin as f32);
    let room = (layout.width - layout.margin - layout.text_left) as f32;
    let title = layout.title.fit_end(&montage.title, room);
    layout.title.draw(canvas, left, top, &title, INK);
    let subtitle = layout.subtitle.fit_end(&montage.subtitle, room);
    let top = top + layout.header as f32 - layout.subtitle.height();
    layout.subtitle.draw(canvas, left, top, &subtitle, QUIET_INK);
}

/// Draws the title of section `at`, and a rule between it and the section above.
pub(super) fn section_title(canvas: &mut RgbImage, layout: &Layout, at: usize, title: &str) {
    let (left, width) = (layout.margin, layout.width - 2 * layout.margin);
    if let Some(y) = layout.rule(at) {
        fill(canvas, (left, y), (width, layout.rule), RULE);
    }
    let text = layout.section.fit_end(title, width as f32);
    layout.section.draw(canvas, left as f32, layout.title_top(at) as f32, &text, INK);
}

/// Draws a picture in the middle of the tile with this upper left corner.
pub(super) fn picture(canvas: &mut RgbImage, layout: &Layout, corner: (u32, u32), picture: &RgbImage) {
    let (x, y) = ground(canvas, layout, corner);
    let x = x + (layout.tile - picture.width().min(layout.tile)) / 2;
    let y = y + (layout.tile - picture.height().min(layout.tile)) / 2;
    imageops::replace(canvas, picture, i64::from(x), i64::from(y));
}

/// Draws a tile that says why there is no picture.
pub(super) fn placeholder(canvas: &mut RgbImage, layout: &Layout, corner: (u32, u32), label: &str, name: &str) {
    let (x, y) = ground(canvas, layout, corner);
    hatch(canvas, (x, y), layout.tile);
    let pad = layout.accent as f32;
    let room = layout.tile as f32 - 4.0 * pad;
    let lines =
        [(layout.label, layout.label.fit_end(label, room)), (layout.caption, layout.caption.fit_middle(name, room))];
    let lines = lines.iter().filter(|(_, text)| !text.is_empty());
    let height: f32 = lines.clone().map(|(face, _)| face.height()).sum();
    let middle = x as f32 + layout.tile as f32 / 2.0;
    let mut top = y as f32 + (layout.tile as f32 - height) / 2.0;
    for (face, text) in lines {
        let width = face.width(text);
        let left = middle - width / 2.0;
        plate(canvas, (left - pad, top), (width + 2.0 * pad, face.height()));
        face.draw(canvas, left, top, text, QUIET_INK);
        top += face.height();
    }
}

/// Draws one line below a tile, centred.
pub(super) fn caption(canvas: &mut RgbImage, layout: &Layout, (x, y): (u32, u32), caption: &str, cut: Cut) {
    let room = layout.tile as f32;
    let text = match cut {
        Cut::End => layout.caption.fit_end(caption, room),
        Cut::Middle => layout.caption.fit_middle(caption, room),
    };
    let left = x as f32 + (layout.tile as f32 - layout.caption.width(&text)) / 2.0;
    let top = (y + layout.tile + layout.accent) as f32;
    layout.caption.draw(canvas, left, top, &text, QUIET_INK);
}

/// Draws an empty tile with its edge; returns its upper left corner.
fn ground(canvas: &mut RgbImage, layout: &Layout, (x, y): (u32, u32)) -> (u32, u32) {
    // the edge is outside the tile, in the gap, so it covers no pixel of a picture
    fill(canvas, (x - 1, y - 1), (layout.tile + 2, layout.tile + 2), EDGE);
    fill(canvas, (x, y), (layout.tile, layout.tile), GROUND);
    (x, y)
}

/// Draws thin diagonals.
fn hatch(canvas: &mut RgbImage, (left, top): (u32, u32), side: u32) {
    const PERIOD: u32 = 10;
    for y in 0..side {
        for x in 0..side {
            // half covered on both sides of the line, which smooths it
            let coverage = match (x + y) % PERIOD {
                0 | 2 => 0.5,
                1 => 1.0,
                _ => continue,
            };
            blend(canvas.get_pixel_mut(left + x, top + y), HATCH, coverage);
        }
    }
}

/// Draws a plain rectangle behind text.
fn plate(canvas: &mut RgbImage, (left, top): (f32, f32), (width, height): (f32, f32)) {
    let pixels = |length: f32| u32::try_from(super::text::whole(length.round())).unwrap_or(0);
    fill(canvas, (pixels(left), pixels(top)), (pixels(width), pixels(height)), GROUND);
}

/// Fills a rectangle, clipped to the canvas.
fn fill(canvas: &mut RgbImage, (left, top): (u32, u32), (width, height): (u32, u32), colour: Rgb<u8>) {
    let right = left.saturating_add(width).min(canvas.width());
    let bottom = top.saturating_add(height).min(canvas.height());
    for y in top..bottom {
        for x in left..right {
            canvas.put_pixel(x, y, colour);
        }
    }
}
