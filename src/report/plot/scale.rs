//! The y axis: its range and its ticks.

/// Most intervals between ticks; three to seven ticks are drawn.
const TICKS: f64 = 7.0;
/// Share of the range left free at either end.
const MARGIN: f64 = 0.07;
/// Labels of this size and more share a factor of ten to some power, and so do those below `1e2 / LARGE`.
const LARGE: f64 = 1e5;

/// A linear axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Values and labels.
    pub(super) ticks: Vec<(f64, String)>,
    /// The labels are to be multiplied by ten to this power.
    pub(super) exponent: i32,
}

impl Scale {
    /// An axis that shows all values from `low` to `high`, both finite.
    pub(super) fn over(low: f64, high: f64) -> Scale {
        let size = low.abs().max(high.abs());
        // values that differ by rounding alone count as equal
        let same = high - low <= 1e-12 * size;
        let (low, high) = match size {
            0.0 => (-1.0, 1.0),
            size if same => (low - 0.05 * size, high + 0.05 * size),
            _ => (low, high),
        };
        let margin = MARGIN * (high - low);
        // no room below zero unless a value is negative
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

    /// 0 at the lower end, 1 at the upper end.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// The smallest step of 1, 2 or 5 times a power of ten that divides the range into at most [`TICKS`] intervals.
pub(super) fn step(range: f64) -> f64 {
    let rough = range / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough);
    nice.unwrap_or(10.0) * power
}

/// The power of ten that labels of this size share.
fn exponent(size: f64) -> i32 {
    if size == 0.0 || (1e2 / LARGE..LARGE).contains(&size) { 0 } else { whole(size.log10().floor()) }
}

/// Decimals needed to tell multiples of a step apart.
pub(super) fn decimals(step: f64) -> usize {
    usize::try_from(-whole((step * 1.001).log10().floor())).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "a power of ten of a finite number is between -324 and 308")]
fn whole(power: f64) -> i32 {
    power as i32
}

/// A number with `decimals` decimals, and a minus sign instead of a hyphen.
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
