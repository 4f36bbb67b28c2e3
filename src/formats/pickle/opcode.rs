//! The opcodes that a hierarchy or a list of names needs, and the first pass over them.
//!
//! Opcodes and their arguments are those of CPython's `Lib/pickletools.py`, protocols 0 to 5.

use std::io::Read;

use super::source::{Decoded, Source};
use super::value::Global;

/// Longest text of a number. 64-bit integers have 20 characters.
const NUMBER_LINE: u64 = 32;
/// Longest module or attribute name of a text opcode.
const NAME_LINE: u64 = 256;

/// One opcode with its argument. Bytes and text stay in the source, so that a pass can skip them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Stop,
    Mark,
    None,
    Bool(bool),
    Int(i64),
    /// An integer that does not fit a signed 64-bit integer.
    Huge,
    /// `len` bytes follow.
    Bytes(u64),
    /// `len` bytes of UTF-8 follow.
    Text(u64),
    /// Raw-unicode-escape up to a line feed follows.
    TextLine,
    /// A tuple of the values above the mark.
    Tuple,
    /// A tuple of the topmost values.
    TupleOf(usize),
    EmptyList,
    /// A list of the values above the mark.
    List,
    Append,
    Appends,
    Get(u64),
    Put(u64),
    Memoize,
    Global(Global),
    StackGlobal,
    Reduce,
    Build,
    /// Nothing to do: a protocol number or a frame.
    Framing,
}

impl Op {
    /// Reads the next opcode. `purpose` is the purpose of the file in messages.
    #[inline]
    pub(super) fn next(source: &mut Source<'_, impl Read>, purpose: &'static str) -> Decoded<Op> {
        let code = source.byte()?;
        Ok(match code {
            b'.' => Op::Stop,
            b'(' => Op::Mark,
            b'N' => Op::None,
            0x88 => Op::Bool(true),
            0x89 => Op::Bool(false),
            b'I' => text_int(source)?,
            b'L' => text_long(source)?,
            b'J' => Op::Int(i64::from(i32::from_le_bytes(source.array()?))),
            b'K' => Op::Int(i64::from(source.byte()?)),
            b'M' => Op::Int(i64::from(u16::from_le_bytes(source.array()?))),
            0x8a => long1(source)?,
            b'C' => Op::Bytes(u64::from(source.byte()?)),
            b'B' => Op::Bytes(u64::from(u32::from_le_bytes(source.array()?))),
            0x8e | 0x96 => Op::Bytes(u64::from_le_bytes(source.array()?)),
            0x8c => Op::Text(u64::from(source.byte()?)),
            b'X' => Op::Text(u64::from(u32::from_le_bytes(source.array()?))),
            0x8d => Op::Text(u64::from_le_bytes(source.array()?)),
            b'V' => Op::TextLine,
            b')' => Op::TupleOf(0),
            0x85 => Op::TupleOf(1),
            0x86 => Op::TupleOf(2),
            0x87 => Op::TupleOf(3),
            b't' => Op::Tuple,
            b']' => Op::EmptyList,
            b'l' => Op::List,
            b'a' => Op::Append,
            b'e' => Op::Appends,
            b'h' => Op::Get(u64::from(source.byte()?)),
            b'j' => Op::Get(u64::from(u32::from_le_bytes(source.array()?))),
            b'g' => Op::Get(text_slot(source)?),
            b'q' => Op::Put(u64::from(source.byte()?)),
            b'r' => Op::Put(u64::from(u32::from_le_bytes(source.array()?))),
            b'p' => Op::Put(text_slot(source)?),
            0x94 => Op::Memoize,
            b'c' => Op::Global(text_global(source, purpose)?),
            0x93 => Op::StackGlobal,
            b'R' => Op::Reduce,
            b'b' => Op::Build,
            0x80 => protocol(source)?,
            0x95 => frame(source)?,
            _ => return Err(unknown(source, code, purpose)),
        })
    }
}

/// The memo slots that are fetched at least once. A pickler stores nearly every value and fetches few, so keeping only those
/// keeps the decoder's memory small.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetched {
    words: Vec<u64>,
}

