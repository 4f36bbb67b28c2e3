//! Words around numbers.

use std::fmt::Display;

/// A count with its noun, which takes an `s` in the plural: `1 point`, `2 points`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// A number of operations per second: `31.60 TFLOP/s`, `6.30 GFLOP/s`.
pub fn rate(operations: f64) -> String {
    match operations {
        large if large >= 1e12 => format!("{:.2} TFLOP/s", large / 1e12),
        small => format!("{:.2} GFLOP/s", small / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, rate};

    #[test]
    fn rates_have_the_unit_of_their_size() {
        assert_eq!([31.6e12, 1e12, 6.3e9].map(rate), ["31.60 TFLOP/s", "1.00 TFLOP/s", "6.30 GFLOP/s"]);
    }

    #[test]
    fn only_one_is_singular() {
        let texts = [counted(0, "point"), counted(1_u64, "point"), counted(1.0, "point"), counted(21, "point")];
        assert_eq!(texts, ["0 points", "1 point", "1 point", "21 points"]);
    }
}
