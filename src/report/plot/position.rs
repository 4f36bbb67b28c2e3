//! The x axis: positions of the parameter's values, and their labels.

use super::chart::Positions;
use super::{scale, words};
use crate::base::numeric::as_real;

/// Positive numbers that span this ratio or more get a logarithmic axis.
const WIDE: f64 = 100.0;
/// Share of the axis left free at either end of numbers.
const MARGIN: f64 = 0.06;
/// Up to this many numbers get a tick each; more get round ticks.
const FEW: usize = 9;
/// Smallest gap between two labels, CSS pixels.
const GAP: f64 = 8.0;

/// The x axis. Places run from 0 on the left to 1 on the right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// One per position.
    pub(super) places: Vec<f64>,
    /// Places and labels of the ticks.
    pub(super) ticks: Vec<(f64, String)>,
    /// Whether labels are rotated because they do not fit side by side.
    pub(super) upright: bool,
    /// Whether positions are numbers, which are joined by lines.
    pub(super) is_numeric: bool,
    pub(super) is_logarithmic: bool,
    /// Share of the axis per name; 0 for numbers.
    pub(super) share: f64,
}

impl Axis {
    /// An axis of `width` CSS pixels, with labels of font size `size`; upright labels are cut to `longest` CSS pixels.
    pub(super) fn over(positions: &Positions, width: f64, size: f64, longest: f64) -> Axis {
        match positions {
            Positions::Numbers(numbers) => of_numbers(numbers, width, size),
            Positions::Names(names) => of_names(names, width, size, longest),
        }
    }
}

fn of_names(names: &[String], width: f64, size: f64, longest: f64) -> Axis {
    let share = 1.0 / as_real(names.len().max(1) as u64);
    let places: Vec<f64> = (0..names.len()).map(|i| (as_real(i as u64) + 0.5) * share).collect();
    let upright = names.iter().any(|name| words::width(name, size) + GAP > share * width);
    let most = if upright { longest } else { f64::INFINITY };
    // where even upright labels would overlap, only every n-th name gets one
    let every = if upright { (as_real(names.len() as u64) * (size + 2.0) / width).ceil().max(1.0) } else { 1.0 };
    let named = |i: &usize| as_real(*i as u64) % every == 0.0;
    let label = |i: usize| (places[i], words::fitted(&names[i], most, size));
    let ticks = (0..names.len()).filter(named).map(label).collect();
    Axis { ticks, places, upright, is_numeric: false, is_logarithmic: false, share }
}

fn of_numbers(numbers: &[f64], width: f64, size: f64) -> Axis {
    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log = low > 0.0 && high / low >= WIDE;
    let on_axis = |value: f64| if log { value.log10() } else { value };
    let (from, range) = (on_axis(low), on_axis(high) - on_axis(low));
    let place = |value: f64| match range > 0.0 {
        true => MARGIN + (1.0 - 2.0 * MARGIN) * (on_axis(value) - from) / range,
        false => 0.5,
    };
    let labelled: Vec<(f64, String)> = if log || numbers.len() <= FEW {
        numbers.iter().map(|&value| (place(value), short(value))).collect()
    } else {
        let step = scale::step(high - low);
        let first = (low / step).ceil();
        let values = (0..20_u32).map(|i| (first + f64::from(i)) * step).take_while(|value| *value <= high);
        values.map(|value| (place(value), short(value))).collect()
    };
    Axis {
        places: numbers.iter().copied().map(place).collect(),
        ticks: without_overlaps(labelled, width, size),
        upright: false,
        is_numeric: true,
        is_logarithmic: log,
        share: 0.0,
    }
}

/// Drops labels that would touch the one before.
fn without_overlaps(labelled: Vec<(f64, String)>, width: f64, size: f64) -> Vec<(f64, String)> {
    let mut kept: Vec<(f64, String)> = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for (place, label) in labelled {
        let half = words::width(&label, size) / 2.0;
        if place * width - half >= end + GAP {
            end = place * width + half;
            kept.push((place, label));
        }
    }
    kept
}

/// A number in few characters: `0.5`, `300`, `20k`, `1.5M`, `2e−7`.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if size >= 1e12 || (size > 0.0 && size < 1e-4) => format!("{value:e}"),
        _ if size >= 1e9 => format!("{}G", value / 1e9),
        _ if size >= 1e6 => format!("{}M", value / 1e6),
        _ if size >= 1e4 => format!("{}k", value / 1e3),
        _ => {
            // at most seven decimals, without trailing zeros
            let digits = format!("{value:.7}");
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    text.replace('-', "−")
}
