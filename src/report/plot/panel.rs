//! One panel of a chart: axes, grid and data.

use super::chart::{Panel, Spot};
use super::position::Axis;
use super::scale::{self, Scale};
use super::style::{GREY, INK, PALE, look};
use super::svg::{Anchor, Font, Point, Svg};
use crate::base::numeric::as_real;

/// Font size of tick labels.
pub(super) const LABEL: f64 = 12.0;
const TICK: f64 = 4.0;
const LABEL_FONT: Font = Font::new(LABEL, INK);

/// The rectangle between a panel's axes, in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    pub(super) fn x(&self, place: f64) -> f64 {
        self.left + place * self.width
    }

    pub(super) fn y(&self, place: f64) -> f64 {
        self.top + (1.0 - place) * self.height
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// A panel together with its frame and axes.
pub(super) struct PanelDrawing<'a> {
    pub(super) panel: &'a Panel,
    pub(super) frame: Frame,
    pub(super) x: &'a Axis,
    pub(super) y: &'a Scale,
    /// Number of series of the chart.
    pub(super) series: usize,
}

impl PanelDrawing<'_> {
    /// Draws the axes first and the means last, so that means are never covered.
    pub(super) fn draw(&self, svg: &mut Svg) {
        self.axes(svg);
        if self.panel.spots.is_empty() {
            let centre = (self.frame.x(0.5), self.frame.y(0.5));
            svg.text("not defined in any run", centre, Anchor::Middle, Font::new(LABEL, GREY));
            return;
        }
        let series = |series: usize| {
            let mut spots: Vec<&Spot> = self.panel.spots.iter().filter(|spot| spot.series == series).collect();
            spots.sort_by_key(|spot| spot.position);
            spots
        };
        let series: Vec<Vec<&Spot>> = (0..self.series).map(series).collect();
        if self.x.is_numeric {
            series.iter().for_each(|spots| self.band(svg, spots));
            series.iter().for_each(|spots| self.joined(svg, spots));
        } else {
            series.iter().for_each(|spots| self.bars(svg, spots));
        }
        series.iter().for_each(|spots| self.single_values(svg, spots));
        for spot in &self.panel.spots {
            let (colour, marker) = look(spot.series);
            marker.draw(svg, self.point(spot, spot.mean), colour);
        }
    }

    fn axes(&self, svg: &mut Svg) {
        let frame = &self.frame;
        let (left, right, bottom) = (frame.left, frame.x(1.0), frame.bottom());
        for (value, label) in &self.y.ticks {
            let y = frame.y(self.y.place(*value));
            svg.rule((left, y), (right, y), PALE);
            svg.text(label, (left - TICK - 3.0, y), Anchor::Right, LABEL_FONT);
        }
        if self.y.exponent != 0 {
            // above the label of the topmost tick
            let point = (left - TICK - 3.0, frame.top - LABEL - 6.0);
            svg.text(&scale::power_of_ten(self.y.exponent), point, Anchor::Right, LABEL_FONT);
        }
        for (place, label) in &self.x.ticks {
            let x = frame.x(*place);
            svg.rule((x, bottom), (x, bottom + TICK), INK);
            if self.x.upright {
                svg.text(label, (x, bottom + TICK + 4.0), Anchor::Right, LABEL_FONT.upright());
            } else {
                svg.text(label, (x, bottom + TICK + 10.0), Anchor::Middle, LABEL_FONT);
            }
        }
        svg.rule((left, frame.top), (left, bottom), INK);
        svg.rule((left, bottom), (right, bottom), INK);
        let above = (frame.left + frame.width / 2.0, frame.top - 12.0);
        svg.text(&self.panel.title, above, Anchor::Middle, Font::new(13.0, INK).bold());
    }

    /// Position of a value of a spot. On an axis of names, series are placed side by side.
    fn point(&self, spot: &Spot, value: f64) -> Point {
        let offset = if self.x.is_numeric { 0.0 } else { self.offset(spot.series) };
        let place = self.x.places.get(spot.position).copied().unwrap_or(0.5);
        (self.frame.x(place + offset), self.frame.y(self.y.place(value)))
    }

    /// Offset of a series from the middle of its name, as a share of the axis.
    fn offset(&self, series: usize) -> f64 {
        self.spacing() * (as_real(series as u64) + 0.5 - as_real(self.series as u64) / 2.0)
    }

    /// Distance between neighbouring series of a name, as a share of the axis.
    fn spacing(&self) -> f64 {
        0.7 * self.x.share / as_real(self.series.max(1) as u64)
    }

    /// A band of one standard deviation on either side of the means.
    fn band(&self, svg: &mut Svg, spots: &[&Spot]) {
        let spread = |spot: &&Spot| spot.deviation.unwrap_or(0.0);
        let Some(first) = spots.first().filter(|_| spots.iter().any(|spot| spread(spot) > 0.0)) else { return };
        let edge = |sign: f64| move |spot: &&Spot| self.point(spot, spot.mean + sign * spread(spot));
        let outline: Vec<Point> = spots.iter().map(edge(1.0)).chain(spots.iter().rev().map(edge(-1.0))).collect();
        svg.polygon(&outline, look(first.series).0, 0.16);
    }

    /// A line through the means.
    fn joined(&self, svg: &mut Svg, spots: &[&Spot]) {
        let Some(first) = spots.first() else { return };
        let means: Vec<Point> = spots.iter().map(|spot| self.point(spot, spot.mean)).collect();
        svg.polyline(&means, 2.0, look(first.series).0);
    }

    /// Error bars of one standard deviation on either side of the means.
    fn bars(&self, svg: &mut Svg, spots: &[&Spot]) {
        for spot in spots {
            let Some(deviation) = spot.deviation else { continue };
            let (colour, _) = look(spot.series);
            let [(x, low), (_, high)] = [-deviation, deviation].map(|by| self.point(spot, spot.mean + by));
            svg.polyline(&[(x, low), (x, high)], 1.5, colour);
            for y in [low, high] {
                svg.polyline(&[(x - 4.0, y), (x + 4.0, y)], 1.5, colour);
            }
        }
    }

    /// The single values, next to the error bar if there is one.
    fn single_values(&self, svg: &mut Svg, spots: &[&Spot]) {
        let aside = if self.x.is_numeric { 0.0 } else { (self.spacing() * self.frame.width / 2.0).clamp(5.0, 9.0) };
        for spot in spots.iter().filter(|spot| spot.values.len() > 1) {
            for &value in &spot.values {
                let (x, y) = self.point(spot, value);
                svg.circle((x + aside, y), 2.5, look(spot.series).0, 0.4);
            }
        }
    }
}
