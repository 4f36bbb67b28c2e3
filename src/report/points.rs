//! `points.parquet`: a row per row of the embeddings, for tools that show embeddings.
//!
//! | column | type | content |
//! |---|---|---|
//! | `row` | int64 | number of the row, from 0 |
//! | `path`, `caption` | text | the image, if images are named; absolute if the system can tell |
//! | `level1`, ... | int64 | cluster on each level; null for unassigned rows |
//! | `level1_distance`, ... | float | distance to that cluster's centroid |
//! | `x`, `y` | float | place on the map's plane, if there is a map; null for rows that are not finite |

use std::path::Path;

use crate::base::error::Result;
use crate::formats::parquet::{Cells, ParquetFile};

/// Paths and captions of rows.
pub type Names = (Vec<Option<String>>, Vec<Option<String>>);
/// x and y of rows.
pub type Places = (Vec<Option<f32>>, Vec<Option<f32>>);

/// A range of rows. All lists have an entry per row.
#[derive(Debug, Default)]
pub struct Points {
    /// Number of the first row.
    pub first_row: u64,
    /// Number of rows.
    pub rows: usize,
    /// Paths and captions; `None` if images have no names.
    pub names: Option<Names>,
    /// Per level (1-based number): the clusters of the rows.
    pub labels: Vec<(u32, Vec<Option<i64>>)>,
    /// Per level, in the order of `labels`; empty if no distances were kept.
    pub distances: Vec<Vec<Option<f32>>>,
    /// x and y; `None` if there is no map.
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

/// A `points.parquet` file being written.
pub struct PointsFile(ParquetFile);

impl PointsFile {
    /// Creates the file with the first rows, whose columns all further rows must have.
    ///
    /// # Errors
    /// `Failed` if the file can't be written.
    pub fn begin(path: &Path, first: Points) -> Result<PointsFile> {
        let columns = first.columns();
        let mut file = ParquetFile::create(path, &columns)?;
        file.write(&columns)?;
        Ok(PointsFile(file))
    }

    /// Appends the next rows.
    ///
    /// # Errors
    /// `Failed` if they can't be written.
    pub fn add(&mut self, points: Points) -> Result<()> {
        self.0.write(&points.columns())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// `Failed` if the file can't be written.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}
