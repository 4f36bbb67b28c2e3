//! Names of the images behind the points: entry i names point i.
//!
//! A list of names can be far larger than memory (400 million entries), so it is checked from end to end when it is
//! opened, and read again for the few names that are shown. Nothing but these is kept.

mod cells;
mod lines;
mod pickled;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::npy;
use super::pickle::{BUFFER, Dtype, NPY_MAGIC, Shape, open};
use crate::base::error::Finding;

/// An image's path as it is written in the file, and its caption if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// As written; [`resolve`] makes it a path that can be opened.
    pub path: String,
    /// What the file says about the image.
    pub caption: Option<String>,
}

/// A file that names an image per point, checked from end to end.
#[derive(Debug)]
pub struct Names {
    file: PathBuf,
    format: Format,
    len: u64,
}

/// How the names are written.
#[derive(Debug)]
enum Format {
    Pickle(pickled::Pickled),
    Cells(cells::Cells),
    Text,
    Csv,
}

impl Names {
    /// Opens a list of names and checks it to its end. The format is told by the first bytes (`.npy`, pickle, Parquet)
    /// or by the extension (`.txt`, `.csv`, `.pkl`).
    ///
    /// # Errors
    /// When the file can't be read, is of another format, or holds an entry that is no name.
    pub fn open(path: &Path) -> Result<Names, Finding> {
        let (file, size) = open(path)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let start = reader.fill_buf().map_err(|error| unreadable(path, &error))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        let (format, len) = if start.starts_with(NPY_MAGIC) {
            open_npy(reader, path, size)?
        } else if start.starts_with(b"PAR1") || extension == "parquet" {
            return Err(Finding::new("Parquet files of names are not read by this version")
                .file(path)
                .expected("a .csv with a `path` column, a .txt with a path per line, or a pickle of a list")
                .hint("convert it: python -c \"import pandas; pandas.read_parquet('names.parquet').to_csv('names.csv', index=False)\""));
        } else {
            match extension.as_str() {
                "csv" => (Format::Csv, lines::read_csv(reader, path, &mut Picked::none())?),
                "txt" | "lst" | "list" => (Format::Text, lines::read_text(reader, path, &mut Picked::none())?),
                // 0x80 begins every pickle from protocol 2 on.
                _ if start.first() == Some(&0x80) => open_pickle(reader, path, None, 0, size)?,
                "pkl" | "pickle" => open_pickle(reader, path, None, 0, size)?,
                _ => {
                    return Err(Finding::new("the format of this list of image names is not known")
                        .file(path)
                        .expected("a pickle (.pkl), a .npy of strings, a .txt with a path per line, or a .csv with a `path` column")
                        .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
                        .hint("rename it to what it is"));
                }
            }
        };
        Ok(Names { file: path.to_owned(), format, len })
    }

