//! Writes SVG text: shapes and lines of text, in CSS pixels from the upper left corner.

use std::fmt::{self, Display, Formatter, Write as _};

/// Fonts that exist nearly everywhere. Text widths are estimated for a wide one (see `words`).
const FAMILY: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// A point in CSS pixels, from the upper left corner.
pub(super) type Point = (f64, f64);

/// A colour, written as `#RRGGBB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

impl Display for Colour {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }
}

/// Horizontal alignment of a text relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    /// CSS pixels.
    pub(super) size: f64,
    pub(super) colour: Colour,
    pub(super) bold: bool,
    /// Rotated by 90 degrees, read from bottom to top.
    pub(super) upright: bool,
}

impl Font {
    pub(super) const fn new(size: f64, colour: Colour) -> Self {
        Font { size, colour, bold: false, upright: false }
    }

    pub(super) const fn bold(self) -> Self {
        Font { bold: true, ..self }
    }

    pub(super) const fn upright(self) -> Self {
        Font { upright: true, ..self }
    }
}

/// An SVG document under construction; later elements cover earlier ones.
#[derive(Debug)]
pub(super) struct Svg(String);

impl Svg {
    /// An empty document on a `background`.
    pub(super) fn new(width: f64, height: f64, background: Colour) -> Self {
        let (width, height) = (width.round(), height.round());
        let mut svg = Svg(String::new());
        svg.push(format_args!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"{FAMILY}\" xmlns=\"http://www.w3.org/2000/svg\">"
        ));
        svg.rect((0.0, 0.0), (width, height), background);
        svg
    }

    /// The complete document.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// A line through the points.
    pub(super) fn polyline(&mut self, points: &[Point], width: f64, colour: Colour) {
        let (points, width) = (Points(points), Number(width));
        self.push(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\"/>"
        ));
    }

    /// A horizontal or vertical line, one pixel wide and snapped to the pixel grid.
    pub(super) fn rule(&mut self, from: Point, to: Point, colour: Colour) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(Number);
        self.push(format_args!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\" shape-rendering=\"crispEdges\"/>"
        ));
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, (x, y): Point, (width, height): (f64, f64), colour: Colour) {
        let [x, y, width, height] = [x, y, width, height].map(Number);
        self.push(format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>"));
    }

    /// A filled polygon; `opacity` from 0 to 1.
    pub(super) fn polygon(&mut self, points: &[Point], colour: Colour, opacity: f64) {
        let (points, opacity) = (Points(points), Opacity(opacity));
        self.push(format_args!("<polygon points=\"{points}\" fill=\"{colour}\"{opacity}/>"));
    }

    /// A filled circle; `opacity` from 0 to 1.
    pub(super) fn circle(&mut self, (x, y): Point, radius: f64, colour: Colour, opacity: f64) {
        let ([x, y, radius], opacity) = ([x, y, radius].map(Number), Opacity(opacity));
        self.push(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{colour}\"{opacity}/>"));
    }

    /// Filled circles in one short element: lines without length and with round ends.
    pub(super) fn dots(&mut self, points: &[Point], diameter: f64, colour: Colour, opacity: f64) {
        if points.is_empty() {
            return;
        }
        let path: String = points.iter().map(|&(x, y)| format!("M{},{}h0", Number(x), Number(y))).collect();
        let (diameter, opacity) = (Number(diameter), Opacity(opacity));
        self.push(format_args!(
            "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{diameter}\" stroke-linecap=\"round\"{opacity}/>"
        ));
    }

    /// One line of text; `point` is at half the height of its capitals. Writes nothing for an empty text.
    pub(super) fn text(&mut self, text: &str, (x, y): Point, anchor: Anchor, font: Font) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Left => "start",
            Anchor::Middle => "middle",
            Anchor::Right => "end",
        };
        let ([x, y, size], colour) = ([x, y, font.size].map(Number), font.colour);
        let weight = if font.bold { " font-weight=\"bold\"" } else { "" };
        let turn = if font.upright { format!(" transform=\"rotate(270 {x} {y})\"") } else { String::new() };
        let text = Escaped(text);
        self.push(format_args!(
            "<text x=\"{x}\" y=\"{y}\" dy=\"0.35em\" text-anchor=\"{anchor}\" font-size=\"{size}\"{weight} \
             fill=\"{colour}\"{turn}>{text}</text>"
        ));
    }

    fn push(&mut self, element: fmt::Arguments<'_>) {
        // writing to a string cannot fail
        let _ = writeln!(self.0, "{element}");
    }
}

/// A coordinate or length, to a hundredth of a pixel.
#[derive(Clone, Copy)]
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // adding zero turns -0 into 0
        write!(f, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

struct Points<'a>(&'a [Point]);

impl Display for Points<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, &(x, y)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { " " };
            write!(f, "{separator}{},{}", Number(x), Number(y))?;
        }
        Ok(())
    }
}

/// The attribute, left out for opaque shapes.
struct Opacity(f64);

impl Display for Opacity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 < 1.0 { write!(f, " opacity=\"{}\"", Number(self.0)) } else { Ok(()) }
    }
}

/// Text as XML character data. Control characters, which XML 1.0 forbids, become spaces.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '\u{fffe}' | '\u{ffff}' => f.write_char(' ')?,
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Colour = Colour(0, 0, 0);

    #[test]
    fn hostile_text_stays_text() {
        let mut svg = Svg::new(10.0, 10.0, Colour(255, 255, 255));
        svg.text("</text><script>&\u{0}\u{1b}", (1.0, 2.0), Anchor::Left, Font::new(12.0, BLACK));
        let svg = svg.finish();
        assert!(svg.contains(">&lt;/text&gt;&lt;script&gt;&amp;  </text>"), "{svg}");
    }

    #[test]
    fn numbers_have_two_decimals_at_most() {
        let table = [(1.0, "1"), (-0.001, "0"), (2.345_678, "2.35"), (-12.5, "-12.5"), (1e6, "1000000")];
        for (value, text) in table {
            assert_eq!(Number(value).to_string(), text);
        }
        assert_eq!(Colour(0, 114, 178).to_string(), "#0072B2");
    }

    #[test]
    fn every_shape_is_one_element() {
        let mut svg = Svg::new(100.4, 50.0, Colour(255, 255, 255));
        svg.polyline(&[(0.0, 0.0), (1.0, 2.5)], 2.0, BLACK);
        svg.rule((0.0, 1.0), (9.0, 1.0), BLACK);
        svg.polygon(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], BLACK, 0.16);
        svg.circle((3.0, 3.0), 2.0, BLACK, 1.0);
        svg.text("", (0.0, 0.0), Anchor::Left, Font::new(12.0, BLACK));
        let svg = svg.finish();
        assert!(svg.starts_with("<svg width=\"100\" height=\"50\" viewBox=\"0 0 100 50\""), "{svg}");
        for element in [
            "<polyline points=\"0,0 1,2.5\" fill=\"none\" stroke=\"#000000\" stroke-width=\"2\"",
            "<line x1=\"0\" y1=\"1\" x2=\"9\" y2=\"1\"",
            "<polygon points=\"0,0 1,0 1,1\" fill=\"#000000\" opacity=\"0.16\"/>",
            "<circle cx=\"3\" cy=\"3\" r=\"2\" fill=\"#000000\"/>",
        ] {
            assert!(svg.contains(element), "{element}: {svg}");
        }
        assert!(!svg.contains("<text"), "{svg}");
    }
}
