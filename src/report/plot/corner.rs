//! A corner plot: every metric against every other, and the distribution of each on the diagonal.

use super::panel::{Frame, LABEL};
use super::style::{COLOURS, GREY, INK, PALE, PAPER};
use super::svg::{Anchor, Font, Point, Svg};
use super::value_axis::ValueAxis;
use super::words;
use crate::base::numeric::as_real;

/// Side of a cell between its axes, and the gap between cells, CSS pixels.
const CELL: f64 = 150.0;
const GAP: f64 = 14.0;
const MARGIN: f64 = 10.0;
/// Room for ticks and labels left of the cells and below them.
const LEFT: f64 = 76.0;
const BELOW: f64 = 52.0;
const TITLE: Font = Font::new(18.0, INK).bold();
const QUIET: Font = Font::new(LABEL, GREY);
const LABEL_FONT: Font = Font::new(LABEL, INK);
const LEADING: f64 = 1.4;
/// Most dots of a series in a cell: more only cover each other, and make the file large.
const MOST: usize = 2000;
const DOT: f64 = 3.2;
const OPACITY: f64 = 0.55;
/// Bars of a distribution.
const BARS: usize = 24;

/// Metrics of the same things against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Corner {
    /// Heading.
    pub title: String,
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// Groups of things, told apart by colour; at most as many as there are colours.
    pub series: Vec<CornerSeries>,
}

/// One group.
#[derive(Debug, Clone, PartialEq)]
pub struct CornerSeries {
    /// In the legend.
    pub name: String,
    /// For each metric the values, `[metric][thing]`; NaN where it is not defined.
    pub values: Vec<Vec<f64>>,
}

impl CornerSeries {
    /// The things to draw: all, or every n-th.
    fn drawn(&self) -> impl Iterator<Item = usize> + Clone {
        let len = self.values.first().map_or(0, Vec::len);
        (0..len).step_by(len.div_ceil(MOST).max(1))
    }

    fn legend(&self) -> String {
        let (all, drawn) = (self.values.first().map_or(0, Vec::len), self.drawn().count());
        if drawn < all { format!("{} ({drawn} of {all} drawn)", self.name) } else { self.name.clone() }
    }
}

impl Corner {
    /// Most series that colours can tell apart.
    pub const MOST_SERIES: usize = COLOURS.len();

    /// Draws the plot: a row and a column for each metric.
    pub fn to_svg(&self) -> String {
        let cells = as_real(self.metrics.len() as u64) * (CELL + GAP);
        let head = MARGIN + TITLE.size * LEADING + GAP;
        let mut svg = Svg::new(2.0 * MARGIN + LEFT + cells, head + cells + BELOW, PAPER);
        svg.text(&self.title, (MARGIN, MARGIN + TITLE.size / 2.0), Anchor::Left, TITLE);
        self.draw_legend(&mut svg, (2.0 * MARGIN + LEFT + cells, head));
        let axes: Vec<Option<ValueAxis>> = (0..self.metrics.len()).map(|metric| self.axis(metric)).collect();
        for (row, y) in axes.iter().enumerate() {
            for (column, x) in axes.iter().enumerate().take(row + 1) {
                let place = |index: usize| as_real(index as u64) * (CELL + GAP);
                let (left, top) = (MARGIN + LEFT + place(column), head + place(row));
                let frame = Frame { left, top, width: CELL, height: CELL };
                svg.rule((left, frame.bottom()), (frame.x(1.0), frame.bottom()), PALE);
                svg.rule((left, top), (left, frame.bottom()), PALE);
                if let (Some(x), Some(y)) = (x, y) {
                    if row == column {
                        self.draw_distributions(&mut svg, frame, (row, x));
                    } else {
                        self.draw_dots(&mut svg, frame, (column, x), (row, y));
                    }
                }
                if column == 0 {
                    self.label_row(&mut svg, frame, row, y.as_ref().filter(|_| row > 0));
                }
                if row + 1 == self.metrics.len() {
                    self.label_column(&mut svg, frame, column, x.as_ref());
                }
            }
        }
        svg.finish()
    }