    /// Number of names.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names of the points `wanted`, in its order; a point may be asked for more than once. One pass over the file
    /// (for a `.npy` of strings, only the wanted entries are read).
    ///
    /// # Errors
    /// When a point is not below [`len`](Self::len), or the file has changed since it was opened.
    pub fn read(&self, wanted: &[u64]) -> Result<Vec<ImageName>, Finding> {
        if let Some(&beyond) = wanted.iter().find(|&&point| point >= self.len) {
            return Err(Finding::new("a point has no image name")
                .file(&self.file)
                .index(beyond)
                .expected("a name for every point")
                .found(format!("{} names", self.len))
                .hint("name the file that was written together with the embeddings"));
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut sorted = wanted.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut picked = Picked::new(&sorted);
        let (file, size) = open(&self.file)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        match &self.format {
            Format::Cells(cells) => cells.read(&mut reader, &self.file, sorted.iter().copied(), &mut picked)?,
            _ => self.pass(reader, size, &mut picked)?,
        }
        let place = |point| sorted.binary_search(point).ok().and_then(|place| picked.taken.get(place).cloned());
        wanted.iter().map(|point| place(point).ok_or_else(|| self.changed())).collect()
    }

    /// Hands every name to `take`, path and caption, in the order of the points; one pass over the file that holds no
    /// more than one of them.
    ///
    /// # Errors
    /// When the file has changed since it was opened.
    pub fn read_all(&self, take: &mut dyn FnMut(&str, Option<&str>)) -> Result<(), Finding> {
        let (file, size) = open(&self.file)?;
        let mut picked = Picked { take: Some(take), ..Picked::none() };
        self.pass(BufReader::with_capacity(BUFFER, file), size, &mut picked)?;
        if picked.seen == self.len { Ok(()) } else { Err(self.changed()) }
    }

    /// One pass over all names.
    fn pass(&self, mut reader: BufReader<File>, size: u64, picked: &mut Picked) -> Result<(), Finding> {
        match &self.format {
            Format::Pickle(pickled) => pickled.read(&mut reader, &self.file, size, picked),
            Format::Cells(cells) => cells.read(&mut reader, &self.file, 0..self.len, picked),
            Format::Text => lines::read_text(reader, &self.file, picked).map(drop),
            Format::Csv => lines::read_csv(reader, &self.file, picked).map(drop),
        }
    }

    fn changed(&self) -> Finding {
        Finding::new("the file has changed while it was read").file(&self.file).hint("run again")
    }
}

/// The path of an image: `name` itself if it is absolute, otherwise below `root`.
pub fn resolve(name: &str, root: &Path) -> PathBuf {
    root.join(name)
}

fn open_npy(mut reader: BufReader<File>, path: &Path, size: u64) -> Result<(Format, u64), Finding> {
    let header = npy::parse_header(&mut reader, path)?;
    let dtype = Dtype::from_descr(&header.descr);
    let shape = Shape::from_axes(&header.shape);
    match (dtype, shape) {
        (Some(dtype), Some(shape)) if dtype.is_object() => {
            open_pickle(reader, path, Some(shape), header.data_offset, size)
        }
        (Some(dtype), Some(shape)) if dtype.is_text() => {
            let cells = cells::Cells::new(dtype, shape, header.fortran_order, header.data_offset, path)?;
            cells.check_size(path, size)?;
            let len = cells.len();
            Ok((Format::Cells(cells), len))
        }
        _ => Err(Finding::new("the array doesn't hold image names")
            .file(path)
            .expected("strings or objects, of shape (n,), (n, 1) or (n, 2)")
            .found(format!("dtype {} of shape {:?}", header.descr, header.shape))),
    }
}

fn open_pickle(
    mut reader: BufReader<File>,
    path: &Path,
    shape: Option<Shape>,
    offset: u64,
    size: u64,
) -> Result<(Format, u64), Finding> {
    let (pickled, len) = pickled::Pickled::open(&mut reader, path, offset, size)?;
    let rows = match shape {
        Some(Shape::Vector(rows) | Shape::Matrix(rows, _)) => rows,
        Some(Shape::Scalar) => 1,
        None => len,
    };
    if rows != len {
        return Err(Finding::new("the .npy header and the pickle after it disagree")
            .file(path)
            .expected(format!("{rows} names, as in the header"))
            .found(format!("{len} names"))
            .hint("copy the file again, or write it again"));
    }
    Ok((Format::Pickle(pickled), len))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    Finding::io("the file can't be read", path, error)
}

/// Takes a path and a caption.
type Take<'a> = dyn FnMut(&str, Option<&str>) + 'a;

/// The names that a pass over a file is asked for.
struct Picked<'w> {
    /// Ascending, without repetition.
    wanted: &'w [u64],
    /// The names of the first entries of `wanted`.
    taken: Vec<ImageName>,
    /// Who takes every name, where there is somebody.
    take: Option<&'w mut Take<'w>>,
    /// Names passed so far.
    seen: u64,
}

impl<'w> Picked<'w> {
    fn new(wanted: &'w [u64]) -> Self {
        Picked { wanted, taken: Vec::with_capacity(wanted.len()), take: None, seen: 0 }
    }

    /// For a pass that only checks.
    fn none() -> Self {
        Picked::new(&[])
    }

    /// Whether the next name is asked for.
    fn wants_next(&self) -> bool {
        self.take.is_some() || self.wanted.get(self.taken.len()) == Some(&self.seen)
    }

    /// Passes the next name, keeping it if it is asked for.
    fn pass(&mut self, path: &str, caption: Option<&str>) {
        if let Some(take) = &mut self.take {
            take(path, caption);
        } else if self.wants_next() {
            self.taken.push(ImageName { path: path.to_owned(), caption: caption.map(str::to_owned) });
        }
        self.seen += 1;
    }
}

#[cfg(test)]
mod tests;
