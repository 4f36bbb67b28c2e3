//! Charts as SVG: a figure over a parameter, with its spread over repeats, and distributions of a figure.
//!
//! A [`Chart`] or a [`Histogram`] says what is shown, in the reader's words; its `to_svg` draws it. Colours are those of Okabe and Ito,
//! which colour-blind readers tell apart; series differ in their markers as well.

mod canvas;
mod histogram;
mod layout;
mod panel;
mod position;
mod scale;
mod words;

use crate::base::error::Result;
pub use histogram::{Distribution, Histogram};

/// Series that can be told apart: colours times markers.
pub const MOST_SERIES: usize = canvas::COLOURS.len() * canvas::MARKERS.len();

/// A figure over a parameter, in one or several panels side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Name of the figure.
    pub title: String,
    /// What it means, and which way is good.
    pub subtitle: String,
    /// Name of the parameter.
    pub x_label: String,
    /// Name of the figure, with its unit where it has one.
    pub y_label: String,
    /// Values of the parameter.
    pub positions: Positions,
    /// Names of what is told apart by colour; the legend is left out where there is one only.
    pub series: Vec<String>,
    /// At least one.
    pub panels: Vec<Panel>,
    /// What bars, bands and points are.
    pub caption: String,
}

/// Values on the x axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// On a numeric axis (logarithmic where they span more than a hundredfold), joined by lines. Finite, ascending.
    Numbers(Vec<f64>),
    /// Beside each other, in this order, not joined.
    Names(Vec<String>),
}

/// One of the charts that stand side by side; each has a y axis of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Above it; may be empty.
    pub title: String,
    /// What is drawn.
    pub spots: Vec<Spot>,
}

/// What is known of one series at one position.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Index into the positions.
    pub position: usize,
    /// Index into the series.
    pub series: usize,
    /// Mean of the values, finite.
    pub mean: f64,
    /// Their standard deviation, where there are at least two.
    pub deviation: Option<f64>,
    /// The values themselves, finite.
    pub values: Vec<f64>,
}

impl Spot {
    /// Lowest and highest of what is drawn.
    fn extent(&self) -> (f64, f64) {
        let spread = self.deviation.unwrap_or(0.0);
        let drawn = self.values.iter().copied().chain([self.mean - spread, self.mean + spread]);
        drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    }
}

impl Chart {
    /// Draws it, dark on white.
    ///
    /// # Errors
    /// `Failed` where the drawing can't be made.
    pub fn to_svg(&self) -> Result<String> {
        layout::draw(self)
    }
}

/// A number of panels, series or positions.
#[expect(clippy::cast_precision_loss, reason = "a chart has thousands at most")]
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
