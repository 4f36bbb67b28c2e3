//! The Python literal in a `.npy` header: a dict of `descr`, `fortran_order` and `shape`, and nothing else.

/// NumPy allows at most 64 dimensions.
const MAX_DIMENSIONS: usize = 64;

/// The values of the dict.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields {
    /// Type of an element. For a record type, the text of the literal.
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
}

/// Parses the whole header text. The error is a clause for the message.
pub(super) fn parse(text: &str) -> Result<Fields, String> {
    let mut cursor = Cursor { rest: text };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    cursor.expect('{')?;
    while !cursor.accept('}') {
        let key = cursor.string()?;
        cursor.expect(':')?;
        match key.as_str() {
            "descr" => descr = Some(cursor.descr()?),
            "fortran_order" => fortran_order = Some(cursor.boolean()?),
            "shape" => shape = Some(cursor.shape()?),
            _ => return Err(format!("unknown key {:?}", shorten(&key))),
        }
        if !cursor.accept(',') {
            cursor.expect('}')?;
            break;
        }
    }
    cursor.skip_space();
    // Some writers pad with zero bytes instead of spaces.
    if !cursor.rest.trim_end_matches('\0').is_empty() {
        return Err(format!("{:?} after the end of the dict", shorten(cursor.rest)));
    }
    Ok(Fields {
        descr: descr.ok_or("no key 'descr'")?,
        fortran_order: fortran_order.ok_or("no key 'fortran_order'")?,
        shape: shape.ok_or("no key 'shape'")?,
    })
}

/// The first characters of a text, for a message.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
    }

    fn accept(&mut self, wanted: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.accept(wanted) { Ok(()) } else { Err(self.unexpected(&format!("{wanted:?}"))) }
    }

    fn unexpected(&self, wanted: &str) -> String {
        format!("expected {wanted} at {:?}", shorten(self.rest))
    }

    fn boolean(&mut self) -> Result<bool, String> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    /// A quoted string. Backslashes are refused: NumPy writes none for the types read here.
    fn string(&mut self) -> Result<String, String> {
        self.skip_space();
        let quote = match self.rest.chars().next() {
            Some(c @ ('\'' | '"')) => c,
            _ => return Err(self.unexpected("a quoted string")),
        };
        let body = &self.rest[1..];
        let end = body.find(quote).ok_or("a string without an end")?;
        if body[..end].contains('\\') {
            return Err("a backslash in a string".to_owned());
        }
        self.rest = &body[end + 1..];
        Ok(body[..end].to_owned())
    }

    /// A type: a string, or the text of a bracketed literal for a record type, which appears in messages.
    fn descr(&mut self) -> Result<String, String> {
        self.skip_space();
        if !self.rest.starts_with(['[', '(', '{']) {
            return self.string();
        }
        let text = self.rest;
        let end = bracketed(text).ok_or("a record type without an end")?;
        self.rest = &text[end..];
        Ok(text[..end].to_owned())
    }

    /// `()`, `(3,)`, `(3, 4)`; Python 2 wrote `(3L, 4L)`.
    fn shape(&mut self) -> Result<Vec<u64>, String> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.accept(')') {
            if shape.len() == MAX_DIMENSIONS {
                return Err(format!("more than {MAX_DIMENSIONS} dimensions"));
            }
            shape.push(self.integer()?);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn integer(&mut self) -> Result<u64, String> {
        self.skip_space();
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        if digits.is_empty() {
            return Err(self.unexpected("a length of 0 or more"));
        }
        let value = digits.parse().map_err(|_| format!("a length of {} is too large", shorten(digits)))?;
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(value)
    }
}

/// Byte length of the bracketed literal at the start of `text`, counting brackets outside strings.
fn bracketed(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(' | '{') => depth += 1,
            (None, ']' | ')' | '}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_numpy_writes_in_any_order_and_spacing() {
        let plain = parse("{'descr': '<f4', 'fortran_order': False, 'shape': (1797, 64), }   \n").unwrap();
        assert_eq!(plain, Fields { descr: "<f4".into(), fortran_order: false, shape: vec![1797, 64] });
        for same in [
            "{'shape':(1797,64),'descr':'<f4','fortran_order':False}",
            "{\"shape\" : ( 1797L , 64L , ) ,\n\t\"fortran_order\" : False, 'descr' : \"<f4\" , }\0\0",
        ] {
            assert_eq!(parse(same).unwrap(), plain, "{same}");
        }
        assert_ne!(parse("{'descr': '<f4', 'fortran_order': True, 'shape': (1797, 64), }").unwrap(), plain);
    }

    #[test]
    fn keeps_a_record_type_as_it_is_written() {
        let fields = parse("{'descr': [('a]', '<f4'), ('b', [('c', '<i8')])], 'fortran_order': False, 'shape': ()}");
        let fields = fields.unwrap();
        assert_eq!(fields.descr, "[('a]', '<f4'), ('b', [('c', '<i8')])]");
        assert!(fields.shape.is_empty());
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, wrong) in [
            ("", "expected '{'"),
            ("{'descr': '<f4', 'shape': (1,)}", "no key 'fortran_order'"),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "expected True or False"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "a length of 0 or more"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", "expected ')'"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "too large"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "after the end"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", "unknown key"),
            ("{'descr': [[[, 'fortran_order': False, 'shape': (1,)}", "without an end"),
            ("{'descr': '<f4", "without an end"),
            ("{'descr': '\\x3cf4'}", "backslash"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
