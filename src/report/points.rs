//! `points.parquet`: a row per row of the embeddings, for tools that show embeddings. docs/exports.md defines its columns.

use std::path::Path;

use crate::base::error::Result;
use crate::formats::parquet::{Cells, ParquetFile, Picture};

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
    /// Ids; `None` if the embeddings have none.
    pub ids: Option<Vec<Option<String>>>,
    /// Paths and captions; `None` if images have no names.
    pub names: Option<Names>,
    /// Thumbnails of the images; `None` if they are not wanted.
    pub images: Option<Vec<Option<Picture>>>,
    /// The user's labels; `None` if there are none.
    pub labels: Option<Vec<Option<String>>>,
    /// By evaluated level.
    pub levels: Vec<LevelPoints>,
    /// Places on the PCA map; `None` if there is no map.
    pub places: Option<Places>,
    /// Places on the t-SNE map; `None` if there is none.
    pub tsne: Option<Places>,
}

/// What one level says of a range of rows. `None` for what was not computed.
#[derive(Debug, Default)]
pub struct LevelPoints {
    /// 1-based.
    pub number: u32,
    /// Clusters.
    pub clusters: Vec<Option<i64>>,
    /// Distance to the centroid of the own cluster.
    pub distance: Option<Vec<Option<f32>>>,
    /// The cluster with the nearest other centroid.
    pub second: Option<Vec<Option<i64>>>,
    /// Distance to that centroid minus that to the own one.
    pub margin: Option<Vec<Option<f32>>>,
    /// Simplified silhouette.
    pub simplified_silhouette: Option<Vec<Option<f32>>>,
    /// Exact silhouette.
    pub silhouette: Option<Vec<Option<f32>>>,
}

impl LevelPoints {
    fn columns(self) -> impl Iterator<Item = (String, Cells)> {
        let level = format!("level{}", self.number);
        let columns = [
            ("_distance", self.distance.map(Cells::Single)),
            ("_second", self.second.map(Cells::Whole)),
            ("_margin", self.margin.map(Cells::Single)),
            ("_simplified_silhouette", self.simplified_silhouette.map(Cells::Single)),
            ("_silhouette", self.silhouette.map(Cells::Single)),
        ];
        let all = std::iter::once(("", Some(Cells::Whole(self.clusters)))).chain(columns);
        all.filter_map(move |(what, cells)| Some((format!("{level}{what}"), cells?)))
    }
}

impl Points {
    fn columns(self) -> Vec<(String, Cells)> {
        let numbers = (self.first_row..).take(self.rows).map(|row| i64::try_from(row).ok());
        let (paths, captions) = self.names.unzip();
        let ((x, y), (tsne_x, tsne_y)) = (self.places.unzip(), self.tsne.unzip());
        let first = [
            ("row", Some(Cells::Whole(numbers.collect()))),
            ("id", self.ids.map(Cells::Text)),
            ("path", paths.map(Cells::Text)),
            ("caption", captions.map(Cells::Text)),
            ("image", self.images.map(Cells::Pictures)),
            ("label", self.labels.map(Cells::Text)),
        ];
        let last = [("x", x), ("y", y), ("tsne_x", tsne_x), ("tsne_y", tsne_y)];
        let there = |(name, cells): (&str, Option<Cells>)| Some((name.to_owned(), cells?));
        let levels = self.levels.into_iter().flat_map(LevelPoints::columns);
        let last = last.map(|(name, places)| (name, places.map(Cells::Single))).into_iter().filter_map(there);
        first.into_iter().filter_map(there).chain(levels).chain(last).collect()
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
