//! The values of the decoder.
//!
//! They can't form a cycle or a deep tree: lists hold only integers or values without lists (the outermost one passes its items
//! to a sink and holds nothing), arrays hold a span of integers or bytes, and the depth of tuples is bounded.

use std::cell::{Cell, OnceCell, Ref, RefCell};
use std::io::Read;
use std::rc::Rc;

use super::dtype::Dtype;
use super::source::Source;
use crate::base::error::Finding;

/// The globals that a pickle may name. None is ever called: the decoder implements what each one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `numpy.core.multiarray._reconstruct`: an array that has no data yet
    Reconstruct,
    /// `numpy.core.multiarray.scalar`: one value of a dtype
    Scalar,
    /// `numpy.core.numeric._frombuffer`: an array with data (protocol 5)
    FromBuffer,
    /// `numpy.ndarray`
    Ndarray,
    /// `numpy.dtype`
    Dtype,
    /// `_codecs.encode`: bytes as text (protocols 0 to 2)
    Encode,
    /// `builtins.bytes` or `builtins.bytearray`
    Bytes,
}

impl Global {
    /// The global of that name, if it is allowed.
    pub(super) fn find(module: &str, name: &str) -> Option<Global> {
        Some(match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Global::Reconstruct,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Global::Scalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Global::FromBuffer,
            ("numpy", "ndarray") => Global::Ndarray,
            ("numpy", "dtype") => Global::Dtype,
            ("_codecs", "encode") => Global::Encode,
            ("__builtin__" | "builtins", "bytes" | "bytearray") => Global::Bytes,
            _ => return None,
        })
    }

    /// The finding about any other name.
    #[cold]
    pub(super) fn refused(source: &Source<'_, impl Read>, module: &str, name: &str, purpose: &'static str) -> Finding {
        let what = format!(
            "the pickle names {}.{}, which {purpose} does not need",
            module.escape_debug(),
            name.escape_debug()
        );
        source.refuse(what).hint(
            "nothing was executed; if you trust the file, write it again from plain lists, tuples, strings and integer arrays",
        )
    }
}

/// Lengths of the axes of an array with at most two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// No axis, a single value.
    Scalar,
    /// One axis.
    Vector(u64),
    /// Rows and columns.
    Matrix(u64, u64),
}

impl Shape {
    /// From the lengths of the axes. `None` for more than two.
    pub(crate) fn from_axes(axes: &[u64]) -> Option<Shape> {
        match *axes {
            [] => Some(Shape::Scalar),
            [n] => Some(Shape::Vector(n)),
            [rows, columns] => Some(Shape::Matrix(rows, columns)),
            _ => None,
        }
    }

    /// Number of elements. `None` if it exceeds 64 bits.
    pub(crate) fn elements(self) -> Option<u64> {
        match self {
            Shape::Scalar => Some(1),
            Shape::Vector(n) => Some(n),
            Shape::Matrix(rows, columns) => rows.checked_mul(columns),
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Scalar => f.write_str("()"),
            Shape::Vector(n) => write!(f, "({n},)"),
            Shape::Matrix(rows, columns) => write!(f, "({rows}, {columns})"),
        }
    }
}

/// A range of the decoder's integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl Span {
    /// The position after the last integer.
    pub(crate) fn end(self) -> usize {
        self.start + self.len
    }
}

/// An array with its data.
#[derive(Debug, Clone)]
pub(crate) struct Array {
    pub(crate) shape: Shape,
    /// Whether the first index varies fastest in `data`. Never for objects.
    pub(crate) fortran: bool,
    pub(crate) data: Data,
}

/// The elements of an array.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// A span of the decoder's integers.
    Integers(Span),
    /// Fixed-width strings. The bytes are an [`Object::Bytes`].
    Cells(Dtype, Rc<Object>),
    /// Objects, which went to the sink one by one in C order.
    Items,
}

/// A value on the stack or in the memo.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer that does not fit a signed 64-bit integer. Kept only so that a message can give its place.
    Huge,
    Global(GlobalValue),
    /// The outermost list, whose items go to the sink.
    Outer,
    Tuple {
        items: Rc<[Value]>,
        /// 1 for a tuple without tuples in it.
        depth: u8,
    },
    Object(Rc<Object>),
}

/// Keeps [`Global`] private to the decoder while [`Value`] is seen by sinks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GlobalValue(pub(super) Global);

/// The shared part of values.
#[derive(Debug)]
pub(crate) enum Object {
    Text(String),
    Bytes(Vec<u8>),
    /// The byte order arrives after the rest.
    Dtype(Cell<Dtype>),
    /// The data arrives after the array was created.
    Array(OnceCell<Array>),
    /// A list of integers.
    List(Cell<Span>),
    /// A list of values that hold no list.
    Row(RefCell<Vec<Value>>),
}

/// Limit on the nesting of tuples. Arrays and names need three levels.
const MAX_DEPTH: u8 = 8;

impl Value {
    /// A shared value.
    pub(super) fn object(object: Object) -> Value {
        Value::Object(Rc::new(object))
    }

    /// A tuple, unless its depth exceeds the limit.
    pub(super) fn tuple(items: Rc<[Value]>) -> Option<Value> {
        let depth = items.iter().map(Value::depth).max().unwrap_or(0) + 1;
        (depth <= MAX_DEPTH).then_some(Value::Tuple { items, depth })
    }

    fn depth(&self) -> u8 {
        if let Value::Tuple { depth, .. } = self { *depth } else { 0 }
    }

    /// The text of a string.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Object(object) => match &**object {
                Object::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a tuple.
    pub(crate) fn as_tuple(&self) -> Option<&[Value]> {
        if let Value::Tuple { items, .. } = self { Some(items) } else { None }
    }

    /// The items of a list with values.
    pub(crate) fn as_row(&self) -> Option<Ref<'_, Vec<Value>>> {
        match self {
            Value::Object(object) => match &**object {
                Object::Row(items) => Some(items.borrow()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it is a list or a tuple that may hold one.
    pub(super) fn holds_lists(&self) -> bool {
        match self {
            Value::Outer | Value::Tuple { .. } => true,
            Value::Object(object) => matches!(**object, Object::List(_) | Object::Row(_)),
            _ => false,
        }
    }

    /// The content of bytes.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Object(object) => match &**object {
                Object::Bytes(bytes) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// The type of array elements.
    pub(super) fn as_dtype(&self) -> Option<Dtype> {
        match self {
            Value::Object(object) => match &**object {
                Object::Dtype(dtype) => Some(dtype.get()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The kind of value, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an integer",
            Value::Huge => "an integer of more than 64 bits",
            Value::Global(_) => "a function or a class",
            Value::Outer => "the list itself",
            Value::Tuple { .. } => "a tuple",
            Value::Object(object) => match **object {
                Object::Text(_) => "a string",
                Object::Bytes(_) => "bytes",
                Object::Dtype(_) => "a dtype",
                Object::Array(_) => "an array",
                Object::List(_) | Object::Row(_) => "a list",
            },
        }
    }
}
