//! The second pass: a stack machine that implements the few allowed globals itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Read;

use super::opcode::{Fetched, Op};
use super::source::{Decoded, Source};
use super::value::{Array, Global, GlobalValue, Object, Shape, Span, Value};
use crate::base::error::Finding;

/// Limit on the height of the stack. Picklers write lists in batches of 1,000, and tuples are short.
const MAX_STACK: usize = 1 << 17;

/// Limit on the length of a list with values. A name and its caption take two.
const MAX_ROW: usize = 64;

/// Receives the items of the outermost list, so that they need not be kept.
pub(crate) trait Sink {
    /// Purpose of the file in messages: "a hierarchy", "a list of image names".
    const PURPOSE: &'static str;

    /// Whether lists in the outermost list hold values, such as a path and its caption, instead of integers.
    const ROWS: bool = false;

    /// Called at the start of the outermost list. `shape` is the shape of the object array it belongs to, if any.
    ///
    /// # Errors
    /// A list, or an array of that shape, does not suit the purpose.
    fn begin(&mut self, shape: Option<Shape>) -> Decoded<()>;

    /// Called for each item. `integers` are all integers decoded so far, in which arrays and lists are spans.
    ///
    /// # Errors
    /// The item does not suit the purpose.
    fn item(&mut self, item: &Value, integers: &mut Vec<u64>) -> Decoded<()>;
}

/// The value of a pickle.
#[derive(Debug)]
pub(crate) enum Top {
    /// A list, whose items went to the sink.
    List,
    /// An array. If its elements are objects, they went to the sink.
    Array(Array),
}

/// Decodes the pickle at the position of `source`. Returns its value and the integers in which its arrays are spans.
///
/// # Errors
/// A truncated pickle, or one that holds anything that neither a hierarchy nor a list of names needs.
pub(crate) fn decode<S: Sink>(
    source: Source<'_, impl Read>,
    fetched: &Fetched,
    sink: &mut S,
) -> Decoded<(Top, Vec<u64>)> {
    let mut machine = Machine {
        source,
        sink,
        fetched,
        memo: HashMap::new(),
        stored: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        integers: Vec::new(),
        outer: None,
    };
    while machine.step()? {}
    machine.finish()
}

/// The state of the decoder.
pub(super) struct Machine<'m, 'f, R, S> {
    pub(super) source: Source<'f, R>,
    sink: &'m mut S,
    fetched: &'m Fetched,
    memo: HashMap<u64, Value>,
    /// Number of values stored in the memo so far: the slot of the next `MEMOIZE`.
    stored: u64,
    stack: Vec<Value>,
    /// Height of the stack at each open mark.
    marks: Vec<usize>,
    pub(super) integers: Vec<u64>,
    /// Number of items passed to the sink, once the outermost list has begun.
    outer: Option<u64>,
}

impl<R: Read, S: Sink> Machine<'_, '_, R, S> {
    /// Executes one opcode. False at the end.
    fn step(&mut self) -> Decoded<bool> {
        match Op::next(&mut self.source, S::PURPOSE)? {
            Op::Stop => return Ok(false),
            Op::Framing => {}
            Op::Mark if self.marks.len() >= MAX_STACK => return Err(self.too_deep()),
            Op::Mark => self.marks.push(self.stack.len()),
            Op::None => self.push(Value::None)?,
            Op::Bool(value) => self.push(Value::Bool(value))?,
            Op::Int(value) => self.push(Value::Int(value))?,
            Op::Huge => self.push(Value::Huge)?,
            Op::Bytes(len) => {
                let bytes = self.source.bytes(len)?;
                self.push(Value::object(Object::Bytes(bytes)))?;
            }
            Op::Text(len) => {
                let bytes = self.source.bytes(len)?;
                self.push_text(String::from_utf8(bytes).ok())?;
            }
            Op::TextLine => {
                let line = self.source.line(u64::MAX)?;
                self.push_text(raw_unicode_escape(&line))?;
            }
            Op::Tuple => {
                let mark = self.pop_mark()?;
                self.make_tuple(mark)?;
            }
            Op::TupleOf(len) => {
                let start = self.stack.len().checked_sub(len).filter(|&start| start >= self.floor());
                self.make_tuple(start.ok_or_else(|| self.underflow())?)?;
            }
            Op::EmptyList => self.make_list(self.stack.len())?,
            Op::List => {
                let mark = self.pop_mark()?;
                self.make_list(mark)?;
            }
            Op::Append => self.append(self.stack.len().saturating_sub(1))?,
            Op::Appends => {
                let mark = self.pop_mark()?;
                self.append(mark)?;
            }
            Op::Get(slot) => self.fetch(slot)?,
            Op::Put(slot) => self.store(slot)?,
            Op::Memoize => self.store(self.stored)?,
            Op::Global(global) => self.push(Value::Global(GlobalValue(global)))?,
            Op::StackGlobal => self.stack_global()?,
            Op::Reduce => {
                let arguments = self.pop()?;
                let function = self.pop()?;
                let value = self.reduce(&function, &arguments)?;
                self.push(value)?;
            }
            Op::Build => {
                let state = self.pop()?;
                let target = self.stack.last().cloned().ok_or_else(|| self.underflow())?;
                self.build(&target, &state)?;
            }
        }
        Ok(true)
    }

