//! The font: measuring, shortening, drawing one line of text.
//!
//! Characters are set one after the other, without shaping. A character that the font lacks becomes an empty box, so any
//! file name can be shown.

use ab_glyph::{Font as _, FontRef, Glyph, GlyphId, PxScale, ScaleFont as _, point};
use image::{Rgb, RgbImage};
use std::sync::LazyLock;

static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("fonts/Inter-Regular.otf")).expect("a font of this crate"));
static SEMI_BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("fonts/Inter-SemiBold.otf")).expect("a font of this crate")
});

const ELLIPSIS: &str = "…";

/// Stands for a character that the font lacks. The font's own sign for these is a black box, and a name would be a black bar.
const BOX: char = '□';

/// A font at a size.
#[derive(Clone, Copy)]
pub(super) struct Face {
    font: &'static FontRef<'static>,
    scale: PxScale,
}

impl Face {
    /// Regular weight; `size` is the em in pixels.
    pub(super) fn regular(size: f32) -> Self {
        Face::new(&REGULAR, size)
    }

    /// Semi-bold weight; `size` is the em in pixels.
    pub(super) fn semi_bold(size: f32) -> Self {
        Face::new(&SEMI_BOLD, size)
    }

    fn new(font: &'static FontRef<'static>, size: f32) -> Self {
        // ab_glyph scales by the height from ascent to descent, and `size` is in ems
        let em = font.units_per_em().unwrap_or(1000.0);
        Face { font, scale: PxScale::from(size * font.height_unscaled() / em) }
    }

    /// Pixels from the top of a line to its baseline.
    pub(super) fn ascent(self) -> f32 {
        self.font.as_scaled(self.scale).ascent()
    }

    /// Pixels from the top of a line to its bottom.
    pub(super) fn height(self) -> f32 {
        self.font.as_scaled(self.scale).height()
    }

    /// Width of `text` in pixels.
    pub(super) fn width(self, text: &str) -> f32 {
        visible(text).map(|c| self.advance(c)).sum()
    }

    fn advance(self, character: char) -> f32 {
        self.font.as_scaled(self.scale).h_advance(self.glyph(character))
    }

    fn glyph(self, character: char) -> GlyphId {
        match self.font.glyph_id(character) {
            GlyphId(0) => self.font.glyph_id(BOX),
            glyph => glyph,
        }
    }

    /// Shortens `text` at its end to at most `room` pixels.
    pub(super) fn fit_end(self, text: &str, room: f32) -> String {
        let text: String = visible(text).collect();
        if self.width(&text) <= room {
            return text;
        }
        let kept = self.prefix(text.chars(), room - self.width(ELLIPSIS));
        self.with_ellipsis(text.chars().take(kept).collect(), String::new(), room)
    }

    /// Shortens `text` in its middle to at most `room` pixels: file names differ at their ends.
    pub(super) fn fit_middle(self, text: &str, room: f32) -> String {
        let text: Vec<char> = visible(text).collect();
        if text.iter().map(|&c| self.advance(c)).sum::<f32>() <= room {
            return text.into_iter().collect();
        }
        let room_for_text = room - self.width(ELLIPSIS);
        let tail = self.prefix(text.iter().rev().copied(), room_for_text * 0.6);
        let tail = &text[text.len() - tail..];
        let taken: f32 = tail.iter().map(|&c| self.advance(c)).sum();
        let head = self.prefix(text.iter().copied(), room_for_text - taken);
        self.with_ellipsis(text[..head].iter().collect(), tail.iter().collect(), room)
    }

    /// Number of leading characters that fit into `room` pixels.
    fn prefix(self, characters: impl Iterator<Item = char>, room: f32) -> usize {
        let mut used = 0.0;
        characters
            .take_while(|&c| {
                used += self.advance(c);
                used <= room
            })
            .count()
    }

    /// Joins the parts by an ellipsis; empty if not even that fits.
    fn with_ellipsis(self, head: String, tail: String, room: f32) -> String {
        if self.width(ELLIPSIS) > room {
            return String::new();
        }
        format!("{}{ELLIPSIS}{}", head.trim_end(), tail.trim_start())
    }

    /// Draws `text` with its first character at `left` and the top of its line at `top`, clipped to the canvas.
    pub(super) fn draw(self, canvas: &mut RgbImage, left: f32, top: f32, text: &str, colour: Rgb<u8>) {
        let font = self.font.as_scaled(self.scale);
        // whole baselines keep the feet of letters sharp
        let baseline = (top + self.ascent()).round();
        let mut x = left;
        for character in visible(text) {
            let id = self.glyph(character);
            let glyph: Glyph = id.with_scale_and_position(self.scale, point(x, baseline));
            x += font.h_advance(id);
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, coverage| {
                let at = |corner: f32, offset: u32| u32::try_from(whole(corner) + i64::from(offset)).ok();
                if let (Some(x), Some(y)) = (at(corner.x, dx), at(corner.y, dy))
                    && let Some(pixel) = canvas.get_pixel_mut_checked(x, y)
                {
                    blend(pixel, colour, coverage);
                }
            });
        }
    }
}

