//! `points.parquet`: a row per row of the embeddings, as tools that show embeddings open it.
//!
//! | column | type | what |
//! |---|---|---|
//! | `row` | int64 | number of the row, from 0 |
//! | `path`, `caption` | text | the image, where images are named; absolute where the system can tell |
//! | `level1`, ... | int64 | cluster on each level; null where the row is in none |
//! | `level1_distance`, ... | float | distance to that cluster's centroid |
//! | `x`, `y` | float | place on the map's plane, where there is a map; null where a row is not finite |

use std::path::Path;

use crate::base::error::Result;
use crate::formats::parquet::{Cells, ParquetFile};

/// Paths and captions of rows.
pub type Names = (Vec<Option<String>>, Vec<Option<String>>);
/// x and y of rows.
pub type Places = (Vec<Option<f32>>, Vec<Option<f32>>);

/// What is known of a stretch of rows. Lists of all rows have an entry per row.
#[derive(Debug, Default)]
pub struct Points {
    /// Number of the first one.
    pub first_row: u64,
    /// How many.
    pub rows: usize,
    /// Path and caption of every row; `None` where images have no names.
    pub names: Option<Names>,
    /// By level (1-based number): the clusters of all rows.
    pub labels: Vec<(u32, Vec<Option<i64>>)>,
    /// By level, as the labels; none where no distances were kept.
    pub distances: Vec<Vec<Option<f32>>>,
    /// x and y of all rows; `None` where there is no map.
    pub places: Option<Places>,
}

impl Points {
    fn columns(self) -> Vec<(String, Cells)> {
        let numbers = (self.first_row..).take(self.rows).map(|row| i64::try_from(row).ok());
        let mut columns = vec![("row".to_owned(), Cells::Whole(numbers.collect()))];
        if let Some((paths, captions)) = self.names {
            columns.push(("path".to_owned(), Cells::Text(paths)));
            columns.push(("caption".to_owned(), Cells::Text(captions)));
        }
        let mut distances = self.distances.into_iter();
        for (level, labels) in self.labels {
            columns.push((format!("level{level}"), Cells::Whole(labels)));
            columns.extend(distances.next().map(|cells| (format!("level{level}_distance"), Cells::Single(cells))));
        }
        if let Some((x, y)) = self.places {
            columns.push(("x".to_owned(), Cells::Single(x)));
            columns.push(("y".to_owned(), Cells::Single(y)));
        }
        columns
    }
}

/// The file, while it is written.
pub struct PointsFile(ParquetFile);

impl PointsFile {
    /// Begins a file with the first rows; those that follow must know the same of their points.
    ///
    /// # Errors
    /// `Failed` where it can't be written.
    pub fn begin(path: &Path, first: Points) -> Result<PointsFile> {
        let columns = first.columns();
        let mut file = ParquetFile::create(path, &columns)?;
        file.write(&columns)?;
        Ok(PointsFile(file))
    }

    /// Adds the rows that follow.
    ///
    /// # Errors
    /// `Failed` where they can't be written.
    pub fn add(&mut self, points: Points) -> Result<()> {
        self.0.write(&points.columns())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `Failed` where it can't be written.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}