impl Fetched {
    fn insert(&mut self, slot: u64) -> Option<()> {
        let word = usize::try_from(slot / 64).ok()?;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % 64);
        Some(())
    }

    /// Whether anything fetches the slot.
    pub(super) fn contains(&self, slot: u64) -> bool {
        let word = usize::try_from(slot / 64).ok().and_then(|word| self.words.get(word));
        word.is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

/// The first pass. Checks that every opcode is known, that every length fits the file, and that the pickle ends with the file.
/// Returns the memo slots that the second pass must keep.
pub(crate) fn scan(source: &mut Source<'_, impl Read>, purpose: &'static str) -> Decoded<Fetched> {
    let mut fetched = Fetched::default();
    loop {
        match Op::next(source, purpose)? {
            Op::Bytes(len) | Op::Text(len) => source.skip(len)?,
            Op::TextLine => source.line(u64::MAX).map(drop)?,
            // Picklers number slots from 0 without gaps, and a store takes at least one byte, so a larger number is forged.
            // The bound keeps the set below an eighth of the file.
            Op::Get(slot) if slot >= source.end() => {
                return Err(source.refuse(format!("the pickle fetches memo slot {slot}, which it never stored")));
            }
            Op::Get(slot) => {
                fetched.insert(slot).ok_or_else(|| source.refuse("a memo slot exceeds the address space"))?;
            }
            Op::Stop if source.remaining() == 0 => return Ok(fetched),
            Op::Stop => {
                return Err(source
                    .refuse(format!("{} more bytes follow the end of the pickle", source.remaining()))
                    .hint("write the file again, with one pickle in it"));
            }
            _ => {}
        }
    }
}

fn text_int(source: &mut Source<'_, impl Read>) -> Decoded<Op> {
    let line = source.line(NUMBER_LINE)?;
    match line.as_slice() {
        b"00" => Ok(Op::Bool(false)),
        b"01" => Ok(Op::Bool(true)),
        digits => parse_number(source, digits),
    }
}

fn text_long(source: &mut Source<'_, impl Read>) -> Decoded<Op> {
    let line = source.line(NUMBER_LINE)?;
    parse_number(source, line.strip_suffix(b"L").unwrap_or(&line))
}

fn parse_number(source: &Source<'_, impl Read>, digits: &[u8]) -> Decoded<Op> {
    let text = std::str::from_utf8(digits).map_err(|_| source.refuse("the text of a number is not a number"))?;
    match text.parse() {
        Ok(value) => Ok(Op::Int(value)),
        Err(error) => match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => Ok(Op::Huge),
            _ => Err(source.refuse("the text of a number is not a number")),
        },
    }
}

/// `LONG1`: a little-endian two's complement integer of variable length.
fn long1(source: &mut Source<'_, impl Read>) -> Decoded<Op> {
    let len = source.byte()?;
    let bytes = source.bytes(u64::from(len))?;
    if bytes.len() > 8 {
        return Ok(Op::Huge);
    }
    let negative = bytes.last().is_some_and(|&last| last >= 0x80);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    wide[..bytes.len()].copy_from_slice(&bytes);
    Ok(Op::Int(i64::from_le_bytes(wide)))
}

fn text_slot(source: &mut Source<'_, impl Read>) -> Decoded<u64> {
    let line = source.line(NUMBER_LINE)?;
    let slot = std::str::from_utf8(&line).ok().and_then(|text| text.parse().ok());
    slot.ok_or_else(|| source.refuse("the number of a memo slot is not a number"))
}

fn text_global(source: &mut Source<'_, impl Read>, purpose: &'static str) -> Decoded<Global> {
    let module = source.line(NAME_LINE)?;
    let name = source.line(NAME_LINE)?;
    let (module, name) = (String::from_utf8_lossy(&module), String::from_utf8_lossy(&name));
    Global::find(&module, &name).ok_or_else(|| Global::refused(source, &module, &name, purpose))
}

fn protocol(source: &mut Source<'_, impl Read>) -> Decoded<Op> {
    match source.byte()? {
        0..=5 => Ok(Op::Framing),
        other => Err(source
            .refuse("the pickle has an unknown protocol")
            .expected("protocol 0 to 5")
            .found(format!("protocol {other}"))
            .hint("write it again with protocol=4")),
    }
}

fn frame(source: &mut Source<'_, impl Read>) -> Decoded<Op> {
    let len = u64::from_le_bytes(source.array()?);
    if len > source.remaining() {
        return Err(source
            .refuse("the file ends before its pickle does: a frame is longer than the rest of the file")
            .expected(format!("at most {} bytes", source.remaining()))
            .found(format!("{len} bytes"))
            .hint("copy the file again, or write it again"));
    }
    Ok(Op::Framing)
}

#[cold]
fn unknown(source: &Source<'_, impl Read>, code: u8, purpose: &'static str) -> crate::base::error::Finding {
    let (what, hint) = match code {
        b'}' | b'd' | b's' | b'u' => (
            "the pickle holds a dictionary".to_owned(),
            "write only the list itself; a checkpoint of a clustering is not a result",
        ),
        _ => {
            let name = match code {
                b'F' | b'G' => "a float",
                b'S' | b'T' | b'U' => "a Python 2 string",
                b'i' | b'o' | 0x81 | 0x92 => "an instance of a class",
                b'P' | b'Q' => "a reference to something outside the file",
                0x82..=0x84 => "an extension code",
                0x8f..=0x91 => "a set",
                0x97 | 0x98 => "a buffer outside the file",
                _ => "unknown",
            };
            (
                format!("the pickle holds opcode 0x{code:02x} ({name}), which {purpose} doesn't need"),
                "write it again from plain lists, tuples, strings and arrays",
            )
        }
    };
    source.refuse(what).expected(format!("the pickle of {purpose}")).hint(hint)
}
