//! Parquet's hybrid of runs and bit-packed groups, in which levels and dictionary indices are written.

/// Values that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run<'a> {
    /// One value, several times.
    Repeated { value: u32, count: u64 },
    /// Values of `width` bits each.
    Packed { bytes: &'a [u8], width: u32, count: u64 },
}

/// The runs of `left` values of `width` bits. An item is `None` where the bytes are damaged or end early.
pub(super) struct Runs<'a> {
    bytes: &'a [u8],
    width: u32,
    left: u64,
}

impl<'a> Runs<'a> {
    pub(super) fn new(bytes: &'a [u8], width: u32, count: u64) -> Runs<'a> {
        Runs { bytes, width, left: if width > 32 { 0 } else { count } }
    }

    /// Bits of a level from 0 to `highest`.
    pub(super) fn of_levels(bytes: &'a [u8], highest: i16, count: u64) -> Runs<'a> {
        Runs::new(bytes, u16::BITS - highest.cast_unsigned().leading_zeros(), count)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn run(&mut self) -> Option<Run<'a>> {
        let header = self.varint()?;
        if header & 1 == 0 {
            let (value, rest) = self.bytes.split_at_checked(self.width.div_ceil(8) as usize)?;
            self.bytes = rest;
            let value = value.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
            return Some(Run::Repeated { value, count: (header >> 1).min(self.left) });
        }
        let count = ((header >> 1) * 8).min(self.left);
        let needed = usize::try_from((count * u64::from(self.width)).div_ceil(8)).ok()?;
        let written = usize::try_from((header >> 1) * u64::from(self.width)).ok()?;
        let bytes = self.bytes.get(..needed)?;
        self.bytes = &self.bytes[written.min(self.bytes.len())..];
        Some(Run::Packed { bytes, width: self.width, count })
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = Option<Run<'a>>;

    fn next(&mut self) -> Option<Option<Run<'a>>> {
        if self.left == 0 {
            return None;
        }
        let run = self.run();
        let count = match run {
            Some(Run::Repeated { count, .. } | Run::Packed { count, .. }) if count > 0 => count,
            // an empty run is no progress
            _ => {
                self.left = 0;
                return Some(None);
            }
        };
        self.left -= count;
        Some(run)
    }
}

/// Calls `each` with the bit-packed values.
pub(super) fn unpack(bytes: &[u8], width: u32, count: u64, mut each: impl FnMut(u32)) {
    let mask = (1_u64 << width) - 1;
    let mut bit = 0_usize;
    for _ in 0..count {
        let at = bit / 8;
        let word = match bytes.get(at..at + 8).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes[at.min(bytes.len())..].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        #[expect(clippy::cast_possible_truncation, reason = "masked to at most 32 bits")]
        each((word >> (bit % 8) & mask) as u32);
        bit += width as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(bytes: &[u8], width: u32, count: u64) -> Option<Vec<u32>> {
        let mut values = Vec::new();
        for run in Runs::new(bytes, width, count) {
            match run? {
                Run::Repeated { value, count } => values.extend((0..count).map(|_| value)),
                Run::Packed { bytes, width, count } => unpack(bytes, width, count, |value| values.push(value)),
            }
        }
        Some(values)
    }

    #[test]
    fn the_example_of_the_format_is_read() {
        // 0 to 7 in three bits, as in parquet-format's Encodings.md, then a run
        let bytes = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010, 8, 5];
        assert_eq!(values(&bytes, 3, 12), Some(vec![0, 1, 2, 3, 4, 5, 6, 7, 5, 5, 5, 5]));
        assert_eq!(values(&bytes, 3, 6), Some(vec![0, 1, 2, 3, 4, 5]), "the last group may hold fewer");
    }

    #[test]
    fn damaged_runs_end() {
        for bytes in [&[][..], &[0, 1], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[3, 1], &[8], &[1]] {
            assert_eq!(values(bytes, 3, 12), None, "{bytes:?}");
        }
        assert_eq!(values(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1], 3, u64::MAX), None, "no more bytes than there are");
    }

    #[test]
    fn wide_values_are_read_to_the_last_byte() {
        for width in [1, 7, 18, 31, 32] {
            let packed = vec![0xff; width as usize];
            let highest = u32::MAX >> (32 - width);
            let bytes = [&[3][..], &packed].concat();
            assert_eq!(values(&bytes, width, 8), Some(vec![highest; 8]), "{width} bits");
        }
    }
}
