//! The functions that NumPy's pickles call (`_reconstruct`, `_frombuffer`, `scalar`, `dtype`), and the states set by BUILD.
//!
//! The layouts are those of NumPy's `array_reduce`, `array_setstate` and `arraydescr_reduce`
//! (`numpy/_core/src/multiarray/methods.c`, `descriptor.c`), unchanged from 1.x to 2.4.

use std::cell::{Cell, OnceCell};
use std::io::Read;
use std::rc::Rc;

use super::dtype::{Dtype, NotMember};
use super::machine::{Machine, Sink};
use super::source::Decoded;
use super::value::{Array, Data, Global, GlobalValue, Object, Shape, Span, Value};

impl<R: Read, S: Sink> Machine<'_, '_, R, S> {
    /// The value of `function(*arguments)`.
    pub(super) fn reduce(&mut self, function: &Value, arguments: &Value) -> Decoded<Value> {
        let Value::Global(GlobalValue(function)) = function else {
            return Err(self.source.refuse(format!("the pickle calls {}", function.kind())));
        };
        let Some(arguments) = arguments.as_tuple() else {
            return Err(self.source.refuse("the pickle calls a function without a tuple of arguments"));
        };
        match (function, arguments) {
            (Global::Reconstruct, [Value::Global(GlobalValue(Global::Ndarray)), _, _]) => {
                Ok(Value::object(Object::Array(OnceCell::new())))
            }
            (Global::Dtype, [code, ..]) => self.dtype(code),
            (Global::Scalar, [dtype, bytes]) => self.scalar(dtype, bytes),
            (Global::FromBuffer, [bytes, dtype, shape, order] | [bytes, dtype, shape, order, Value::None]) => {
                self.array_of_buffer(bytes, dtype, shape, order)
            }
            (Global::Bytes, []) => Ok(Value::object(Object::Bytes(Vec::new()))),
            (Global::Bytes, [bytes]) if bytes.as_bytes().is_some() => Ok(bytes.clone()),
            (Global::Encode | Global::Bytes, [text, encoding]) => self.encode(text, encoding),
            _ => Err(self.source.refuse("the pickle calls a function with invalid arguments")),
        }
    }

    /// Sets the state of `target`, like `target.__setstate__(state)`.
    pub(super) fn build(&mut self, target: &Value, state: &Value) -> Decoded<()> {
        let (Value::Object(target), Some(state)) = (target, state.as_tuple()) else {
            return Err(self.source.refuse("the pickle sets the state of a value that has none"));
        };
        match (&**target, state) {
            (Object::Dtype(dtype), [_, order, Value::None, Value::None, Value::None, ..]) => {
                let ordered = order.as_text().and_then(|order| dtype.get().with_order(order));
                dtype.set(ordered.ok_or_else(|| self.source.refuse("a dtype has an unknown byte order"))?);
                Ok(())
            }
            (Object::Dtype(_), _) => Err(self.source.refuse("a dtype has fields or subarrays, which no index has")),
            (Object::Array(cell), [Value::Int(_), shape, dtype, Value::Bool(fortran), data]) => {
                let shape = self.shape(shape)?;
                let dtype = self.known_dtype(dtype)?;
                let place = self.height() - 1;
                let data = self.array_data(shape, dtype, data, place)?;
                let fortran = *fortran && !dtype.is_object();
                cell.set(Array { shape, fortran, data })
                    .map_err(|_| self.source.refuse("the pickle sets the data of an array twice"))
            }
            _ => Err(self.source.refuse("the pickle sets an invalid state of an array or dtype")),
        }
    }

    /// Reads a shape tuple.
    pub(super) fn shape(&self, value: &Value) -> Decoded<Shape> {
        let axis = |item: &Value| match item {
            Value::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        };
        let axes = value.as_tuple().filter(|items| items.len() <= 2);
        let axes = axes.and_then(|items| items.iter().map(axis).collect::<Option<Vec<u64>>>());
        let shape = axes.and_then(|axes| Shape::from_axes(&axes));
        shape.ok_or_else(|| self.source.refuse("an array is neither a vector nor a matrix"))
    }

    fn known_dtype(&self, value: &Value) -> Decoded<Dtype> {
        value.as_dtype().ok_or_else(|| self.source.refuse("an array has no dtype"))
    }

    fn dtype(&self, code: &Value) -> Decoded<Value> {
        let code = code.as_text().ok_or_else(|| self.source.refuse("the name of a dtype is not a string"))?;
        match Dtype::from_code(code) {
            Some(dtype) => Ok(Value::object(Object::Dtype(Cell::new(dtype)))),
            None => Err(self
                .source
                .refuse(format!("the pickle holds elements of dtype {}", code.escape_debug()))
                .expected("integers, strings or objects")
                .hint(format!("write it again with a dtype that {} needs", S::PURPOSE))),
        }
    }

