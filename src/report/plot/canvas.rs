//! Strokes, markers and text on an SVG drawing, in CSS pixels.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::base::error::{Error, Finding, Result};

/// Drawing units per CSS pixel: coordinates are whole numbers of units, and a pixel is too coarse for a curve.
const UNITS: f64 = 4.0;
/// What the drawing library divides a font's size by.
const FONT_SCALE: f64 = 1.24;
const FAMILY: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// Okabe and Ito's colours, less the yellow, which is too pale for lines on white.
pub(super) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
/// Text that explains.
pub(super) const GREY: RGBColor = RGBColor(95, 95, 95);
/// Grid lines.
pub(super) const PALE: RGBColor = RGBColor(226, 226, 226);

/// Shapes of a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
}

pub(super) const MARKERS: [Marker; 3] = [Marker::Circle, Marker::Square, Marker::Triangle];

/// How a series looks.
pub(super) fn look(series: usize) -> (RGBColor, Marker) {
    (COLOURS[series % COLOURS.len()], MARKERS[(series + series / COLOURS.len()) % MARKERS.len()])
}

/// Where a text stands relative to its point.
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
    pub(super) colour: RGBColor,
    pub(super) bold: bool,
    /// Read from below.
    pub(super) upright: bool,
}

impl Font {
    pub(super) const fn new(size: f64, colour: RGBColor) -> Self {
        Font { size, colour, bold: false, upright: false }
    }

    pub(super) const fn bold(self) -> Self {
        Font { bold: true, ..self }
    }

    pub(super) const fn upright(self) -> Self {
        Font { upright: true, ..self }
    }
}

/// A point in CSS pixels, from the upper left.
pub(super) type Point = (f64, f64);

/// The drawing.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// Draws on a canvas of the given size and gives the SVG.
pub(super) fn svg(width: f64, height: f64, draw: impl FnOnce(&Canvas) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    let size = (units(width).unsigned_abs(), units(height).unsigned_abs());
    {
        let canvas = Canvas(SVGBackend::with_string(&mut text, size).into_drawing_area());
        canvas.0.fill(&WHITE).map_err(failed)?;
        draw(&canvas)?;
        canvas.0.present().map_err(failed)?;
    }
    // the view box stays in units; shown, it has its size in pixels
    let in_units = format!("<svg width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(text.replacen(&in_units, &format!("<svg width=\"{width:.0}\" height=\"{height:.0}\""), 1))
}

impl Canvas<'_> {
    /// A line through the points.
    pub(super) fn line(&self, points: &[Point], width: f64, colour: RGBColor) -> Result<()> {
        let style = colour.stroke_width(units(width).unsigned_abs());
        self.0.draw(&PathElement::new(points.iter().map(at).collect::<Vec<_>>(), style)).map_err(failed)
    }

    /// A filled area, as faint as `opacity`.
    pub(super) fn area(&self, points: &[Point], colour: RGBColor, opacity: f64) -> Result<()> {
        let points: Vec<_> = points.iter().map(at).collect();
        self.0.draw(&Polygon::new(points, colour.mix(opacity).filled())).map_err(failed)
    }

    /// A filled dot, as faint as `opacity`.
    pub(super) fn dot(&self, centre: Point, radius: f64, colour: RGBColor, opacity: f64) -> Result<()> {
        self.0.draw(&Circle::new(at(&centre), units(radius), colour.mix(opacity).filled())).map_err(failed)
    }

    /// A marker with a thin white edge, which keeps it apart from what it lies on.
    pub(super) fn marker(&self, (x, y): Point, marker: Marker, colour: RGBColor) -> Result<()> {
        for (radius, colour) in [(5.0, WHITE), (4.0, colour)] {
            match marker {
                Marker::Circle => self.dot((x, y), radius, colour, 1.0)?,
                Marker::Square => {
                    let r = radius * 0.9;
                    self.area(&[(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)], colour, 1.0)?;
                }
                Marker::Triangle => {
                    let r = radius * 1.2;
                    self.area(&[(x, y - r), (x + r, y + 0.8 * r), (x - r, y + 0.8 * r)], colour, 1.0)?;
                }
            }
        }
        Ok(())
    }

    /// A line of text; its point is at half its height.
    pub(super) fn text(&self, text: &str, point: Point, anchor: Anchor, font: Font) -> Result<()> {
        let style = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        let desc = FontDesc::new(FontFamily::Name(FAMILY), font.size * UNITS * FONT_SCALE, style);
        let desc = if font.upright { desc.transform(FontTransform::Rotate270) } else { desc };
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = TextStyle::from(desc).color(&font.colour).pos(Pos::new(horizontal, VPos::Center));
        self.0.draw(&Text::new(text.to_owned(), at(&point), style)).map_err(failed)
    }
}

fn at(&(x, y): &Point) -> (i32, i32) {
    (units(x), units(y))
}

#[expect(clippy::cast_possible_truncation, reason = "charts are a few thousand units wide, and `as` saturates")]
fn units(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> Error {
    Error::failed(Finding::new("can't draw a chart").found(error.to_string()))
}
