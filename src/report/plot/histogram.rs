//! Histograms of a metric.

use super::panel::{Frame, LABEL};
use super::position::short;
use super::scale::{self, Scale};
use super::style::{COLOURS, GREY, INK, PALE, PAPER};
use super::svg::{Anchor, Font, Svg};
use super::value_axis::ValueAxis;
use super::words;
use crate::base::numeric::as_real;

/// Most panels in a row.
const COLUMNS: usize = 3;
/// Size of the area between a panel's axes and its right neighbour, CSS pixels.
const PANEL: (f64, f64) = (270.0, 130.0);
const MARGIN: f64 = 10.0;
/// Room left of a panel, for the axis label and tick labels.
const LEFT: f64 = 52.0;
/// Room above a panel for its title, and below it for ticks and the axis label.
const ABOVE: f64 = 26.0;
const BELOW: f64 = 42.0;
const TITLE: Font = Font::new(18.0, INK).bold();
const SUBTITLE: Font = Font::new(13.0, GREY);
const LABEL_FONT: Font = Font::new(LABEL, INK);
const QUIET: Font = Font::new(LABEL, GREY);
const LEADING: f64 = 1.4;
/// Fewest and most bars.
const BARS: (f64, f64) = (6.0, 40.0);

/// Distributions of a metric, in one or several panels side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Name of the metric; empty for panels without a heading.
    pub title: String,
    /// What the metric means; shown below the title.
    pub subtitle: String,
    /// Name of the metric, with its unit if it has one.
    pub x_label: String,
    /// What the bars count.
    pub y_label: String,
    /// At least one.
    pub panels: Vec<Distribution>,
}

/// The values of one panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Shown above the panel; may be empty.
    pub title: String,
    /// Finite, in any order.
    pub values: Vec<f64>,
}

impl Histogram {
    /// Draws the histogram.
    pub fn to_svg(&self) -> String {
        let columns = self.panels.len().clamp(1, COLUMNS);
        let width = 2.0 * MARGIN + as_real(columns as u64) * (LEFT + PANEL.0);
        let subtitle = words::wrapped(&self.subtitle, width - 2.0 * MARGIN, SUBTITLE.size);
        let titled = if self.title.is_empty() { 0.0 } else { TITLE.size * LEADING };
        let head = MARGIN + titled + as_real(subtitle.len() as u64) * SUBTITLE.size * LEADING;
        let rows = self.panels.len().div_ceil(columns);
        let height = head + as_real(rows as u64) * (ABOVE + PANEL.1 + BELOW);
        let mut svg = Svg::new(width, height, PAPER);
        svg.text(&self.title, (MARGIN, MARGIN + TITLE.size / 2.0), Anchor::Left, TITLE);
        for (i, line) in subtitle.iter().enumerate() {
            let y = MARGIN + titled + (as_real(i as u64) + 0.5) * SUBTITLE.size * LEADING;
            svg.text(line, (MARGIN, y), Anchor::Left, SUBTITLE);
        }
        for (i, panel) in self.panels.iter().enumerate() {
            let (row, column) = (as_real((i / columns) as u64), as_real((i % columns) as u64));
            let frame = Frame {
                left: MARGIN + LEFT + column * (LEFT + PANEL.0),
                top: head + ABOVE + row * (ABOVE + PANEL.1 + BELOW),
                width: PANEL.0 - MARGIN,
                height: PANEL.1,
            };
            self.draw_panel(&mut svg, panel, frame);
        }
        svg.finish()
    }

    fn draw_panel(&self, svg: &mut Svg, panel: &Distribution, frame: Frame) {
        let (left, right, bottom) = (frame.left, frame.x(1.0), frame.bottom());
        svg.text(&panel.title, (left, frame.top - 12.0), Anchor::Left, Font::new(13.0, INK).bold());
        let Some(bins) = Bins::of(&panel.values) else {
            svg.text("not defined for any cluster", (frame.x(0.5), frame.y(0.5)), Anchor::Middle, QUIET);
            return;
        };
        bins.draw(svg, frame);
        for (place, label) in bins.axis.ticks(frame.width) {
            let x = frame.x(place);
            svg.rule((x, bottom), (x, bottom + 4.0), INK);
            svg.text(&label, (x, bottom + 13.0), Anchor::Middle, LABEL_FONT);
        }
        svg.rule((left, bottom), (right, bottom), INK);
        let median = frame.x(bins.axis.place(bins.median));
        svg.polyline(&[(median, frame.top), (median, bottom)], 1.5, COLOURS[1]);
        let text = format!("median {}", rounded(bins.median));
        svg.text(&text, (right, frame.top - 12.0), Anchor::Right, QUIET);
        let kind = if bins.axis.is_logarithmic { " (log scale)" } else { "" };
        let label = words::fitted(&format!("{}{kind}", self.x_label), frame.width, LABEL);
        svg.text(&label, (frame.x(0.5), bottom + 30.0), Anchor::Middle, QUIET);
        let y_label = words::fitted(&self.y_label, frame.height, LABEL);
        svg.text(&y_label, (left - LEFT + 8.0, frame.y(0.5)), Anchor::Middle, QUIET.upright());
    }
}

/// Bins of equal width on the axis, with the number of values in each.
#[derive(Debug, Clone, PartialEq)]
struct Bins {
    axis: ValueAxis,
    counts: Vec<usize>,
    median: f64,
}

