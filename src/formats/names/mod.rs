//! Names of the images behind the points. Entry i names point i.
//!
//! A list of names can be far larger than memory (400 million entries). Opening it therefore checks the whole file without
//! keeping it, and the few names that are shown are read in another pass.

mod cells;
mod joined;
mod lines;
mod picked;
mod pickled;
#[cfg(feature = "parquet")]
mod table;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::input_file::{self, BUFFER};
use super::npy;
use super::pickle::{Dtype, Shape};
use crate::base::error::Finding;
use picked::{Picked, unreadable};

pub use joined::Names;
pub use picked::ImageName;

/// Columns that may hold paths if none is named, in order of preference: those of this program, img2dataset and Hugging Face.
#[cfg(feature = "parquet")]
const PATHS: [&str; 8] = ["path", "image_path", "file_name", "filename", "file", "image.path", "url", "key"];

/// The column that holds captions if none is named.
const CAPTION: &str = "caption";

/// The columns of names in a `.csv` or Parquet file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameColumns {
    /// The column of paths; `None` for `path`, or in Parquet the first of several usual names.
    pub image: Option<String>,
    /// The column of captions; `None` for `caption`, if there is one.
    pub caption: Option<String>,
}

/// A file with the name of an image for each of its points, checked to its end.
#[derive(Debug)]
struct NameFile {
    file: PathBuf,
    format: Format,
    columns: NameColumns,
    len: u64,
}

/// Format of a file of names.
#[derive(Debug)]
enum Format {
    Pickle(pickled::Pickled),
    Cells(cells::Cells),
    Text,
    Csv,
    #[cfg(feature = "parquet")]
    Parquet,
}

impl NameFile {
    /// Opens a list of names and checks it to its end.
    fn open(path: &Path, columns: &NameColumns) -> Result<NameFile, Finding> {
        let (file, metadata) = input_file::open(path)?;
        let size = metadata.len();
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let start = reader.fill_buf().map_err(|error| unreadable(path, &error))?;
        let extension = input_file::extension(path);
        let is_npy = start.starts_with(npy::MAGIC);
        let is_parquet = !is_npy && (start.starts_with(b"PAR1") || extension == "parquet");
        let has_columns = is_parquet || (!is_npy && extension == "csv");
        if !has_columns && *columns != NameColumns::default() {
            let finding = Finding::new("names of this format have no columns with names").file(path);
            return Err(finding.hint("leave out --image-column and --caption-column, or name a .csv or .parquet file"));
        }
        let (format, len) = if is_npy {
            open_npy(reader, path, size)?
        } else if is_parquet {
            open_parquet(reader.into_inner(), path, columns)?
        } else {
            match extension.as_str() {
                "csv" => (Format::Csv, lines::read_csv(reader, path, csv_columns(columns), &mut Picked::none())?),
                "txt" | "lst" | "list" => (Format::Text, lines::read_text(reader, path, &mut Picked::none())?),
                // Every pickle from protocol 2 on starts with 0x80.
                _ if start.first() == Some(&0x80) => open_pickle(reader, path, None, 0, size)?,
                "pkl" | "pickle" => open_pickle(reader, path, None, 0, size)?,
                _ => {
                    return Err(Finding::new("the list of image names has an unknown format")
                        .file(path)
                        .expected("a pickle (.pkl), a .npy of strings, a .txt with a path per line, or a .csv or .parquet with a `path` column")
                        .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
                        .hint("give the file the extension of its format"));
                }
            }
        };
        Ok(NameFile { file: path.to_owned(), format, columns: columns.clone(), len })
    }

    fn path(&self) -> &Path {
        &self.file
    }

    /// Number of names.
    fn len(&self) -> u64 {
        self.len
    }

    /// The names of the entries `wanted`, in this order.
    fn read(&self, wanted: &[u64]) -> Result<Vec<ImageName>, Finding> {
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

    /// Passes the path and caption of every name to `take`.
    fn read_all(&self, take: &mut dyn FnMut(&str, Option<&str>)) -> Result<(), Finding> {
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
            Format::Csv => lines::read_csv(reader, &self.file, csv_columns(&self.columns), picked).map(drop),
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let (paths, captions) = table_columns(&self.columns);
                table::read(reader.into_inner(), &self.file, (&paths, &captions), picked).map(drop)
            }
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

/// The names of the columns of paths and captions in a `.csv`.
fn csv_columns(columns: &NameColumns) -> (&str, &str) {
    (columns.image.as_deref().unwrap_or("path"), columns.caption.as_deref().unwrap_or(CAPTION))
}

/// The names that the columns of paths and captions may have in a Parquet file.
#[cfg(feature = "parquet")]
fn table_columns(columns: &NameColumns) -> (Vec<&str>, Vec<&str>) {
    let paths = columns.image.as_deref().map_or(PATHS.to_vec(), |name| vec![name]);
    (paths, vec![columns.caption.as_deref().unwrap_or(CAPTION)])
}

#[cfg(feature = "parquet")]
fn open_parquet(file: File, path: &Path, columns: &NameColumns) -> Result<(Format, u64), Finding> {
    let (paths, captions) = table_columns(columns);
    let len = table::read(file, path, (&paths, &captions), &mut Picked::none())?;
    Ok((Format::Parquet, len))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(_file: File, path: &Path, _columns: &NameColumns) -> Result<(Format, u64), Finding> {
    Err(input_file::no_parquet(path))
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
