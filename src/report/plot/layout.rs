//! Where the parts of a chart go.

use super::chart::{Chart, Panel, Spot};
use super::panel::{Frame, LABEL, PanelDrawing};
use super::position::Axis;
use super::scale::Scale;
use super::style::{GREY, INK, PAPER, look};
use super::svg::{Anchor, Font, Svg};
use super::words;
use crate::base::numeric::as_real;

/// Most panels in a row.
const COLUMNS: usize = 3;
/// Size of the area between a panel's axes, CSS pixels; a single panel is larger.
const PANEL: (f64, f64) = (290.0, 220.0);
const PANEL_ALONE: (f64, f64) = (520.0, 300.0);
/// Greatest length of upright labels.
const LONGEST_LABEL: f64 = 150.0;
const MARGIN: f64 = 18.0;
const TITLE: Font = Font::new(18.0, INK).bold();
const SUBTITLE: Font = Font::new(13.0, GREY);
const AXIS: Font = Font::new(13.0, INK);
const CAPTION: Font = Font::new(11.5, GREY);
/// Line height as a multiple of the font size.
const LEADING: f64 = 1.4;
/// Gap between two entries of the legend.
const ENTRY_GAP: f64 = 22.0;
/// Width of an entry's marker, including the gap before its name.
const ENTRY_MARK: f64 = 14.0;

impl Chart {
    /// Draws the chart.
    pub fn to_svg(&self) -> String {
        let layout = Layout::of(self);
        let mut svg = Svg::new(layout.width, layout.height, PAPER);
        layout.draw_texts(self, &mut svg);
        for (i, (panel, y)) in self.panels.iter().zip(&layout.scales).enumerate() {
            let frame = layout.frame(i);
            PanelDrawing { panel, frame, x: &layout.axis, y, series: self.series.len() }.draw(&mut svg);
            layout.draw_axis_labels(self, i, frame, &mut svg);
        }
        svg.finish()
    }
}

/// Sizes and positions, CSS pixels.
struct Layout {
    width: f64,
    height: f64,
    columns: usize,
    /// Width and height of the area between the axes.
    panel: (f64, f64),
    /// Room for tick labels, left of the y axis.
    left: f64,
    /// Room for tick labels and the axis label, below the x axis.
    below: f64,
    /// Top of the first row of panels, including their titles.
    top: f64,
    /// Wrapped into lines.
    subtitle: Vec<String>,
    /// Label of the y axis, wrapped into lines.
    y_label: Vec<String>,
    /// Wrapped into lines.
    caption: Vec<String>,
    /// Entries of the legend: left edge, vertical centre, name.
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
        let width = 2.0 * MARGIN + label_width(&y_label) + across * as_real(columns as u64) + MARGIN;
        let text = width - 2.0 * MARGIN;
        let subtitle = words::wrapped(&chart.subtitle, text, SUBTITLE.size);
        let caption = words::wrapped(&chart.caption, text, CAPTION.size);
        let mut top = MARGIN + TITLE.size * LEADING + as_real(subtitle.len() as u64) * SUBTITLE.size * LEADING + 6.0;
        let legend = legend(chart, &mut top, text);
        let rows = chart.panels.len().div_ceil(columns);
        let panels = as_real(rows as u64) * (panel.1 + below + 34.0);
        let height = top + panels + as_real(caption.len() as u64) * CAPTION.size * LEADING + MARGIN;
        Layout { width, height, columns, panel, left, below, top, subtitle, y_label, caption, legend, axis, scales }
    }

    fn frame(&self, index: usize) -> Frame {
        let (row, column) = (index / self.columns, index % self.columns);
        Frame {
            left: MARGIN + label_width(&self.y_label) + self.left + as_real(column as u64) * (self.panel.0 + self.left),
            top: self.top + 28.0 + as_real(row as u64) * (self.panel.1 + self.below + 34.0),
            width: self.panel.0,
            height: self.panel.1,
        }
    }

    /// Title, subtitle, legend and caption.
    fn draw_texts(&self, chart: &Chart, svg: &mut Svg) {
        let mut y = MARGIN + TITLE.size / 2.0;
        svg.text(&chart.title, (MARGIN, y), Anchor::Left, TITLE);
        y += TITLE.size * LEADING;
        for line in &self.subtitle {
            svg.text(line, (MARGIN, y), Anchor::Left, SUBTITLE);
            y += SUBTITLE.size * LEADING;
        }
        for (series, (x, y, name)) in self.legend.iter().enumerate() {
            let (colour, marker) = look(series);
            marker.draw(svg, (x + 5.0, *y), colour);
            svg.text(name, (x + ENTRY_MARK, *y), Anchor::Left, AXIS);
        }
        let mut y = self.height - MARGIN - as_real(self.caption.len() as u64) * CAPTION.size * LEADING + CAPTION.size;
        for line in &self.caption {
            svg.text(line, (MARGIN, y), Anchor::Left, CAPTION);
            y += CAPTION.size * LEADING;
        }
    }

    /// Labels of the axes: x below every panel, y once per row.
    fn draw_axis_labels(&self, chart: &Chart, index: usize, frame: Frame, svg: &mut Svg) {
        let below = frame.top + frame.height + self.below - AXIS.size * 0.4;
        let kind = if self.axis.is_logarithmic { " (log scale)" } else { "" };
        let x_label = words::fitted(&format!("{}{kind}", chart.x_label), frame.width, AXIS.size);
        svg.text(&x_label, (frame.left + frame.width / 2.0, below), Anchor::Middle, AXIS);
        if !index.is_multiple_of(self.columns) {
            return;
        }
        for (i, line) in self.y_label.iter().enumerate() {
            let line = words::fitted(line, frame.height, AXIS.size);
            let left = MARGIN + AXIS.size / 2.0 + as_real(i as u64) * AXIS.size * LEADING;
            svg.text(&line, (left, frame.top + frame.height / 2.0), Anchor::Middle, AXIS.upright());
        }
    }
}

/// Width of the lines of an upright label.
fn label_width(lines: &[String]) -> f64 {
    as_real(lines.len() as u64) * AXIS.size * LEADING
}

/// Lays the legend out in lines, and moves `top` below it.
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
    let extents = panel.spots.iter().map(Spot::extent);
    let (low, high) = extents.fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if low <= high { Scale::over(low, high) } else { Scale::over(0.0, 1.0) }
}
