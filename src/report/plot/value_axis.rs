//! The axis of a metric's values.

use super::panel::LABEL;
use super::position::short;
use super::{scale, words};

/// Positive values that span this ratio or more get a logarithmic axis.
const WIDE: f64 = 100.0;

/// The axis of a metric; logarithmic for positive values over a wide range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueAxis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_logarithmic: bool,
}

impl ValueAxis {
    /// An axis that holds both values.
    pub(super) fn over(low: f64, high: f64) -> ValueAxis {
        let is_logarithmic = low > 0.0 && high / low >= WIDE;
        // values that differ by rounding alone count as equal
        let same = high - low <= 1e-12 * low.abs().max(high.abs());
        let margin = if same { (0.1 * low.abs()).max(0.5) } else { 0.0 };
        ValueAxis { low: low - margin, high: high + margin, is_logarithmic }
    }

    /// The value, or its logarithm.
    pub(super) fn on(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    /// 0 at the lower end, 1 at the upper.
    pub(super) fn place(&self, value: f64) -> f64 {
        (self.on(value) - self.on(self.low)) / (self.on(self.high) - self.on(self.low))
    }

    /// Places and labels of ticks at round values, for an axis of `width` CSS pixels: the densest whose labels do not
    /// touch.
    pub(super) fn ticks(&self, width: f64) -> Vec<(f64, String)> {
        if !self.is_logarithmic {
            let ticks = |factor: &f64| {
                let step = factor * scale::step(self.high - self.low);
                let first = (self.low / step).ceil();
                self.labelled((0..20_u32).map(|i| (first + f64::from(i)) * step), width)
            };
            // a tick left out among others would make the axis look uneven
            let steps = [1.0, 2.0, 5.0, 10.0];
            let complete = steps.iter().map(ticks).find(|(ticks, dropped)| *dropped == 0 && !ticks.is_empty());
            return complete.unwrap_or_else(|| ticks(&1.0)).0;
        }
        let (from, to) = (self.low.log10().floor(), self.high.log10());
        let powers = || (0..700_i32).map(|i| from + f64::from(i)).take_while(|power| *power <= to);
        let densities: &[&[f64]] = if to - from < 4.0 { &[&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]] } else { &[&[1.0]] };
        let ticks = |factors: &&[f64]| {
            let values = powers().flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powf(power)));
            self.labelled(values, width)
        };
        let complete = densities.iter().map(ticks).find(|(ticks, dropped)| *dropped == 0 && ticks.len() > 1);
        complete.unwrap_or_else(|| ticks(&densities[0])).0
    }

    /// The values within the axis with their labels, and how many were dropped because their labels would touch others.
    fn labelled(&self, values: impl Iterator<Item = f64>, width: f64) -> (Vec<(f64, String)>, usize) {
        let (mut ticks, mut dropped) = (Vec::new(), 0);
        let mut end = f64::NEG_INFINITY;
        for value in values.filter(|value| (self.low..=self.high).contains(value)) {
            let (place, label) = (self.place(value), short(value));
            let half = words::width(&label, LABEL) / 2.0;
            if place * width - half > end + 8.0 {
                end = place * width + half;
                ticks.push((place, label));
            } else {
                dropped += 1;
            }
        }
        (ticks, dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_a_linear_axis_are_evenly_spaced_however_narrow_it_is() {
        for (low, high) in [(0.0, 34.4), (-0.03, 0.53), (1.0, 13.0), (0.0, 1_850_000.0)] {
            for width in [60.0, 100.0, 150.0, 270.0, 600.0] {
                let places: Vec<f64> = ValueAxis::over(low, high).ticks(width).into_iter().map(|tick| tick.0).collect();
                let gaps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert!(!places.is_empty() && gaps.iter().all(|gap| (gap - gaps[0]).abs() < 1e-9), "{places:?}");
            }
        }
    }
}
