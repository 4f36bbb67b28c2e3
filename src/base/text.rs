//! Words around numbers.

use std::fmt::Display;

/// A count with its noun, which takes an `s` in the plural: `1 point`, `2 points`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_singular() {
        let texts = [counted(0, "point"), counted(1_u64, "point"), counted(1.0, "point"), counted(21, "point")];
        assert_eq!(texts, ["0 points", "1 point", "1 point", "21 points"]);
    }
}
