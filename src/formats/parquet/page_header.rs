//! Headers of Parquet pages, in Thrift's compact protocol.
//!
//! The parquet crate reads pages from the start of a column only, and decodes levels one by one. Rows at any position need
//! the place of each page. Format: `PageHeader` in parquet-format's parquet.thrift.

/// Nesting of structs and lists that is skipped.
const MOST_NESTED: u32 = 8;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::formats) enum Kind {
    /// Values after their levels, compressed together.
    Data { values: u32, encoding: u32, levels: u32 },
    /// Values after their levels, which are not compressed.
    DataV2 { values: u32, encoding: u32, definition: u32, repetition: u32, compressed: bool },
    /// Values that data pages refer to.
    Dictionary { values: u32, encoding: u32 },
    /// Anything else, which is skipped.
    Other,
}

/// The header of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::formats) struct PageHeader {
    pub(in crate::formats) uncompressed: u32,
    pub(in crate::formats) compressed: u32,
    pub(in crate::formats) kind: Kind,
    /// Bytes of the header itself.
    pub(in crate::formats) length: usize,
}

/// Largest page, decompressed, in bytes and in values. Writers make pages of about 1 MiB.
const MAX_PAGE: u32 = 256 << 20;
const MAX_VALUES: u32 = 64 << 20;

impl PageHeader {
    /// What is too large about the page, if anything is: memory is allocated by what its header says.
    pub(in crate::formats) fn excess(&self) -> Option<String> {
        let values = match self.kind {
            Kind::Data { values, .. } | Kind::DataV2 { values, .. } | Kind::Dictionary { values, .. } => values,
            Kind::Other => 0,
        };
        if self.uncompressed > MAX_PAGE {
            return Some(format!("a page of {} bytes", self.uncompressed));
        }
        (values > MAX_VALUES).then(|| format!("a page of {values} values, more than {MAX_VALUES}"))
    }
}

/// Parses the header at the start of `bytes`; `None` if it is damaged or ends early.
pub(in crate::formats) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    let mut reader = Compact { bytes, at: 0 };
    let (mut page_type, mut uncompressed, mut compressed) = (None, None, None);
    let (mut one, mut two, mut dictionary) = (Fields::default(), Fields::default(), Fields::default());
    reader.each_field(|reader, id, kind| {
        match (id, kind) {
            (1, INTEGER) => page_type = Some(reader.integer()?),
            (2, INTEGER) => uncompressed = Some(reader.integer()?),
            (3, INTEGER) => compressed = Some(reader.integer()?),
            (5, STRUCT) => one = reader.fields()?,
            (7, STRUCT) => dictionary = reader.fields()?,
            (8, STRUCT) => two = reader.fields()?,
            _ => reader.skip(kind, MOST_NESTED)?,
        }
        Some(())
    })?;
    let kind = match page_type? {
        0 => Kind::Data { values: one.get(1)?, encoding: one.get(2)?, levels: one.get(4)? },
        2 => Kind::Dictionary { values: dictionary.get(1)?, encoding: dictionary.get(2)? },
        3 => Kind::DataV2 {
            values: two.get(1)?,
            encoding: two.get(4)?,
            definition: two.get(5)?,
            repetition: two.get(6)?,
            compressed: two.get(7).is_none_or(|flag| flag == 1),
        },
        _ => Kind::Other,
    };
    let size = |size: Option<i64>| u32::try_from(size?).ok().filter(|size| i32::try_from(*size).is_ok());
    Some(PageHeader { uncompressed: size(uncompressed)?, compressed: size(compressed)?, kind, length: reader.at })
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const INTEGER: u8 = 5;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// The first integer fields of a struct, by number; a truth value counts as 1 or 0.
#[derive(Default)]
struct Fields([Option<i64>; 9]);

impl Fields {
    fn get(&self, id: usize) -> Option<u32> {
        self.0[id].and_then(|value| u32::try_from(value).ok())
    }
}

struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// An integer, whose sign is in its lowest bit.
    fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn forward(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(count).ok()?).filter(|&at| at <= self.bytes.len())?;
        Some(())
    }

    /// Calls `field` with number and type of each field of a struct, to its end.
    fn each_field(&mut self, mut field: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Some(());
            }
            id = if byte >> 4 == 0 { self.integer()? } else { id + i64::from(byte >> 4) };
            field(self, id, byte & 0xf)?;
        }
    }

    fn fields(&mut self) -> Option<Fields> {
        let mut fields = Fields::default();
        self.each_field(|reader, id, kind| {
            let value = match kind {
                TRUE => Some(1),
                FALSE => Some(0),
                4..=6 => Some(reader.integer()?),
                _ => {
                    reader.skip(kind, MOST_NESTED)?;
                    None
                }
            };
            if let Some(field) = usize::try_from(id).ok().and_then(|id| fields.0.get_mut(id)) {
                *field = value;
            }
            Some(())
        })?;
        Some(fields)
    }

    fn skip(&mut self, kind: u8, nested: u32) -> Option<()> {
        let nested = nested.checked_sub(1)?;
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.forward(1),
            4..=6 => self.varint().map(drop),
            DOUBLE => self.forward(8),
            BINARY => {
                let length = self.varint()?;
                self.forward(length)
            }
            LIST | SET => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                // every element takes a byte at least
                if count > (self.bytes.len() - self.at) as u64 {
                    return None;
                }
                (0..count).try_for_each(|_| match head & 0xf {
                    // elements that are truth values take a byte, unlike fields
                    TRUE | FALSE => self.forward(1),
                    kind => self.skip(kind, nested),
                })
            }
            STRUCT => self.each_field(|reader, _, kind| reader.skip(kind, nested)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_with_unknown_fields_between() {
        // type 0, sizes 100 and 90, a checksum, a data page header with 25 values, PLAIN, RLE, RLE and statistics
        let bytes = [
            0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0xb4, 0x01, 0x15, 0x02, 0x1c, 0x15, 0x32, 0x15, 0x00, 0x15, 0x06, 0x15,
            0x06, 0x1c, 0x18, 0x02, 7, 7, 0x00, 0x00, 0x00, 0xff,
        ];
        let header = page_header(&bytes).expect("a header");
        let kind = Kind::Data { values: 25, encoding: 0, levels: 3 };
        assert_eq!(header, PageHeader { uncompressed: 100, compressed: 90, kind, length: bytes.len() - 1 });
        for cut in 0..bytes.len() - 1 {
            assert_eq!(page_header(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn negative_sizes_are_refused() {
        let bytes =
            [0x15, 0x00, 0x15, 0x01, 0x15, 0x02, 0x2c, 0x15, 0x32, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00, 0x00];
        assert_eq!(page_header(&bytes), None);
    }
}