    /// One value of a dtype, such as `numpy.int64(7)` or `numpy.str_("a")`.
    fn scalar(&mut self, dtype: &Value, bytes: &Value) -> Decoded<Value> {
        let dtype = self.known_dtype(dtype)?;
        let bytes = bytes.as_bytes().filter(|bytes| bytes.len() as u64 == dtype.size());
        let bytes = bytes.ok_or_else(|| self.source.refuse("a NumPy scalar has another length than its dtype"))?;
        if dtype.is_text() {
            let text = dtype.text(bytes);
            let text = text.ok_or_else(|| self.source.refuse("a string in the pickle is not valid Unicode"))?;
            return Ok(Value::object(Object::Text(text)));
        }
        if !dtype.is_number() {
            return Err(self.source.refuse("a NumPy scalar holds an object"));
        }
        let mut member = Vec::with_capacity(1);
        match dtype.append_members(bytes, &mut member) {
            Ok(()) => Ok(member.first().and_then(|&value| i64::try_from(value).ok()).map_or(Value::Huge, Value::Int)),
            Err((_, NotMember::Negative(value))) => Ok(Value::Int(value)),
            Err((_, NotMember::TooLarge)) => Ok(Value::Huge),
            Err((_, NotMember::NotIntegral(value))) => {
                Err(self.source.refuse(format!("the pickle holds the float {value} in place of an index")))
            }
        }
    }

    fn array_of_buffer(&mut self, bytes: &Value, dtype: &Value, shape: &Value, order: &Value) -> Decoded<Value> {
        let dtype = self.known_dtype(dtype)?;
        let fortran = match order.as_text() {
            Some("C") => false,
            Some("F") => true,
            _ => return Err(self.source.refuse("an array's order is neither C nor Fortran")),
        };
        let shape = self.shape(shape)?;
        let place = self.height();
        let data = self.array_data(shape, dtype, bytes, place)?;
        Ok(Value::object(Object::Array(OnceCell::from(Array { shape, fortran, data }))))
    }

    /// Decodes the elements of the array at height `place` of the stack, present or future.
    fn array_data(&mut self, shape: Shape, dtype: Dtype, data: &Value, place: usize) -> Decoded<Data> {
        let elements = shape.elements();
        let mismatch = |held: u64| {
            let finding = self.source.refuse("the number of elements of an array does not match its shape");
            finding.expected(format!("{held} elements, as many as it holds")).found(format!("shape {shape}"))
        };
        if dtype.is_object() {
            return match data {
                Value::Outer if elements == Some(self.outer_items()) => Ok(Data::Items),
                Value::Outer => Err(mismatch(self.outer_items())),
                Value::Object(object) => match &**object {
                    Object::List(span) if elements == Some(span.get().len as u64) => Ok(Data::Integers(span.get())),
                    Object::List(span) => Err(mismatch(span.get().len as u64)),
                    _ => Err(self.source.refuse("an array of objects holds no list")),
                },
                _ => Err(self.source.refuse("an array of objects holds no list")),
            };
        }
        let Value::Object(object) = data else {
            return Err(self.source.refuse("an array holds no bytes"));
        };
        let Object::Bytes(bytes) = &**object else {
            return Err(self.source.refuse("an array holds no bytes"));
        };
        let held = bytes.len() as u64 / dtype.size();
        if elements.and_then(|elements| elements.checked_mul(dtype.size())) != Some(bytes.len() as u64) {
            return Err(mismatch(held));
        }
        if dtype.is_text() {
            return Ok(Data::Cells(dtype, Rc::clone(object)));
        }
        let start = self.integers.len();
        match dtype.append_members(bytes, &mut self.integers) {
            Ok(()) => Ok(Data::Integers(Span { start, len: self.integers.len() - start })),
            Err((index, why)) => Err(self.not_a_member(place, index, why.describe())),
        }
    }

    /// Bytes that protocols 0 to 2 store as text, one Latin-1 character per byte.
    fn encode(&self, text: &Value, encoding: &Value) -> Decoded<Value> {
        let latin = matches!(encoding.as_text(), Some("latin1" | "latin-1"));
        let bytes = text.as_text().filter(|_| latin).and_then(|text| {
            let byte = |character: char| u8::try_from(u32::from(character)).ok();
            text.chars().map(byte).collect::<Option<Vec<u8>>>()
        });
        match bytes {
            Some(bytes) => Ok(Value::object(Object::Bytes(bytes))),
            None => Err(self.source.refuse("bytes in the pickle are not encoded as Latin-1")),
        }
    }
}
