//! Colours and markers of plots.

use super::svg::{Colour, Point, Svg};

/// The palette of Okabe and Ito without its yellow, which is too pale for lines on white.
pub(super) const COLOURS: [Colour; 7] = [
    Colour(0, 114, 178),
    Colour(213, 94, 0),
    Colour(0, 158, 115),
    Colour(204, 121, 167),
    Colour(230, 159, 0),
    Colour(86, 180, 233),
    Colour(0, 0, 0),
];
/// Background.
pub(super) const PAPER: Colour = Colour(255, 255, 255);
/// Text and axes.
pub(super) const INK: Colour = Colour(38, 38, 38);
/// Explanatory text.
pub(super) const GREY: Colour = Colour(95, 95, 95);
/// Grid lines.
pub(super) const PALE: Colour = Colour(226, 226, 226);

const MARKERS: [Marker; 3] = [Marker::Circle, Marker::Square, Marker::Triangle];

/// How many series a chart can tell apart: colours times markers.
pub const MOST_SERIES: usize = COLOURS.len() * MARKERS.len();

/// The shape that marks a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
}

/// Colour and marker of a series.
pub(super) fn look(series: usize) -> (Colour, Marker) {
    (COLOURS[series % COLOURS.len()], MARKERS[(series + series / COLOURS.len()) % MARKERS.len()])
}

impl Marker {
    /// Draws the marker with a thin edge in the colour of the paper, which separates it from what it covers.
    pub(super) fn draw(self, svg: &mut Svg, (x, y): Point, colour: Colour) {
        for (radius, colour) in [(5.0, PAPER), (4.0, colour)] {
            match self {
                Marker::Circle => svg.circle((x, y), radius, colour, 1.0),
                Marker::Square => {
                    let r = radius * 0.9;
                    svg.rect((x - r, y - r), (2.0 * r, 2.0 * r), colour);
                }
                Marker::Triangle => {
                    let r = radius * 1.2;
                    svg.polygon(&[(x, y - r), (x + r, y + 0.8 * r), (x - r, y + 0.8 * r)], colour, 1.0);
                }
            }
        }
    }
}