impl Bins {
    /// As many bins as the rule of Freedman and Diaconis (1981) gives, within [`BARS`]; `None` without values.
    fn of(values: &[f64]) -> Option<Bins> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        let axis = ValueAxis::over(low, high);
        // for quantiles the nearest value is precise enough
        let quantile = |share: f64| sorted[index_at(share, sorted.len())];
        let spread = axis.on(quantile(0.75)) - axis.on(quantile(0.25));
        let step = 2.0 * spread / as_real(sorted.len() as u64).cbrt();
        let range = axis.on(axis.high) - axis.on(axis.low);
        let bars = if step > 0.0 { (range / step).ceil() } else { BARS.1 };
        let mut counts = vec![0; index_at(1.0, 1 + whole(bars.clamp(BARS.0, BARS.1)))];
        let bins = counts.len();
        for value in sorted.iter() {
            counts[index_at(axis.place(*value), bins)] += 1;
        }
        // the two middle values, which coincide for an odd count
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Bins { axis, counts, median })
    }

    /// Draws the grid and the bars.
    fn draw(&self, svg: &mut Svg, frame: Frame) {
        let (left, bottom) = (frame.left, frame.bottom());
        let most = self.counts.iter().copied().max().unwrap_or(0);
        let scale = Scale::over(0.0, as_real(most as u64));
        for (count, _) in scale.ticks.iter().filter(|(count, _)| count.fract() == 0.0) {
            let y = frame.y(scale.place(*count));
            svg.rule((left, y), (frame.x(1.0), y), PALE);
            svg.text(&short(*count), (left - 7.0, y), Anchor::Right, LABEL_FONT);
        }
        let width = frame.width / as_real(self.counts.len() as u64);
        for (i, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (x, y) = (left + as_real(i as u64) * width, frame.y(scale.place(as_real(count as u64))));
            svg.rect((x + 0.5, y), (width - 1.0, bottom - y), COLOURS[0]);
        }
    }
}

/// The index at a share, from 0 to 1, of a list of `len` elements.
fn index_at(share: f64, len: usize) -> usize {
    whole((share * as_real(len as u64)).floor()).min(len - 1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and NaN becomes 0")]
fn whole(value: f64) -> usize {
    value as usize
}

/// A number to three significant digits; whole numbers below a million in full.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e6 {
        return scale::number(value, 0);
    }
    let size = value.abs().log10().floor();
    match size {
        _ if (-4.0..4.0).contains(&size) => scale::number(value, whole((2.0 - size).max(0.0))),
        _ => short(format!("{value:.2e}").parse().unwrap_or(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bar() {
        let many: Vec<f64> = (0..1000_u32).map(|i| f64::from(i * i % 997)).collect();
        let wide: Vec<f64> = (0..60).map(|i| 1.5_f64.powi(i)).collect();
        for values in [many, wide, vec![3.0], vec![0.0; 7], vec![-1.0, 1.0], vec![1e-300, 2e-300, 1e300]] {
            let bins = Bins::of(&values).expect("values");
            assert_eq!(bins.counts.iter().sum::<usize>(), values.len(), "{values:?}");
            assert!((6..=40).contains(&bins.counts.len()), "{}", bins.counts.len());
            let ticks = bins.axis.ticks(260.0);
            assert!(!ticks.is_empty() && ticks.iter().all(|(place, _)| (0.0..=1.0).contains(place)), "{ticks:?}");
        }
        assert!(Bins::of(&[]).is_none());
    }

    #[test]
    fn bars_and_median_are_those_of_the_definition() {
        let values: Vec<f64> = (0..10).flat_map(|i| vec![f64::from(i); 10]).collect();
        let bins = Bins::of(&values).expect("values");
        assert_eq!((bins.counts.iter().max(), bins.median), (Some(&20), 4.5), "{:?}", bins.counts);
        assert_eq!(Bins::of(&[5.0, 1.0, 2.0]).expect("values").median, 2.0);
        assert!(!bins.axis.is_logarithmic && Bins::of(&[1.0, 100.0]).expect("values").axis.is_logarithmic);
    }

    #[test]
    fn a_histogram_has_its_words_and_a_bar_for_every_filled_bin() {
        let panel = |title: &str, values: &[f64]| Distribution { title: title.into(), values: values.to_vec() };
        let histogram = Histogram {
            title: "size".into(),
            subtitle: "Points of the cluster.".into(),
            x_label: "a < b".into(),
            y_label: "clusters".into(),
            panels: vec![panel("level 1", &[0.0, 6.0, 10.0]), panel("level 2", &[])],
        };
        let svg = histogram.to_svg();
        for word in ["size", "Points of the", "a &lt; b", "level 2", "not defined for any cluster", "median 6"] {
            assert!(svg.contains(word), "{word}: {svg}");
        }
        assert_eq!(svg.matches("fill=\"#0072B2\"").count(), 3, "{svg}");
    }

    #[test]
    fn medians_are_short() {
        let table = [(17.0, "17"), (0.123_456, "0.123"), (-12.345, "−12.3"), (123_456.7, "123k"), (0.0, "0")];
        for (value, text) in table {
            assert_eq!(rounded(value), text);
        }
    }
}
