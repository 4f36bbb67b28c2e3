//! Where everything of a chart goes.

use super::canvas::{self, Anchor, Canvas, Font, GREY, INK, look};
use super::panel::{Frame, LABEL, Placed};
use super::position::Axis;
use super::scale::Scale;
use super::{Chart, Panel, real, words};
use crate::base::error::Result;

/// Panels in a row, at most.
const COLUMNS: usize = 3;
/// Between the axes of a panel, CSS pixels; a panel alone is larger.
const PANEL: (f64, f64) = (290.0, 220.0);
const PANEL_ALONE: (f64, f64) = (520.0, 300.0);
/// Upright labels are no longer.
const LONGEST_LABEL: f64 = 150.0;
const MARGIN: f64 = 18.0;
const TITLE: Font = Font::new(18.0, INK).bold();
const SUBTITLE: Font = Font::new(13.0, GREY);
const AXIS: Font = Font::new(13.0, INK);
const CAPTION: Font = Font::new(11.5, GREY);
/// Height of a line of text over the size of its font.
const LEADING: f64 = 1.4;
/// Between an entry of the legend and the next one.
const ENTRY_GAP: f64 = 22.0;
/// From the start of an entry to its name.
const ENTRY_MARK: f64 = 14.0;

/// Draws a chart.
pub(super) fn draw(chart: &Chart) -> Result<String> {
    let layout = Layout::of(chart);
    canvas::svg(layout.width, layout.height, |canvas| {
        layout.words(chart, canvas)?;
        for (i, (panel, y)) in chart.panels.iter().zip(&layout.scales).enumerate() {
            let series = chart.series.len();
            let frame = layout.frame(i);
            Placed { panel, frame, x: &layout.axis, y, series }.draw(canvas)?;
            layout.axis_labels(chart, i, frame, canvas)?;
        }
        Ok(())
    })
}

/// Sizes and places, CSS pixels.
struct Layout {
    width: f64,
    height: f64,
    columns: usize,
    /// Between the axes.
    panel: (f64, f64),
    /// Left of the axis: ticks' labels and, in the first column, the axis' own.
    left: f64,
    /// Below the axis.
    below: f64,
    /// Where the first row of panels starts, their titles included.
    top: f64,
    subtitle: Vec<String>,
    /// The y axis' own label, in lines.
    y_label: Vec<String>,
    caption: Vec<String>,
    /// Names in the legend and where they start.
    legend: Vec<(f64, f64, String)>,
    axis: Axis,
    scales: Vec<Scale>,
}

impl Layout {
    fn of(chart: &Chart) -> Layout {
        let columns = chart.panels.len().clamp(1, COLUMNS);
        let panel = if chart.panels.len() > 1 { PANEL } else { PANEL_ALONE };
        let scales: Vec<Scale> = chart.panels.iter().map(scale).collect();
        let labels = scales.iter().flat_map(|scale| &scale.ticks).map(|(_, label)| words::width(label, LABEL));
        let left = labels.fold(30.0, f64::max) + 26.0;
        let axis = Axis::over(&chart.positions, panel.0, LABEL, LONGEST_LABEL);
        let longest = axis.ticks.iter().map(|(_, label)| words::width(label, LABEL)).fold(0.0, f64::max);
        let below = if axis.upright { longest + 16.0 } else { 24.0 } + AXIS.size * LEADING;
        let across = panel.0 + left;
        let y_label = words::wrapped(&chart.y_label, panel.1, AXIS.size);
        let width = 2.0 * MARGIN + beside(&y_label) + across * real(columns) + MARGIN;
        let text = width - 2.0 * MARGIN;
        let subtitle = words::wrapped(&chart.subtitle, text, SUBTITLE.size);
        let caption = words::wrapped(&chart.caption, text, CAPTION.size);
        let mut top = MARGIN + TITLE.size * LEADING + real(subtitle.len()) * SUBTITLE.size * LEADING + 6.0;
        let legend = legend(chart, &mut top, text);
        let rows = chart.panels.len().div_ceil(columns);
        let panels = real(rows) * (panel.1 + below + 34.0);
        let height = top + panels + real(caption.len()) * CAPTION.size * LEADING + MARGIN;
        Layout { width, height, columns, panel, left, below, top, subtitle, y_label, caption, legend, axis, scales }
    }

