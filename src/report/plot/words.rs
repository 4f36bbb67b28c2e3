//! Text in plots: estimated widths, wrapping and shortening.

/// Estimated width of a text in CSS pixels. The viewer of an SVG chooses the font, so this is the width in a wide one
/// (DejaVu Sans).
pub(super) fn width(text: &str, size: f64) -> f64 {
    let letter = |c: char| match c {
        'i' | 'j' | 'l' | '\'' | '|' => 0.3,
        'f' | 't' | 'r' | ' ' | '.' | ',' | ':' | ';' | '!' | '(' | ')' | '[' | ']' | '-' | '/' | '\\' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.98,
        '<' | '>' | '=' | '+' | '−' | '~' => 0.84,
        c if c.is_uppercase() => 0.74,
        c if c.is_ascii() => 0.63,
        // letters of other scripts can be as wide as high
        _ => 1.0,
    };
    size * text.chars().map(letter).sum::<f64>()
}

/// Wraps the text between words into lines of at most `most` CSS pixels. A longer word gets a line of its own.
pub(super) fn wrapped(text: &str, most: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(word, size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Replaces the middle of a text wider than `most` CSS pixels by an ellipsis: names differ at their ends.
pub(super) fn fitted(text: &str, most: f64, size: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let cut = |kept: usize| {
        let head = kept.div_ceil(2);
        let tail = letters.len() - (kept - head);
        letters[..head].iter().chain(&['…']).chain(&letters[tail..]).collect::<String>()
    };
    let fits = (2..letters.len()).rev().map(cut).find(|text| width(text, size) <= most);
    fits.unwrap_or_else(|| "…".to_owned())
}
