//! Names in a pickle: a list of strings, of `(path, caption)` tuples or of `[path, caption]` lists, or an array of these.

use std::io::{BufRead, Seek, SeekFrom};
use std::path::Path;

use super::cells::Cells;
use super::picked::{Picked, unreadable};
use crate::base::error::Finding;
use crate::formats::pickle::{Data, Decoded, Fetched, Shape, Sink, Source, Top, Value, decode, scan};

/// A pickle that was checked to its end.
#[derive(Debug)]
pub(super) struct Pickled {
    /// Offset in bytes: 0, or the end of the header of a `.npy`.
    offset: u64,
    fetched: Fetched,
}

impl Pickled {
    /// Checks the pickle at byte `offset` of a file of `size` bytes. Also returns its number of names.
    pub(super) fn open(
        reader: &mut (impl BufRead + Seek),
        path: &Path,
        offset: u64,
        size: u64,
    ) -> Result<(Self, u64), Finding> {
        reader.seek(SeekFrom::Start(offset)).map_err(|error| unreadable(path, &error))?;
        let fetched = scan(&mut Source::new(&mut *reader, path, offset, size), NameSink::PURPOSE)?;
        let pickled = Pickled { offset, fetched };
        let mut picked = Picked::none();
        pickled.read(reader, path, size, &mut picked)?;
        Ok((pickled, picked.seen))
    }

    /// Makes one pass over the names.
    pub(super) fn read(
        &self,
        reader: &mut (impl BufRead + Seek),
        path: &Path,
        size: u64,
        picked: &mut Picked<'_>,
    ) -> Result<(), Finding> {
        reader.seek(SeekFrom::Start(self.offset)).map_err(|error| unreadable(path, &error))?;
        let mut sink = NameSink { file: path, picked, layout: Layout::List };
        let source = Source::new(reader, path, self.offset, size);
        let (top, _) = decode(source, &self.fetched, &mut sink)?;
        let complete = !matches!(sink.layout, Layout::Pairs { pending: Some(_) });
        match top {
            Top::List if complete => Ok(()),
            Top::Array(array) => match array.data {
                Data::Items if complete => Ok(()),
                Data::Cells(dtype, object) => {
                    let cells = Cells::new(dtype, array.shape, array.fortran, 0, path)?;
                    let bytes = Value::Object(object);
                    cells.pass_all(bytes.as_bytes().unwrap_or_default(), path, picked)
                }
                _ => Err(not_names(path, "an array of something else")),
            },
            Top::List => Err(not_names(path, "a path without its caption at the end")),
        }
    }
}

fn not_names(path: &Path, found: &str) -> Finding {
    Finding::new("the pickle doesn't hold image names")
        .file(path)
        .expected("a list of paths, of (path, caption) tuples or of [path, caption] lists, or an array of strings")
        .found(found)
        .hint("write a list of strings: [str(p) for p in paths]")
}

/// Layout of the outermost list.
#[derive(Debug)]
enum Layout {
    /// A name per item.
    List,
    /// Alternating paths and captions: an array with two columns.
    Pairs { pending: Option<Value> },
}

/// Receives the names in a pickle.
struct NameSink<'a, 'w> {
    file: &'a Path,
    picked: &'a mut Picked<'w>,
    layout: Layout,
}

impl Sink for NameSink<'_, '_> {
    const PURPOSE: &'static str = "a list of image names";
    const ROWS: bool = true;

    fn begin(&mut self, shape: Option<Shape>) -> Decoded<()> {
        self.layout = match shape {
            None | Some(Shape::Vector(_) | Shape::Matrix(_, 1)) => Layout::List,
            Some(Shape::Matrix(_, 2)) => Layout::Pairs { pending: None },
            Some(shape) => return Err(not_names(self.file, &format!("an array of shape {shape}"))),
        };
        Ok(())
    }

    fn item(&mut self, item: &Value, _: &mut Vec<u64>) -> Decoded<()> {
        if let Layout::Pairs { pending } = &mut self.layout {
            return match pending.take() {
                None => {
                    *pending = Some(item.clone());
                    Ok(())
                }
                Some(path) => self.name(&path, item),
            };
        }
        let row = item.as_row();
        match item.as_tuple().or(row.as_ref().map(|row| row.as_slice())) {
            Some([path, caption]) => self.name(path, caption),
            Some([path]) => self.name(path, &Value::None),
            Some(other) => Err(self.refuse(&format!("{} of {} entries", item.kind(), other.len()))),
            None => self.name(item, &Value::None),
        }
    }
}

impl NameSink<'_, '_> {
    fn name(&mut self, path: &Value, caption: &Value) -> Decoded<()> {
        let Some(path) = path.as_text() else { return Err(self.refuse(path.kind())) };
        match caption {
            Value::None => self.picked.pass(path, None),
            // Lists of (path, class number), as in torchvision.
            Value::Int(number) => {
                let number = self.picked.wants_next().then(|| number.to_string());
                self.picked.pass(path, number.as_deref());
            }
            other => match other.as_text() {
                Some(text) => self.picked.pass(path, Some(text)),
                None => return Err(self.refuse(&format!("{} as its caption", other.kind()))),
            },
        }
        Ok(())
    }

    fn refuse(&self, found: &str) -> Finding {
        let finding = Finding::new("an entry is not an image's name").file(self.file).index(self.picked.seen);
        let finding = finding.expected("a path, or a (path, caption) tuple").found(found);
        finding.hint("write a list of strings: [str(p) for p in paths]")
    }
}