    /// The axis of a metric; `None` if it has no value.
    fn axis(&self, metric: usize) -> Option<ValueAxis> {
        let values = self.series.iter().flat_map(|series| &series.values[metric]).filter(|value| value.is_finite());
        let (low, high) = extent(values.clone())?;
        // single points have inertia 0: with a logarithmic axis they stand at its edge
        let positive = extent(values.filter(|value| **value > 0.0)).map(|(low, high)| ValueAxis::over(low, high));
        let positive = positive.filter(|axis| low == 0.0 && axis.is_logarithmic);
        Some(positive.unwrap_or_else(|| ValueAxis::over(low, high)))
    }

    /// In the empty corner on the upper right, one below the other.
    fn draw_legend(&self, svg: &mut Svg, (right, top): Point) {
        let names: Vec<String> = self.series.iter().map(CornerSeries::legend).collect();
        let wide = names.iter().map(|name| words::width(name, LABEL)).fold(0.0, f64::max);
        for (i, name) in names.iter().enumerate() {
            let y = top + (as_real(i as u64) + 0.5) * LABEL * LEADING;
            svg.circle((right - MARGIN - wide - 12.0, y), 4.0, COLOURS[i % COLOURS.len()], 1.0);
            svg.text(name, (right - MARGIN - wide, y), Anchor::Left, LABEL_FONT);
        }
    }

    fn draw_dots(&self, svg: &mut Svg, frame: Frame, (column, x): (usize, &ValueAxis), (row, y): (usize, &ValueAxis)) {
        for (i, series) in self.series.iter().enumerate() {
            let point = |thing: usize| (series.values[column][thing], series.values[row][thing]);
            let defined = series.drawn().map(point).filter(|(x, y)| x.is_finite() && y.is_finite());
            let points: Vec<Point> = defined.map(|(a, b)| (frame.x(on(x, a)), frame.y(on(y, b)))).collect();
            svg.dots(&points, DOT, COLOURS[i % COLOURS.len()], OPACITY);
        }
    }

    /// A line over the bars of each series. Each is as high as the cell: their numbers differ too much for one scale.
    fn draw_distributions(&self, svg: &mut Svg, frame: Frame, (metric, axis): (usize, &ValueAxis)) {
        for (i, series) in self.series.iter().enumerate() {
            let mut counts = [0_u64; BARS];
            for value in series.values[metric].iter().filter(|value| value.is_finite()) {
                counts[bar_of(on(axis, *value))] += 1;
            }
            let most = counts.iter().copied().max().filter(|most| *most > 0);
            let Some(most) = most else { continue };
            let corner = |(bar, count): (usize, &u64)| {
                let y = frame.y(as_real(*count) / as_real(most));
                [bar, bar + 1].map(|edge| (frame.x(as_real(edge as u64) / as_real(BARS as u64)), y))
            };
            let outline: Vec<Point> = counts.iter().enumerate().flat_map(corner).collect();
            svg.polyline(&outline, 1.5, COLOURS[i % COLOURS.len()]);
        }
    }

    fn label_row(&self, svg: &mut Svg, frame: Frame, metric: usize, axis: Option<&ValueAxis>) {
        for (place, label) in axis.iter().flat_map(|axis| axis.ticks(frame.height)) {
            let y = frame.y(place);
            svg.rule((frame.left - 4.0, y), (frame.left, y), INK);
            svg.text(&label, (frame.left - 7.0, y), Anchor::Right, LABEL_FONT);
        }
        // the first row counts clusters and has no axis of its own
        if axis.is_some() {
            let name = self.name(metric, axis, frame.height);
            svg.text(&name, (frame.left - LEFT + LABEL / 2.0, frame.y(0.5)), Anchor::Middle, QUIET.upright());
        }
    }

