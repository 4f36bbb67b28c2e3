//! What a chart shows: a metric over a parameter, with its spread over repeated runs.

/// A metric over a parameter, in one or several panels side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Name of the metric.
    pub title: String,
    /// What the metric means, and which direction is better.
    pub subtitle: String,
    /// Name of the parameter.
    pub x_label: String,
    /// Name of the metric, with its unit if it has one.
    pub y_label: String,
    /// Values of the parameter.
    pub positions: Positions,
    /// Names of the series, which differ in colour and marker. A single series gets no legend.
    pub series: Vec<String>,
    /// At least one.
    pub panels: Vec<Panel>,
    /// Explains bars, bands and dots; may be empty.
    pub caption: String,
}

/// Values on the x axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// On a numeric axis, joined by lines; logarithmic if they span a factor of 100 or more. Finite, ascending.
    Numbers(Vec<f64>),
    /// Side by side in this order, not joined.
    Names(Vec<String>),
}

/// One panel of a chart, with a y axis of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Shown above the panel; may be empty.
    pub title: String,
    /// At most one spot per position and series.
    pub spots: Vec<Spot>,
}

/// The values of one series at one position.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Index into [`Chart::positions`].
    pub position: usize,
    /// Index into [`Chart::series`].
    pub series: usize,
    /// Mean of the values, finite.
    pub mean: f64,
    /// Standard deviation of the values, if there are at least two.
    pub deviation: Option<f64>,
    /// The single values, finite.
    pub values: Vec<f64>,
}

impl Spot {
    /// Lowest and highest value drawn.
    pub(super) fn extent(&self) -> (f64, f64) {
        let spread = self.deviation.unwrap_or(0.0);
        let drawn = self.values.iter().copied().chain([self.mean - spread, self.mean + spread]);
        drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    }
}
