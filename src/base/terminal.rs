//! The terminal that results are printed on.

/// What a terminal can show. There is none if results go to a file or a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Characters in a line.
    pub columns: usize,
    /// Whether it shows colours.
    pub colours: bool,
}

/// A colour for words on a terminal, chosen from the eight that every theme sets to fit its background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Something is wrong.
    Red,
    /// Something may be wrong.
    Yellow,
    /// All is well.
    Green,
}

impl Colour {
    /// The text in bold and in this colour.
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Colour::Red => 31,
            Colour::Yellow => 33,
            Colour::Green => 32,
        };
        format!("\u{1b}[1;{code}m{text}\u{1b}[0m")
    }
}
