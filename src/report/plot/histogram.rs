//! Distributions: how often which values are there.

use super::canvas::{self, Anchor, COLOURS, Canvas, Font, GREY, INK, PALE};
use super::panel::{Frame, LABEL};
use super::position::short;
use super::scale::{self, Scale};
use super::{real, words};
use crate::base::error::Result;

/// Panels in a row, at most.
const COLUMNS: usize = 3;
/// Between the axes of a panel, CSS pixels.
const PANEL: (f64, f64) = (270.0, 130.0);
const MARGIN: f64 = 10.0;
/// Left of the axis.
const LEFT: f64 = 52.0;
/// Above a panel and below it: title and ticks.
const ABOVE: f64 = 26.0;
const BELOW: f64 = 42.0;
const TITLE: Font = Font::new(18.0, INK).bold();
const SUBTITLE: Font = Font::new(13.0, GREY);
const LABEL_FONT: Font = Font::new(LABEL, INK);
const QUIET: Font = Font::new(LABEL, GREY);
const LEADING: f64 = 1.4;
/// Bars, at least and at most.
const BARS: (f64, f64) = (6.0, 40.0);
/// From this ratio on positive values lie on a logarithmic axis.
const WIDE: f64 = 100.0;

/// How values are distributed, in one or several panels side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Name of the figure; empty for panels alone.
    pub title: String,
    /// What it means; shown below the title.
    pub subtitle: String,
    /// Name of the figure, with its unit where it has one.
    pub x_label: String,
    /// What is counted.
    pub y_label: String,
    /// At least one.
    pub panels: Vec<Distribution>,
}

/// The values of one panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Above it; may be empty.
    pub title: String,
    /// Finite, in any order.
    pub values: Vec<f64>,
}

impl Histogram {
    /// Draws it, dark on white.
    ///
    /// # Errors
    /// `Failed` where the drawing can't be made.
    pub fn to_svg(&self) -> Result<String> {
        let columns = self.panels.len().clamp(1, COLUMNS);
        let width = 2.0 * MARGIN + real(columns) * (LEFT + PANEL.0);
        let subtitle = words::wrapped(&self.subtitle, width - 2.0 * MARGIN, SUBTITLE.size);
        let titled = if self.title.is_empty() { 0.0 } else { TITLE.size * LEADING };
        let head = MARGIN + titled + real(subtitle.len()) * SUBTITLE.size * LEADING;
        let rows = self.panels.len().div_ceil(columns);
        let height = head + real(rows) * (ABOVE + PANEL.1 + BELOW);
        canvas::svg(width, height, |canvas| {
            canvas.text(&self.title, (MARGIN, MARGIN + TITLE.size / 2.0), Anchor::Left, TITLE)?;
            for (i, line) in subtitle.iter().enumerate() {
                let y = MARGIN + titled + (real(i) + 0.5) * SUBTITLE.size * LEADING;
                canvas.text(line, (MARGIN, y), Anchor::Left, SUBTITLE)?;
            }
            for (i, panel) in self.panels.iter().enumerate() {
                let frame = Frame {
                    left: MARGIN + LEFT + real(i % columns) * (LEFT + PANEL.0),
                    top: head + ABOVE + real(i / columns) * (ABOVE + PANEL.1 + BELOW),
                    width: PANEL.0 - MARGIN,
                    height: PANEL.1,
                };
                self.panel(canvas, panel, frame)?;
            }
            Ok(())
        })
    }

    fn panel(&self, canvas: &Canvas, panel: &Distribution, frame: Frame) -> Result<()> {
        let (left, right, bottom) = (frame.left, frame.x(1.0), frame.bottom());
        canvas.text(&panel.title, (left, frame.top - 12.0), Anchor::Left, Font::new(13.0, INK).bold())?;
        let Some(bins) = Bins::of(&panel.values) else {
            return canvas.text("no cluster has this figure", (frame.x(0.5), frame.y(0.5)), Anchor::Middle, QUIET);
        };
        let most = bins.counts.iter().copied().max().unwrap_or(0);
        let scale = Scale::over(0.0, real(most));
        for (count, _) in scale.ticks.iter().filter(|(count, _)| count.fract() == 0.0) {
            let y = frame.y(scale.place(*count));
            canvas.line(&[(left, y), (right, y)], 1.0, PALE)?;
            canvas.text(&short(*count), (left - 7.0, y), Anchor::Right, LABEL_FONT)?;
        }
        let width = frame.width / real(bins.counts.len());
        for (i, &count) in bins.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (x, y) = (left + real(i) * width, frame.y(scale.place(real(count))));
            let (from, to) = (x + 0.5, x + width - 0.5);
            canvas.area(&[(from, y), (to, y), (to, bottom), (from, bottom)], COLOURS[0], 1.0)?;
        }
        for (place, label) in bins.axis.ticks(frame.width) {
            let x = frame.x(place);
            canvas.line(&[(x, bottom), (x, bottom + 4.0)], 1.0, INK)?;
            canvas.text(&label, (x, bottom + 13.0), Anchor::Middle, LABEL_FONT)?;
        }
        canvas.line(&[(left, bottom), (right, bottom)], 1.0, INK)?;
        let median = frame.x(bins.axis.place(bins.median));
        canvas.line(&[(median, frame.top), (median, bottom)], 1.5, COLOURS[1])?;
        let text = format!("median {}", rounded(bins.median));
        canvas.text(&text, (right, frame.top - 12.0), Anchor::Right, QUIET)?;
        let kind = if bins.axis.is_logarithmic { " (log scale)" } else { "" };
        let label = words::fitted(&format!("{}{kind}", self.x_label), frame.width, LABEL);
        canvas.text(&label, (frame.x(0.5), bottom + 30.0), Anchor::Middle, QUIET)?;
        let y_label = words::fitted(&self.y_label, frame.height, LABEL);
        canvas.text(&y_label, (left - LEFT + 8.0, frame.y(0.5)), Anchor::Middle, QUIET.upright())
    }
}

