//! Makes empty lines of a `.csv` visible. Its parser skips them, but in a list of one column, an empty line is an entry.

use std::io::{BufRead, Read};

/// What a NUL byte means: UTF-16 stores ASCII characters as themselves and a NUL.
pub(super) const NUL: &str = "NUL bytes, as in UTF-16";

/// A reader that puts `""`, an empty field, into each empty line after the first line with content.
#[derive(Debug)]
pub(super) struct BlankLines<R> {
    reader: R,
    state: State,
    /// Bytes of `""` that are still to be passed on.
    pending: usize,
}

/// The position in the text, as far as quotes and line ends depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first line with content.
    Leading,
    LineStart,
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote in a quoted field: its end, or the first of two quotes.
    QuoteInQuoted,
}

impl<R: BufRead> BlankLines<R> {
    pub(super) fn new(reader: R) -> Self {
        BlankLines { reader, state: State::Leading, pending: 0 }
    }
}

impl State {
    /// The state after a byte.
    fn after(self, byte: u8) -> State {
        match (self, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) | (State::QuoteInQuoted, b'"') => State::Quoted,
            // a byte order mark is part of no field
            (State::Leading, b'\n' | b'\r' | 0xef | 0xbb | 0xbf) => State::Leading,
            (_, b'\n') => State::LineStart,
            // the line goes on to its `\n`
            (State::LineStart, b'\r') => State::LineStart,
            (State::Leading | State::LineStart | State::FieldStart, b'"') => State::Quoted,
            (_, b',') => State::FieldStart,
            _ => State::Unquoted,
        }
    }
}

impl<R: BufRead> Read for BlankLines<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let input = self.reader.fill_buf()?;
        let (mut used, mut written) = (0, 0);
        while written < out.len() {
            if self.pending > 0 {
                out[written] = b'"';
                self.pending -= 1;
                written += 1;
                // the state of the empty line is that of an unquoted field
                self.state = State::Unquoted;
                continue;
            }
            let Some(&byte) = input.get(used) else { break };
            if byte == 0 {
                self.reader.consume(used);
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, NUL));
            }
            if byte == b'\n' && self.state == State::LineStart {
                self.pending = 2;
                continue;
            }
            self.state = self.state.after(byte);
            out[written] = byte;
            written += 1;
            used += 1;
        }
        self.reader.consume(used);
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, capacity: usize) -> String {
        let mut out = String::new();
        let reader = std::io::BufReader::with_capacity(capacity, text.as_bytes());
        BlankLines::new(reader).read_to_string(&mut out).expect("text");
        out
    }

    #[test]
    fn only_empty_lines_get_a_field() {
        for (text, want) in [
            ("label\na\n\nb\n", "label\na\n\"\"\nb\n"),
            ("\n\nlabel\na\n\n", "\n\nlabel\na\n\"\"\n"),
            ("\u{feff}\"x\n\ny\"\na", "\u{feff}\"x\n\ny\"\na"),
            ("label\n\"a\n\n\"\"\n\nb\"\nc\n", "label\n\"a\n\n\"\"\n\nb\"\nc\n"),
            ("label\n5\" disk\n\nb", "label\n5\" disk\n\"\"\nb"),
            ("", ""),
        ] {
            for capacity in [1, 2, 3, 100] {
                assert_eq!(read(text, capacity), want, "{text:?}");
            }
        }
        let lines = read("label\r\na\r\n\r\nb\r\n", 4);
        let mut reader = csv::Reader::from_reader(lines.as_bytes());
        let records: Vec<String> = reader.records().map(|record| record.expect("valid")[0].to_owned()).collect();
        assert_eq!(records, ["a", "", "b"]);
    }
}
