//! Names of the images behind the points. Entry i names point i.
//!
//! A list of names can be far larger than memory (400 million entries). Opening it therefore checks the whole file without
//! keeping it, and the few names that are shown are read in another pass.

mod cells;
mod lines;
mod picked;
mod pickled;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::input_file::{self, BUFFER};
use super::npy;
use super::pickle::{Dtype, Shape};
use crate::base::error::Finding;
use picked::{Picked, unreadable};

pub use picked::ImageName;

/// A file with the name of an image for each point, checked to its end.
#[derive(Debug)]
pub struct Names {
    file: PathBuf,
    format: Format,
    len: u64,
}

/// Format of a file of names.
#[derive(Debug)]
enum Format {
    Pickle(pickled::Pickled),
    Cells(cells::Cells),
    Text,
    Csv,
}

impl Names {
    /// Opens a list of names and checks it to its end. The first bytes (`.npy`, pickle, Parquet) or the extension (`.txt`,
    /// `.csv`, `.pkl`) determine the format.
    ///
    /// # Errors
    /// A file that can't be read, another format, or an entry that is not a name.
    pub fn open(path: &Path) -> Result<Names, Finding> {
        let (file, metadata) = input_file::open(path)?;
        let size = metadata.len();
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let start = reader.fill_buf().map_err(|error| unreadable(path, &error))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        let (format, len) = if start.starts_with(npy::MAGIC) {
            open_npy(reader, path, size)?
        } else if start.starts_with(b"PAR1") || extension == "parquet" {
            return Err(Finding::new("names in Parquet files are not supported")
                .file(path)
                .expected("a .csv with a `path` column, a .txt with a path per line, or a pickle of a list")
                .hint(parquet_hint(path)));
        } else {
            match extension.as_str() {
                "csv" => (Format::Csv, lines::read_csv(reader, path, &mut Picked::none())?),
                "txt" | "lst" | "list" => (Format::Text, lines::read_text(reader, path, &mut Picked::none())?),
                // Every pickle from protocol 2 on starts with 0x80.
                _ if start.first() == Some(&0x80) => open_pickle(reader, path, None, 0, size)?,
                "pkl" | "pickle" => open_pickle(reader, path, None, 0, size)?,
                _ => {
                    return Err(Finding::new("the list of image names has an unknown format")
                        .file(path)
                        .expected("a pickle (.pkl), a .npy of strings, a .txt with a path per line, or a .csv with a `path` column")
                        .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
                        .hint("give the file the extension of its format"));
                }
            }
        };
        Ok(Names { file: path.to_owned(), format, len })
    }

    /// Number of names.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names of the points `wanted`, in this order. A point may occur more than once. Makes one pass over the file; in a
    /// `.npy` of strings, it reads only the wanted entries.
    ///
    /// # Errors
    /// A point that is not below [`len`](Self::len), or a file that changed after it was opened.
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
        let (file, metadata) = input_file::open(&self.file)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        match &self.format {
            Format::Cells(cells) => cells.read(&mut reader, &self.file, sorted.iter().copied(), &mut picked)?,
            _ => self.pass(reader, metadata.len(), &mut picked)?,
        }
        let place = |point| sorted.binary_search(point).ok().and_then(|place| picked.taken.get(place).cloned());
        wanted.iter().map(|point| place(point).ok_or_else(|| self.changed())).collect()
    }

    /// Passes the path and caption of every name to `take`, in the order of the points. Makes one pass over the file and holds
    /// one name at a time.
    ///
    /// # Errors
    /// A file that changed after it was opened.
    pub fn read_all(&self, take: &mut dyn FnMut(&str, Option<&str>)) -> Result<(), Finding> {
        let (file, metadata) = input_file::open(&self.file)?;
        let mut picked = Picked { take: Some(take), ..Picked::none() };
        self.pass(BufReader::with_capacity(BUFFER, file), metadata.len(), &mut picked)?;
        if picked.seen == self.len { Ok(()) } else { Err(self.changed()) }
    }

    /// Makes one pass over all names.
    fn pass(&self, mut reader: BufReader<File>, size: u64, picked: &mut Picked) -> Result<(), Finding> {
        match &self.format {
            Format::Pickle(pickled) => pickled.read(&mut reader, &self.file, size, picked),
            Format::Cells(cells) => cells.read(&mut reader, &self.file, 0..self.len, picked),
            Format::Text => lines::read_text(reader, &self.file, picked).map(drop),
            Format::Csv => lines::read_csv(reader, &self.file, picked).map(drop),
        }
    }

    fn changed(&self) -> Finding {
        Finding::new("the file changed while it was read").file(&self.file).hint("run again")
    }
}

/// The path of an image: `name` itself if it is absolute, otherwise `root/name`.
pub fn resolve(name: &str, root: &Path) -> PathBuf {
    root.join(name)
}

fn parquet_hint(path: &Path) -> String {
    let (from, to) = (npy::shell_word(path), npy::shell_word(&path.with_extension("csv")));
    let code =
        "import sys, pyarrow.csv as c, pyarrow.parquet as p; c.write_csv(p.read_table(sys.argv[1]), sys.argv[2])";
    format!("convert it (pip install pyarrow): python -c \"{code}\" {from} {to}")
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

#[cfg(test)]
mod tests;