/// Equal steps on the axis, and how many values lie in each.
#[derive(Debug, Clone, PartialEq)]
struct Bins {
    axis: Axis,
    counts: Vec<usize>,
    median: f64,
}

impl Bins {
    /// As many as Freedman and Diaconis (1981) give, within bounds; `None` where there is no value.
    fn of(values: &[f64]) -> Option<Bins> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        let axis = Axis::over(low, high);
        // of quantiles the nearest value is precise enough
        let quantile = |share: f64| sorted[place_in(share, sorted.len())];
        let spread = axis.on(quantile(0.75)) - axis.on(quantile(0.25));
        let step = 2.0 * spread / real(sorted.len()).cbrt();
        let range = axis.on(axis.high) - axis.on(axis.low);
        let bars = if step > 0.0 { (range / step).ceil() } else { BARS.1 };
        let mut counts = vec![0; place_in(1.0, 1 + whole(bars.clamp(BARS.0, BARS.1)))];
        let bins = counts.len();
        for value in sorted.iter() {
            counts[place_in(axis.place(*value), bins)] += 1;
        }
        // the two in the middle, which are one where the number is odd
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Bins { axis, counts, median })
    }
}

/// The index at a share of so many places.
fn place_in(share: f64, places: usize) -> usize {
    whole((share * real(places)).floor()).min(places - 1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and NaN becomes 0")]
fn whole(value: f64) -> usize {
    value as usize
}

/// Where values lie from left to right.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Axis {
    fn over(low: f64, high: f64) -> Axis {
        let is_logarithmic = low > 0.0 && high / low >= WIDE;
        // what differs by rounding only is the same
        let same = high - low <= 1e-12 * low.abs().max(high.abs());
        let margin = if same { (0.1 * low.abs()).max(0.5) } else { 0.0 };
        Axis { low: low - margin, high: high + margin, is_logarithmic }
    }

    fn on(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    /// From 0 on the left to 1 on the right.
    fn place(&self, value: f64) -> f64 {
        (self.on(value) - self.on(self.low)) / (self.on(self.high) - self.on(self.low))
    }

    /// Round values and where they stand; those that would touch the one before are left out.
    fn ticks(&self, width: f64) -> Vec<(f64, String)> {
        let values: Vec<f64> = if self.is_logarithmic {
            let (from, to) = (self.low.log10().floor(), self.high.log10());
            let powers = (0..700_i32).map(|i| from + f64::from(i)).take_while(|power| *power <= to);
            let fine: &[f64] = if to - from < 4.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
            powers.flat_map(|power| fine.iter().map(move |factor| factor * 10_f64.powf(power))).collect()
        } else {
            let step = scale::step(self.high - self.low);
            let first = (self.low / step).ceil();
            (0..20_u32).map(|i| (first + f64::from(i)) * step).collect()
        };
        let mut end = f64::NEG_INFINITY;
        let mut ticks = Vec::new();
        for value in values.into_iter().filter(|value| (self.low..=self.high).contains(value)) {
            let (place, label) = (self.place(value), short(value));
            let half = words::width(&label, LABEL) / 2.0;
            if place * width - half > end + 8.0 {
                end = place * width + half;
                ticks.push((place, label));
            }
        }
        ticks
    }
}

/// Three significant digits; whole numbers below a million as they are.
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
        let svg = histogram.to_svg().expect("draws");
        for word in ["size", "Points of the", "a &lt; b", "level 2", "no cluster has this figure", "median 6"] {
            assert!(svg.contains(word), "{word}: {svg}");
        }
        assert_eq!(svg.matches("<polygon").count(), 3, "{svg}");
    }

    #[test]
    fn medians_are_short() {
        let table = [(17.0, "17"), (0.123_456, "0.123"), (-12.345, "−12.3"), (123_456.7, "123k"), (0.0, "0")];
        for (value, text) in table {
            assert_eq!(rounded(value), text);
        }
    }
}
