//! The names that a pass over a file keeps or hands on.

use std::path::Path;

use crate::base::error::Finding;

/// An image's path and, if it has one, its caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// The path as written in the file. [`resolve`](super::resolve) turns it into a path that can be opened.
    pub path: String,
    /// The caption in the file.
    pub caption: Option<String>,
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    Finding::io("the file can't be read", path, error)
}

/// Receives a path and a caption.
pub(super) type Take<'a> = dyn FnMut(&str, Option<&str>) + 'a;

/// Selects names during a pass over a file.
pub(super) struct Picked<'w> {
    /// Points whose names are kept, ascending and without repetition.
    pub(super) wanted: &'w [u64],
    /// The names of the first entries of `wanted`.
    pub(super) taken: Vec<ImageName>,
    /// Receives every name, if set. Then none is kept.
    pub(super) take: Option<&'w mut Take<'w>>,
    /// Names passed so far.
    pub(super) seen: u64,
}

impl<'w> Picked<'w> {
    pub(super) fn new(wanted: &'w [u64]) -> Self {
        Picked { wanted, taken: Vec::with_capacity(wanted.len()), take: None, seen: 0 }
    }

    /// Keeps no name, for a pass that only checks.
    pub(super) fn none() -> Self {
        Picked::new(&[])
    }

    /// Whether the next name is kept or handed on.
    pub(super) fn wants_next(&self) -> bool {
        self.take.is_some() || self.wanted.get(self.taken.len()) == Some(&self.seen)
    }

    /// Passes the next name.
    pub(super) fn pass(&mut self, path: &str, caption: Option<&str>) {
        if let Some(take) = &mut self.take {
            take(path, caption);
        } else if self.wants_next() {
            self.taken.push(ImageName { path: path.to_owned(), caption: caption.map(str::to_owned) });
        }
        self.seen += 1;
    }
}
