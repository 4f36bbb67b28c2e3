//! Element types of the arrays in a pickle, and their decoding to integers or strings.

/// The kind of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Float,
    /// UTF-32, padded with NUL.
    Unicode,
    /// Bytes, padded with NUL.
    Ascii,
    Object,
}

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dtype {
    kind: Kind,
    /// Bytes of an element.
    size: u32,
    big_endian: bool,
}

/// Why an element can't be a member of a cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NotMember {
    Negative(i64),
    NotIntegral(f64),
    /// 2^63 or more. For floats 2^53 or more, where not every integer can be represented.
    TooLarge,
}

impl NotMember {
    /// The element, for a message.
    pub(crate) fn describe(self) -> String {
        match self {
            NotMember::Negative(value) => value.to_string(),
            NotMember::NotIntegral(value) => value.to_string(),
            NotMember::TooLarge => "an integer too large for an index".to_owned(),
        }
    }
}

impl Dtype {
    /// From NumPy's code without a byte order, such as `i8` or `U16`. Little endian.
    pub(crate) fn from_code(code: &str) -> Option<Dtype> {
        let (kind, size) = code.split_at_checked(1)?;
        let size: u32 = size.parse().ok()?;
        let (kind, size) = match (kind, size) {
            ("i", 1 | 2 | 4 | 8) => (Kind::Signed, size),
            ("u", 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
            ("f", 4 | 8) => (Kind::Float, size),
            ("U", 1..) => (Kind::Unicode, size.checked_mul(4)?),
            ("S", 1..) => (Kind::Ascii, size),
            ("O", _) => (Kind::Object, 8),
            _ => return None,
        };
        Some(Dtype { kind, size, big_endian: false })
    }

    /// From NumPy's type string in a `.npy` header, such as `<i8` or `|S12`.
    pub(crate) fn from_descr(descr: &str) -> Option<Dtype> {
        let (order, code) = descr.split_at_checked(1)?;
        if descr == "|O" {
            return Some(Dtype { kind: Kind::Object, size: 8, big_endian: false });
        }
        Dtype::from_code(code)?.with_order(order)
    }

    /// The same type with NumPy's byte order: `<`, `>`, `=` or `|`.
    pub(crate) fn with_order(self, order: &str) -> Option<Dtype> {
        match order {
            "<" | "|" => Some(Dtype { big_endian: false, ..self }),
            ">" => Some(Dtype { big_endian: true, ..self }),
            "=" => Some(Dtype { big_endian: cfg!(target_endian = "big"), ..self }),
            _ => None,
        }
    }

    /// Whether elements are Python objects.
    pub(crate) fn is_object(self) -> bool {
        self.kind == Kind::Object
    }

    /// Whether elements are strings.
    pub(crate) fn is_text(self) -> bool {
        matches!(self.kind, Kind::Unicode | Kind::Ascii)
    }

    /// Whether elements are numbers.
    pub(crate) fn is_number(self) -> bool {
        matches!(self.kind, Kind::Signed | Kind::Unsigned | Kind::Float)
    }

    /// Bytes of an element.
    pub(crate) fn size(self) -> u64 {
        u64::from(self.size)
    }

    /// Appends the elements of `bytes` as members. The error holds the position of the first that can't be one, and why.
    pub(crate) fn append_members(self, bytes: &[u8], members: &mut Vec<u64>) -> Result<(), (u64, NotMember)> {
        match (self.kind, self.size) {
            (Kind::Signed, 8) => self.append(bytes, members, |b| signed(i64::from_le_bytes(b))),
            (Kind::Signed, 4) => self.append(bytes, members, |b| signed(i32::from_le_bytes(b).into())),
            (Kind::Signed, 2) => self.append(bytes, members, |b| signed(i16::from_le_bytes(b).into())),
            (Kind::Signed, _) => self.append(bytes, members, |b| signed(i8::from_le_bytes(b).into())),
            (Kind::Unsigned, 8) => self.append(bytes, members, |b| unsigned(u64::from_le_bytes(b))),
            (Kind::Unsigned, 4) => self.append(bytes, members, |b| unsigned(u32::from_le_bytes(b).into())),
            (Kind::Unsigned, 2) => self.append(bytes, members, |b| unsigned(u16::from_le_bytes(b).into())),
            (Kind::Float, 8) => self.append(bytes, members, |b| float(f64::from_le_bytes(b))),
            (Kind::Float, _) => self.append(bytes, members, |b| float(f32::from_le_bytes(b).into())),
            _ => self.append(bytes, members, |b| unsigned(u8::from_le_bytes(b).into())),
        }
    }

    fn append<const N: usize>(
        self,
        bytes: &[u8],
        members: &mut Vec<u64>,
        member: impl Fn([u8; N]) -> Result<u64, NotMember>,
    ) -> Result<(), (u64, NotMember)> {
        let (elements, _) = bytes.as_chunks::<N>();
        members.reserve(elements.len());
        for (i, &element) in elements.iter().enumerate() {
            let mut element = element;
            if self.big_endian {
                element.reverse();
            }
            members.push(member(element).map_err(|why| (i as u64, why))?);
        }
        Ok(())
    }

    /// The string in one element without its padding. `None` if it isn't valid.
    pub(crate) fn text(self, cell: &[u8]) -> Option<String> {
        if self.kind == Kind::Ascii {
            let used = cell.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            return std::str::from_utf8(&cell[..used]).ok().map(str::to_owned);
        }
        let (units, _) = cell.as_chunks::<4>();
        let decode = |unit: &[u8; 4]| match self.big_endian {
            true => u32::from_be_bytes(*unit),
            false => u32::from_le_bytes(*unit),
        };
        let used = units.iter().rposition(|unit| *unit != [0; 4]).map_or(0, |last| last + 1);
        units[..used].iter().map(|unit| char::from_u32(decode(unit))).collect()
    }
}

fn signed(value: i64) -> Result<u64, NotMember> {
    u64::try_from(value).map_err(|_| NotMember::Negative(value))
}

fn unsigned(value: u64) -> Result<u64, NotMember> {
    if i64::try_from(value).is_ok() { Ok(value) } else { Err(NotMember::TooLarge) }
}

/// 2^53. From here on, float64 can't represent every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn float(value: f64) -> Result<u64, NotMember> {
    if value.fract() != 0.0 || !value.is_finite() {
        return Err(NotMember::NotIntegral(value));
    }
    if value.abs() >= EXACT {
        return Err(NotMember::TooLarge);
    }
    #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53, so the conversion is exact")]
    let integer = value as i64;
    signed(integer)
}
