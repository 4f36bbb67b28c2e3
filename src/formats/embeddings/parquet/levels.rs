//! Levels of nested values: whether every value is there, and where each row starts.

use super::hybrid::{Run, Runs, unpack};

/// The highest levels of a column, which its schema decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Highest {
    pub(super) repetition: i16,
    pub(super) definition: i16,
}

/// The levels of `count` values, encoded; a part without levels is empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels<'a> {
    pub(super) repetition: &'a [u8],
    pub(super) definition: &'a [u8],
    pub(super) count: u64,
}

/// What is wrong with levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The bytes are no levels.
    Damaged,
    /// The value at this place in the page is missing, or does not start a row where it should, or the other way round.
    At(u64),
}

impl Levels<'_> {
    /// Checks that every value is there, and that rows of `dim` values follow each other. The first value has the index `first`
    /// in its column.
    pub(super) fn check(self, highest: Highest, first: u64, dim: u64) -> Result<(), Wrong> {
        let wanted = u32::from(highest.definition.cast_unsigned());
        let mut at = 0;
        for run in self.definitions(highest) {
            match run.ok_or(Wrong::Damaged)? {
                Run::Repeated { value, .. } if value != wanted => return Err(Wrong::At(at)),
                Run::Repeated { count, .. } => at += count,
                Run::Packed { bytes, width, count } => {
                    at += all_equal(bytes, width, count, wanted).map_err(|wrong| Wrong::At(at + wrong))?;
                }
            }
        }
        let mut at = 0;
        for run in self.repetitions(highest) {
            at += match run.ok_or(Wrong::Damaged)? {
                Run::Repeated { value, count } => check_repeated(value, count, first + at, dim),
                Run::Packed { bytes, width, count } => check_packed(bytes, width, count, first + at, dim),
            }
            .map_err(|wrong| Wrong::At(at + wrong))?;
        }
        Ok(())
    }

    /// Calls `each` with repetition and definition level of every value.
    pub(super) fn each(self, highest: Highest, mut each: impl FnMut(u32, u32)) -> Result<(), Wrong> {
        let repetitions = flat(self.repetitions(highest))?;
        let definitions = flat(self.definitions(highest))?;
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let level = |levels: &[u32], at: usize| levels.get(at).copied().unwrap_or(0);
        for at in 0..count {
            each(level(&repetitions, at), level(&definitions, at));
        }
        Ok(())
    }

    fn repetitions(&self, highest: Highest) -> Runs<'_> {
        Runs::of_levels(self.repetition, highest.repetition, if highest.repetition == 0 { 0 } else { self.count })
    }

    fn definitions(&self, highest: Highest) -> Runs<'_> {
        Runs::of_levels(self.definition, highest.definition, if highest.definition == 0 { 0 } else { self.count })
    }
}

/// All levels of a page.
fn flat(runs: Runs<'_>) -> Result<Vec<u32>, Wrong> {
    let mut levels = Vec::new();
    for run in runs {
        match run.ok_or(Wrong::Damaged)? {
            Run::Repeated { value, count } => {
                levels.extend(std::iter::repeat_n(value, usize::try_from(count).unwrap_or(0)))
            }
            Run::Packed { bytes, width, count } => unpack(bytes, width, count, |level| levels.push(level)),
        }
    }
    Ok(levels)
}

/// The number of values if all are `wanted`, else the place of the first other one.
fn all_equal(bytes: &[u8], width: u32, count: u64, wanted: u32) -> Result<u64, u64> {
    let (mut at, mut wrong) = (0, None);
    unpack(bytes, width, count, |value| {
        if value != wanted {
            wrong.get_or_insert(at);
        }
        at += 1;
    });
    wrong.map_or(Ok(count), Err)
}

/// Checks a run of one repetition level from value `first` on: 0 starts a row.
fn check_repeated(value: u32, count: u64, first: u64, dim: u64) -> Result<u64, u64> {
    let next_row = first.next_multiple_of(dim) - first;
    match value {
        0 if next_row > 0 => Err(0),
        0 if count > 1 && dim > 1 => Err(1),
        1 if next_row < count => Err(next_row),
        0 | 1 => Ok(count),
        _ => Err(0),
    }
}

/// Checks bit-packed repetition levels, of one bit each.
fn check_packed(bytes: &[u8], width: u32, count: u64, first: u64, dim: u64) -> Result<u64, u64> {
    if width != 1 {
        return Err(0);
    }
    let mut next_row = first.next_multiple_of(dim) - first;
    let mut at = 0;
    while at < count {
        let (byte, in_byte) = (bytes[usize::try_from(at / 8).unwrap_or(usize::MAX)], 8.min(count - at));
        if next_row >= at + in_byte && byte.trailing_ones() >= u32::try_from(in_byte).unwrap_or(8) {
            at += in_byte;
            continue;
        }
        for bit in 0..in_byte {
            let starts = byte >> bit & 1 == 0;
            if starts != (at + bit == next_row) {
                return Err(at + bit);
            }
            if starts {
                next_row += dim;
            }
        }
        at += in_byte;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGHEST: Highest = Highest { repetition: 1, definition: 3 };

    fn check(repetition: &[u8], definition: &[u8], count: u64, first: u64, dim: u64) -> Result<(), Wrong> {
        Levels { repetition, definition, count }.check(HIGHEST, first, dim)
    }

    #[test]
    fn rows_of_one_length_pass_and_others_are_found() {
        // two rows of five: 0 1 1 1 1 0 1 1, then 1 1 repeated
        let rows = [3, 0b1101_1110, 4, 1];
        let present = [20, 3];
        assert_eq!(check(&rows, &present, 10, 0, 5), Ok(()));
        assert_eq!(check(&rows, &present, 10, 5, 5), Ok(()));
        assert_eq!(check(&rows, &present, 10, 1, 5), Err(Wrong::At(0)));
        assert_eq!(check(&rows, &present, 10, 0, 4), Err(Wrong::At(4)));
        assert_eq!(check(&rows, &present, 10, 0, 10), Err(Wrong::At(5)));
        assert_eq!(check(&rows, &[12, 3, 2, 2, 6, 3], 10, 0, 5), Err(Wrong::At(6)), "a missing value");
        assert_eq!(check(&rows, &[12, 3], 10, 0, 5), Err(Wrong::Damaged), "levels that end early");
    }

    #[test]
    fn runs_of_rows_pass_and_others_are_found() {
        // a row of six: 0, then five times 1, which repeats
        let rows = [2, 0, 10, 1, 2, 0, 10, 1];
        let present = [24, 3];
        assert_eq!(check(&rows, &present, 12, 6, 6), Ok(()));
        assert_eq!(check(&rows, &present, 12, 6, 5), Err(Wrong::At(0)));
        assert_eq!(check(&rows, &present, 12, 0, 4), Err(Wrong::At(4)));
        assert_eq!(check(&[24, 0], &present, 12, 0, 1), Ok(()), "rows of one value");
        assert_eq!(check(&[24, 0], &present, 12, 0, 2), Err(Wrong::At(1)));
    }

    #[test]
    fn each_level_is_passed() {
        let levels = Levels { repetition: &[3, 0b1101_1110], definition: &[16, 3], count: 8 };
        let mut passed = Vec::new();
        levels.each(HIGHEST, |repetition, definition| passed.push((repetition, definition))).expect("levels");
        assert_eq!(passed, [(0, 3), (1, 3), (1, 3), (1, 3), (1, 3), (0, 3), (1, 3), (1, 3)]);
    }
}
