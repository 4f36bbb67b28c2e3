//! Numbers in sentences.

/// A share as a percentage: `70 %`, `3.4 %`, `0.02 %`; never `0 %` or `100 %` for anything in between.
pub(super) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let text = match percent {
        p if (99.5..100.0).contains(&p) => return "nearly 100 %".to_owned(),
        p if p >= 10.0 || p == 0.0 => format!("{p:.0}"),
        p if p >= 0.1 => format!("{p:.1}"),
        p if p >= 0.01 => format!("{p:.2}"),
        _ => return "less than 0.01 %".to_owned(),
    };
    text + " %"
}

/// A count with its noun and separated thousands: `1 cluster`, `1,408 clusters`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A count with separated thousands.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A metric's value to two decimals, or to two digits if it is smaller.
pub(super) fn value(real: f64) -> String {
    if real != 0.0 && real.abs() < 0.01 { format!("{real:.1e}") } else { format!("{real:.2}") }
}

/// The text with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `is` after one, `are` after more.
pub(super) fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_short_and_never_rounded_to_none_or_all() {
        let texts = [0.0, 0.000_01, 0.000_25, 0.034, 0.1361, 0.7013, 0.9971, 1.0].map(percent);
        let expected = ["0 %", "less than 0.01 %", "0.03 %", "3.4 %", "14 %", "70 %", "nearly 100 %", "100 %"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn counts_have_separated_thousands() {
        let texts = [1, 12, 408, 1_408, 1_000_000].map(|count| counted(count, "cluster"));
        assert_eq!(texts, ["1 cluster", "12 clusters", "408 clusters", "1,408 clusters", "1,000,000 clusters"]);
    }

    #[test]
    fn values_keep_two_digits() {
        assert_eq!([0.0, -0.123, 0.004, 12.345].map(value), ["0.00", "-0.12", "4.0e-3", "12.35"]);
    }
}
