//! One panel: axes, grid, and what is drawn on them.

use super::canvas::{Anchor, Canvas, Font, GREY, INK, PALE, Point, look};
use super::position::Axis;
use super::scale::{self, Scale};
use super::{Panel, Spot, real};
use crate::base::error::Result;

/// Size of the ticks' labels.
pub(super) const LABEL: f64 = 12.0;
const TICK: f64 = 4.0;
const LABEL_FONT: Font = Font::new(LABEL, INK);

/// Where a panel lies: the rectangle between its axes, in CSS pixels.
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

/// A panel with the axes it is drawn on.
pub(super) struct Placed<'a> {
    pub(super) panel: &'a Panel,
    pub(super) frame: Frame,
    pub(super) x: &'a Axis,
    pub(super) y: &'a Scale,
    /// How many series the chart has.
    pub(super) series: usize,
}

impl Placed<'_> {
    /// Draws the axes first and the means last, so that these are never covered.
    pub(super) fn draw(&self, canvas: &Canvas) -> Result<()> {
        self.axes(canvas)?;
        if self.panel.spots.is_empty() {
            let centre = (self.frame.x(0.5), self.frame.y(0.5));
            return canvas.text("not defined in any run", centre, Anchor::Middle, Font::new(LABEL, GREY));
        }
        let series = |series: usize| {
            let mut spots: Vec<&Spot> = self.panel.spots.iter().filter(|spot| spot.series == series).collect();
            spots.sort_by_key(|spot| spot.position);
            spots
        };
        let series: Vec<Vec<&Spot>> = (0..self.series).map(series).collect();
        if self.x.is_numeric {
            series.iter().try_for_each(|spots| self.band(canvas, spots))?;
            series.iter().try_for_each(|spots| self.joined(canvas, spots))?;
        } else {
            series.iter().try_for_each(|spots| self.bars(canvas, spots))?;
        }
        series.iter().try_for_each(|spots| self.singles(canvas, spots))?;
        self.panel.spots.iter().try_for_each(|spot| {
            let (colour, marker) = look(spot.series);
            canvas.marker(self.point(spot, spot.mean), marker, colour)
        })
    }

    fn axes(&self, canvas: &Canvas) -> Result<()> {
        let frame = &self.frame;
        let (left, right, bottom) = (frame.left, frame.x(1.0), frame.bottom());
        for (value, label) in &self.y.ticks {
            let y = frame.y(self.y.place(*value));
            canvas.line(&[(left, y), (right, y)], 1.0, PALE)?;
            canvas.text(label, (left - TICK - 3.0, y), Anchor::Right, LABEL_FONT)?;
        }
        if self.y.exponent != 0 {
            // clear of the label of a tick at the very top
            let point = (left - TICK - 3.0, frame.top - LABEL - 6.0);
            canvas.text(&scale::power_of_ten(self.y.exponent), point, Anchor::Right, LABEL_FONT)?;
        }
        for (place, label) in &self.x.ticks {
            let x = frame.x(*place);
            canvas.line(&[(x, bottom), (x, bottom + TICK)], 1.0, INK)?;
            if self.x.upright {
                canvas.text(label, (x, bottom + TICK + 4.0), Anchor::Right, LABEL_FONT.upright())?;
            } else {
                canvas.text(label, (x, bottom + TICK + 10.0), Anchor::Middle, LABEL_FONT)?;
            }
        }
        canvas.line(&[(left, frame.top), (left, bottom), (right, bottom)], 1.0, INK)?;
        let above = (frame.left + frame.width / 2.0, frame.top - 12.0);
        canvas.text(&self.panel.title, above, Anchor::Middle, Font::new(13.0, INK).bold())
    }

    /// Where a value of a spot lies; names have a place beside each other for every series.
    fn point(&self, spot: &Spot, value: f64) -> Point {
        let beside = if self.x.is_numeric { 0.0 } else { self.beside(spot.series) };
        let place = self.x.places.get(spot.position).copied().unwrap_or(0.5);
        (self.frame.x(place + beside), self.frame.y(self.y.place(value)))
    }

    /// How far a series stands from the middle of a name's share.
    fn beside(&self, series: usize) -> f64 {
        self.apart() * (real(series) + 0.5 - real(self.series) / 2.0)
    }

    /// From one series to the next at a name, as a share of the axis.
    fn apart(&self) -> f64 {
        0.7 * self.x.share / real(self.series.max(1))
    }

    /// A band of one standard deviation to each side of the means.
    fn band(&self, canvas: &Canvas, spots: &[&Spot]) -> Result<()> {
        let spread = |spot: &&Spot| spot.deviation.unwrap_or(0.0);
        let Some(first) = spots.first().filter(|_| spots.iter().any(|spot| spread(spot) > 0.0)) else { return Ok(()) };
        let edge = |sign: f64| move |spot: &&Spot| self.point(spot, spot.mean + sign * spread(spot));
        let outline: Vec<Point> = spots.iter().map(edge(1.0)).chain(spots.iter().rev().map(edge(-1.0))).collect();
        canvas.area(&outline, look(first.series).0, 0.16)
    }

    /// A line through the means.
    fn joined(&self, canvas: &Canvas, spots: &[&Spot]) -> Result<()> {
        let Some(first) = spots.first() else { return Ok(()) };
        let means: Vec<Point> = spots.iter().map(|spot| self.point(spot, spot.mean)).collect();
        canvas.line(&means, 2.0, look(first.series).0)
    }

    /// A bar of one standard deviation to each side.
    fn bars(&self, canvas: &Canvas, spots: &[&Spot]) -> Result<()> {
        for spot in spots {
            let Some(deviation) = spot.deviation else { continue };
            let (colour, _) = look(spot.series);
            let [(x, low), (_, high)] = [-deviation, deviation].map(|by| self.point(spot, spot.mean + by));
            canvas.line(&[(x, low), (x, high)], 1.5, colour)?;
            for y in [low, high] {
                canvas.line(&[(x - 4.0, y), (x + 4.0, y)], 1.5, colour)?;
            }
        }
        Ok(())
    }

    /// The single values; beside the bar where there is one.
    fn singles(&self, canvas: &Canvas, spots: &[&Spot]) -> Result<()> {
        let aside = if self.x.is_numeric { 0.0 } else { (self.apart() * self.frame.width / 2.0).clamp(5.0, 9.0) };
        for spot in spots.iter().filter(|spot| spot.values.len() > 1) {
            for &value in &spot.values {
                let (x, y) = self.point(spot, value);
                canvas.dot((x + aside, y), 2.5, look(spot.series).0, 0.4)?;
            }
        }
        Ok(())
    }
}