    fn label_column(&self, svg: &mut Svg, frame: Frame, metric: usize, axis: Option<&ValueAxis>) {
        for (place, label) in axis.iter().flat_map(|axis| axis.ticks(frame.width)) {
            let x = frame.x(place);
            svg.rule((x, frame.bottom()), (x, frame.bottom() + 4.0), INK);
            svg.text(&label, (x, frame.bottom() + 13.0), Anchor::Middle, LABEL_FONT);
        }
        let name = self.name(metric, axis, frame.width);
        svg.text(&name, (frame.x(0.5), frame.bottom() + 32.0), Anchor::Middle, QUIET);
    }

    fn name(&self, metric: usize, axis: Option<&ValueAxis>, width: f64) -> String {
        let is_zero = |value: &f64| *value == 0.0;
        let has_zeros = self.series.iter().flat_map(|series| &series.values[metric]).any(is_zero);
        let kind = match axis {
            Some(axis) if axis.is_logarithmic && has_zeros => " (log, from 0)",
            Some(axis) if axis.is_logarithmic => " (log)",
            _ => "",
        };
        words::fitted(&format!("{}{kind}", self.metrics[metric]), width, LABEL)
    }
}

/// The least and the largest value; `None` if there is none.
fn extent<'a>(values: impl Iterator<Item = &'a f64>) -> Option<(f64, f64)> {
    values.fold(None, |extent, &value| {
        let (low, high) = extent.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// Where a value stands on an axis, from 0 to 1.
fn on(axis: &ValueAxis, value: f64) -> f64 {
    if axis.is_logarithmic && value <= 0.0 { 0.0 } else { axis.place(value).clamp(0.0, 1.0) }
}

/// The bar that a place from 0 to 1 falls into.
fn bar_of(place: f64) -> usize {
    let bar = |bar: &usize| place < as_real(*bar as u64 + 1) / as_real(BARS as u64);
    (0..BARS - 1).find(bar).unwrap_or(BARS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner(values: &[&[f64]]) -> Corner {
        let metrics = (0..values.len()).map(|i| format!("metric {i}")).collect();
        let values = values.iter().map(|values| values.to_vec()).collect();
        Corner { title: "title".into(), metrics, series: vec![CornerSeries { name: "level 1".into(), values }] }
    }

    /// Dots in the whole plot.
    fn dots(svg: &str) -> usize {
        svg.matches("h0").count()
    }

    #[test]
    fn every_pair_of_defined_values_is_a_dot() {
        let plot = corner(&[&[1.0, 2.0, 3.0], &[5.0, f64::NAN, 7.0], &[1.0, 10.0, 1e4]]);
        // the pairs (1, 0) and (2, 1) have two values each, (2, 0) has three
        let svg = plot.to_svg();
        assert_eq!(dots(&svg), 2 + 2 + 3, "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 3, "a distribution for each metric");
        assert!(svg.contains("metric 2 (log)") && svg.contains("metric 1<") && svg.contains("level 1"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn of_many_things_some_are_drawn_and_that_is_said() {
        let many: Vec<f64> = (0..10_001_u32).map(f64::from).collect();
        let svg = corner(&[&many, &many]).to_svg();
        assert_eq!(dots(&svg), 1667);
        assert!(svg.contains("level 1 (1667 of 10001 drawn)"));
        assert_eq!(dots(&corner(&[&many[..2000], &many[..2000]]).to_svg()), 2000);
    }

    #[test]
    fn undefined_and_equal_values_are_drawn_too() {
        let svg = corner(&[&[3.0, 3.0], &[f64::NAN, f64::NAN]]).to_svg();
        assert_eq!((dots(&svg), svg.contains("NaN")), (0, false));
        assert_eq!([0.0, 0.999, 1.0, 0.5].map(bar_of), [0, 23, 23, 12]);
        // zeros do not spoil an axis that spans orders of magnitude
        let svg = corner(&[&[0.0, 1.0, 1e4], &[0.0, 1.0, 2.0]]).to_svg();
        assert!(svg.contains("metric 0 (log, from 0)") && svg.contains("metric 1<"), "{svg}");
        assert_eq!((dots(&svg), svg.contains("NaN") || svg.contains("inf")), (3, false));
    }
}
