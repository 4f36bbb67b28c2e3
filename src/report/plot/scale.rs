//! The y axis: its range and its ticks.

/// Ticks that are aimed at: between three and seven are drawn.
const TICKS: f64 = 7.0;
/// Share of the range that is left free at both ends.
const MARGIN: f64 = 0.07;
/// From here on, and below one over a hundredth of it, a power of ten is taken out of the labels.
const LARGE: f64 = 1e5;

/// A linear axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where they stand and what they say.
    pub(super) ticks: Vec<(f64, String)>,
    /// The power of ten that the labels are to be multiplied by.
    pub(super) exponent: i32,
}

impl Scale {
    /// An axis that shows all values from `low` to `high`, both finite.
    pub(super) fn over(low: f64, high: f64) -> Scale {
        let size = low.abs().max(high.abs());
        // what differs by rounding only is the same
        let same = high - low <= 1e-12 * size;
        let (low, high) = match size {
            0.0 => (-1.0, 1.0),
            size if same => (low - 0.05 * size, high + 0.05 * size),
            _ => (low, high),
        };
        let margin = MARGIN * (high - low);
        // nothing below zero where nothing is
        let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let (low, high) = ((low - margin).max(floor), high + margin);
        let exponent = exponent(low.abs().max(high.abs()));
        let unit = 10_f64.powi(exponent);
        let step = step((high - low) / unit);
        let first = (low / unit / step).ceil();
        let decimals = decimals(step);
        let tick = |i: u32| (first + f64::from(i)) * step;
        let ticks = (0..20).map(tick).take_while(|tick| tick * unit <= high * (1.0 + 1e-12 * high.signum()));
        let label = |tick: f64| (tick * unit, number(tick, decimals));
        Scale { low, high, ticks: ticks.map(label).collect(), exponent }
    }

    /// From 0 at the lower end to 1 at the upper one.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// 1, 2 or 5 times a power of ten, so that at most [`TICKS`] of them fill the range.
pub(super) fn step(range: f64) -> f64 {
    let rough = range / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough);
    nice.unwrap_or(10.0) * power
}

/// The power of ten that is taken out of labels as large as this.
fn exponent(size: f64) -> i32 {
    if size == 0.0 || (1e2 / LARGE..LARGE).contains(&size) { 0 } else { whole(size.log10().floor()) }
}

/// Digits behind the point that tell multiples of a step apart.
pub(super) fn decimals(step: f64) -> usize {
    usize::try_from(-whole((step * 1.001).log10().floor())).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "a power of ten of a finite number is between -324 and 308")]
fn whole(power: f64) -> i32 {
    power as i32
}

/// A number with so many digits behind the point, with a minus sign instead of a hyphen.
pub(super) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
}

/// `×10⁶`
pub(super) fn power_of_ten(exponent: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32(u32::from(c) - u32::from('0') + u32::from('⁰')).unwrap_or(c),
    };
    format!("×10{}", exponent.to_string().chars().map(digit).collect::<String>())
}