    fn finish(mut self) -> Decoded<(Top, Vec<u64>)> {
        let top = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return Err(self.source.refuse("the pickle ends in the middle of a value"));
        }
        if let Value::Outer = top {
            return Ok((Top::List, self.integers));
        }
        if let Value::Object(object) = &top
            && let Object::Array(cell) = &**object
            && let Some(array) = cell.get()
        {
            return Ok((Top::Array(array.clone()), self.integers));
        }
        let finding = self.source.finding(format!("the pickle does not hold {}", S::PURPOSE));
        Err(finding.expected("a list or an array").found(top.kind()))
    }

    #[inline]
    fn push(&mut self, value: Value) -> Decoded<()> {
        if self.stack.len() >= MAX_STACK {
            return Err(self.too_deep());
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_text(&mut self, text: Option<String>) -> Decoded<()> {
        let text = text.ok_or_else(|| {
            let finding = self.source.refuse("a string in the pickle is not valid Unicode");
            finding.hint("a file name that is not UTF-8 can't be read; rename the file")
        })?;
        self.push(Value::object(Object::Text(text)))
    }

    /// The height of the stack at the innermost mark. Values below it can't be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Decoded<Value> {
        if self.stack.len() <= self.floor() {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    fn pop_mark(&mut self) -> Decoded<usize> {
        self.marks.pop().ok_or_else(|| self.underflow())
    }

    fn make_tuple(&mut self, start: usize) -> Decoded<()> {
        let items = self.stack.drain(start..).collect();
        let tuple = Value::tuple(items).ok_or_else(|| self.too_deep())?;
        self.push(tuple)
    }

    /// Makes a list of the values from `start` on. It is the outermost list if the stack holds nothing below it, or only the
    /// unfinished state of an array.
    fn make_list(&mut self, start: usize) -> Decoded<()> {
        let shape = match (self.outer, self.marks.as_slice(), start) {
            (None, [], 0) => Some(None),
            (None, [1], 5) if self.stack.first().is_some_and(Value::is_unbuilt_array) => {
                Some(Some(self.shape(&self.stack[2])?))
            }
            _ => None,
        };
        let list = match shape {
            Some(shape) => {
                self.sink.begin(shape)?;
                self.outer = Some(0);
                Value::Outer
            }
            None if S::ROWS => Value::object(Object::Row(RefCell::default())),
            None => Value::object(Object::List(Cell::new(Span { start: self.integers.len(), len: 0 }))),
        };
        // Insert the list below its items, then append them.
        self.push(list)?;
        self.stack[start..].rotate_right(1);
        self.append(start + 1)
    }

    /// Appends the values from `start` on to the list below them.
    fn append(&mut self, start: usize) -> Decoded<()> {
        let list = start.checked_sub(1).filter(|&list| list >= self.floor()).and_then(|list| self.stack.get(list));
        match list.cloned() {
            Some(Value::Outer) => {
                for item in self.stack.drain(start..) {
                    self.sink.item(&item, &mut self.integers)?;
                    self.outer = self.outer.map(|items| items + 1);
                }
                Ok(())
            }
            Some(Value::Object(object)) => match &*object {
                Object::List(span) => self.append_integers(span, start),
                Object::Row(values) => self.append_values(values, start),
                _ => Err(self.source.refuse("items are appended to something that is not a list")),
            },
            Some(_) => Err(self.source.refuse("items are appended to something that is not a list")),
            None => Err(self.underflow()),
        }
    }

    /// Appends the values from `start` on. They can't be lists, so lists form no cycle.
    fn append_values(&mut self, list: &RefCell<Vec<Value>>, start: usize) -> Decoded<()> {
        let mut values = list.borrow_mut();
        let added = &self.stack[start..];
        let nested = added.iter().find(|value| value.holds_lists());
        if let Some(nested) = nested {
            return Err(self.source.refuse(format!("a list in {} holds {}", S::PURPOSE, nested.kind())));
        }
        if values.len() + added.len() > MAX_ROW {
            return Err(self.source.refuse(format!("a list in {} has more than {MAX_ROW} entries", S::PURPOSE)));
        }
        values.extend(self.stack.drain(start..));
        Ok(())
    }

    fn append_integers(&mut self, list: &Cell<Span>, start: usize) -> Decoded<()> {
        let mut span = list.get();
        if span.len == 0 {
            span.start = self.integers.len();
        } else if span.end() != self.integers.len() && start < self.stack.len() {
            return Err(self.source.refuse("a list is extended after a later one was started"));
        }
        for at in start..self.stack.len() {
            let found = match &self.stack[at] {
                Value::Int(value) => match u64::try_from(*value) {
                    Ok(member) => {
                        self.integers.push(member);
                        span.len += 1;
                        continue;
                    }
                    Err(_) => value.to_string(),
                },
                other => other.kind().to_owned(),
            };
            return Err(self.not_a_member(start - 1, span.len as u64, found));
        }
        self.stack.truncate(start);
        list.set(span);
        Ok(())
    }

    /// The finding about an element of the array or list at height `at` of the stack.
    #[cold]
    pub(super) fn not_a_member(&self, at: usize, index: u64, found: String) -> Finding {
        let mut finding = Finding::new(format!("{} holds an element that is not an index", S::PURPOSE))
            .file(self.source.file())
            .index(index)
            .expected("an integer from 0 to 2^63 - 1")
            .found(found);
        let outer = self.stack.iter().position(|value| matches!(value, Value::Outer));
        // Between the outermost list and this value lie the finished items of the batch.
        if let (Some(outer), Some(items)) = (outer, self.outer)
            && let Some(waiting) = at.checked_sub(outer + 1)
        {
            finding = finding.cluster(items + waiting as u64);
        }
        finding
    }

    /// Height of the stack, which is the position of the next value.
    pub(super) fn height(&self) -> usize {
        self.stack.len()
    }

    /// Number of items that the outermost list has passed to the sink.
    pub(super) fn outer_items(&self) -> u64 {
        self.outer.unwrap_or(0)
    }

    fn store(&mut self, slot: u64) -> Decoded<()> {
        self.stored += 1;
        if self.fetched.contains(slot) {
            let value = self.stack.last().cloned().ok_or_else(|| self.underflow())?;
            self.memo.insert(slot, value);
        }
        Ok(())
    }

    fn fetch(&mut self, slot: u64) -> Decoded<()> {
        let value = self.memo.get(&slot).cloned();
        self.push(value.ok_or_else(|| self.source.refuse(format!("memo slot {slot} was never stored")))?)
    }

    fn stack_global(&mut self) -> Decoded<()> {
        let name = self.pop()?;
        let module = self.pop()?;
        let (Some(module), Some(name)) = (module.as_text(), name.as_text()) else {
            return Err(self.source.refuse("the name of a function or class is not a string"));
        };
        let global = Global::find(module, name);
        let global = global.ok_or_else(|| Global::refused(&self.source, module, name, S::PURPOSE))?;
        self.push(Value::Global(GlobalValue(global)))
    }

    #[cold]
    fn underflow(&self) -> Finding {
        self.source.refuse("the pickle pops a value that doesn't exist")
    }

    #[cold]
    fn too_deep(&self) -> Finding {
        self.source.refuse(format!("the pickle has deeper nesting or longer tuples than {} needs", S::PURPOSE))
    }
}

impl Value {
    fn is_unbuilt_array(&self) -> bool {
        match self {
            Value::Object(object) => matches!(&**object, Object::Array(cell) if cell.get().is_none()),
            _ => false,
        }
    }
}

/// Decodes Python's `raw-unicode-escape`: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode_escape(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let [byte, after @ ..] = rest {
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            // A backslash that escapes nothing stands for itself, as does the next byte.
            (b'\\', Some(&next)) => {
                text.extend(['\\', char::from(next)]);
                rest = &after[1..];
                continue;
            }
            _ => {
                text.push(char::from(*byte));
                rest = after;
                continue;
            }
        };
        let (hex, after) = after[1..].split_at_checked(digits)?;
        let code = std::str::from_utf8(hex).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok())?;
        text.push(char::from_u32(code)?);
        rest = after;
    }
    Some(text)
}