    fn frame(&self, index: usize) -> Frame {
        let (row, column) = (index / self.columns, index % self.columns);
        Frame {
            left: MARGIN + beside(&self.y_label) + self.left + real(column) * (self.panel.0 + self.left),
            top: self.top + 28.0 + real(row) * (self.panel.1 + self.below + 34.0),
            width: self.panel.0,
            height: self.panel.1,
        }
    }

    /// Title, subtitle, legend and caption.
    fn words(&self, chart: &Chart, canvas: &Canvas) -> Result<()> {
        let mut y = MARGIN + TITLE.size / 2.0;
        canvas.text(&chart.title, (MARGIN, y), Anchor::Left, TITLE)?;
        y += TITLE.size * LEADING;
        for line in &self.subtitle {
            canvas.text(line, (MARGIN, y), Anchor::Left, SUBTITLE)?;
            y += SUBTITLE.size * LEADING;
        }
        for (series, (x, y, name)) in self.legend.iter().enumerate() {
            let (colour, marker) = look(series);
            canvas.marker((x + 5.0, *y), marker, colour)?;
            canvas.text(name, (x + ENTRY_MARK, *y), Anchor::Left, AXIS)?;
        }
        let mut y = self.height - MARGIN - real(self.caption.len()) * CAPTION.size * LEADING + CAPTION.size;
        for line in &self.caption {
            canvas.text(line, (MARGIN, y), Anchor::Left, CAPTION)?;
            y += CAPTION.size * LEADING;
        }
        Ok(())
    }

    /// The axes' own labels: of x below every panel, of y once a row.
    fn axis_labels(&self, chart: &Chart, index: usize, frame: Frame, canvas: &Canvas) -> Result<()> {
        let below = frame.top + frame.height + self.below - AXIS.size * 0.4;
        let kind = if self.axis.is_logarithmic { " (log scale)" } else { "" };
        let x_label = words::fitted(&format!("{}{kind}", chart.x_label), frame.width, AXIS.size);
        canvas.text(&x_label, (frame.left + frame.width / 2.0, below), Anchor::Middle, AXIS)?;
        if !index.is_multiple_of(self.columns) {
            return Ok(());
        }
        self.y_label.iter().enumerate().try_for_each(|(i, line)| {
            let line = words::fitted(line, frame.height, AXIS.size);
            let left = MARGIN + AXIS.size / 2.0 + real(i) * AXIS.size * LEADING;
            canvas.text(&line, (left, frame.top + frame.height / 2.0), Anchor::Middle, AXIS.upright())
        })
    }
}

/// Room for the lines of an upright label.
fn beside(lines: &[String]) -> f64 {
    real(lines.len()) * AXIS.size * LEADING
}

/// The entries of the legend in lines below each other; moves `top` below them.
fn legend(chart: &Chart, top: &mut f64, width: f64) -> Vec<(f64, f64, String)> {
    if chart.series.len() < 2 {
        return Vec::new();
    }
    let line = AXIS.size * LEADING + 2.0;
    let (mut x, mut y) = (MARGIN, *top + line / 2.0);
    let mut entries = Vec::new();
    for name in &chart.series {
        let name = words::fitted(name, width - ENTRY_MARK, AXIS.size);
        let wide = ENTRY_MARK + words::width(&name, AXIS.size);
        if x > MARGIN && x + wide > MARGIN + width {
            (x, y) = (MARGIN, y + line);
        }
        entries.push((x, y, name));
        x += wide + ENTRY_GAP;
    }
    *top = y + line / 2.0 + 4.0;
    entries
}

/// The y axis of a panel.
fn scale(panel: &Panel) -> Scale {
    let extents = panel.spots.iter().map(super::Spot::extent);
    let (low, high) = extents.fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if low <= high { Scale::over(low, high) } else { Scale::over(0.0, 1.0) }
}