/// The characters that the font lacks, which are drawn as boxes.
pub(super) fn lacking(text: &str) -> impl Iterator<Item = char> {
    visible(text).filter(|&c| REGULAR.glyph_id(c) == GlyphId(0))
}

/// Mixes `colour` into `pixel`; a `coverage` of 0 keeps the pixel, 1 replaces it.
pub(super) fn blend(pixel: &mut Rgb<u8>, colour: Rgb<u8>, coverage: f32) {
    for (old, new) in pixel.0.iter_mut().zip(colour.0) {
        let mixed = f32::from(*old) + (f32::from(new) - f32::from(*old)) * coverage.clamp(0.0, 1.0);
        *old = u8::try_from(whole(mixed.round())).unwrap_or(*old);
    }
}

/// Converts a whole number of pixels.
#[allow(clippy::cast_possible_truncation, reason = "float to integer saturates, and NaN becomes 0")]
pub(super) fn whole(pixels: f32) -> i64 {
    pixels as i64
}

/// The characters of `text` to draw. Control characters become spaces; zero-width characters and direction marks are
/// dropped.
fn visible(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(
            |c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'),
        )
        .map(|c| if c.is_control() { ' ' } else { c })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Rgb<u8> = Rgb([0; 3]);

    #[test]
    fn shortened_text_fits_and_says_so() {
        let face = Face::regular(13.0);
        let long = "a rather long title that goes on and on, with words like inertia";
        for room in [20.0, 60.0, 150.0, 300.0] {
            for short in [face.fit_end(long, room), face.fit_middle(long, room)] {
                assert!(face.width(&short) <= room, "{short} in {room}");
                assert!(short.contains(ELLIPSIS), "{short}");
            }
        }
        assert!(face.width(long) > 300.0);
        assert_eq!(face.fit_end(long, 3.0), "");
        assert_eq!(face.fit_end("short", 300.0), "short");
        assert!(face.fit_middle("n01440764_10026.JPEG", 80.0).ends_with(".JPEG"));
    }

    #[test]
    fn any_text_can_be_drawn_anywhere() {
        let face = Face::semi_bold(14.0);
        let mut canvas = RgbImage::from_pixel(60, 20, Rgb([255; 3]));
        for text in ["äöü Ωж", "日本語 🐈", "a\tb\nc\u{0}", "\u{202e}gnp.cod", "e\u{301}\u{200d}", ""] {
            for (left, top) in [(2.0, 2.0), (-30.0, -10.0), (55.0, 15.0), (1e9, 1e9), (f32::NAN, 0.0)] {
                face.draw(&mut canvas, left, top, text, BLACK);
            }
        }
        assert_eq!(face.fit_end("a\nb\u{202e}", 100.0), "a b");
    }

    #[test]
    fn the_fonts_have_all_characters_that_the_program_inserts() {
        for face in [Face::regular(12.0), Face::semi_bold(12.0)] {
            for character in ELLIPSIS.chars().chain([BOX, '·']) {
                assert_ne!(face.font.glyph_id(character), GlyphId(0), "{character}");
            }
            assert_eq!(face.font.glyph_id('日'), GlyphId(0));
            assert_eq!(face.glyph('日'), face.glyph(BOX));
        }
    }

    #[test]
    fn ink_stays_within_the_measured_line() {
        let face = Face::regular(20.0);
        let mut canvas = RgbImage::from_pixel(200, 60, Rgb([255; 3]));
        face.draw(&mut canvas, 10.0, 10.0, "Ägypj", BLACK);
        let inked: Vec<_> = canvas.enumerate_pixels().filter(|(_, _, p)| p.0[0] < 128).collect();
        assert!(inked.len() > 100);
        let (right, bottom) = (10.0 + face.width("Ägypj"), 10.0 + face.height());
        for (x, y, _) in inked {
            assert!((9..=whole(right.ceil())).contains(&i64::from(x)), "{x} {right}");
            assert!((9..=whole(bottom.ceil())).contains(&i64::from(y)), "{y} {bottom}");
        }
    }

    #[test]
    fn blending_is_exact_at_its_ends() {
        let mut pixel = Rgb([10, 200, 30]);
        blend(&mut pixel, Rgb([250, 0, 30]), 0.0);
        assert_eq!(pixel, Rgb([10, 200, 30]));
        blend(&mut pixel, Rgb([250, 0, 30]), 0.5);
        assert_eq!(pixel, Rgb([130, 100, 30]));
        blend(&mut pixel, Rgb([250, 0, 30]), 7.0);
        assert_eq!(pixel, Rgb([250, 0, 30]));
    }
}
