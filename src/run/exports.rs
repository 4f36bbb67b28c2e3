//! The files that `--parquet` adds: the points, and the clusters of every level.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_f32;
use crate::base::signals;
use crate::formats::distances::DistanceFile;
use crate::formats::folder::OutputFolder;
use crate::plan::Plan;
use crate::plan::record::RunRecord;
use crate::report::map::FittedMap;
use crate::report::points::{Names, Places, Points, PointsFile};
use crate::report::tables;

/// Rows per row group: a few tens of megabytes, including names.
const GROUP: usize = 1 << 17;

/// Writes the files to the staging folder. `files` holds the own distances of every level, or is empty. With a fitted map,
/// the embeddings are read once more to place every row on it.
pub(super) fn write(
    plan: &Plan,
    record: &mut RunRecord,
    files: &[DistanceFile],
    mapped: Option<&FittedMap>,
    folder: &OutputFolder,
) -> Result<()> {
    if files.is_empty() {
        record.warnings.push("the parts kept no distances: points.parquet has none".to_owned());
    }
    for level in &record.levels {
        tables::write_clusters_parquet(&folder.staging(format!("level{}/clusters.parquet", level.level))?, level)?;
    }
    let mut export = Export { plan, mapped, files, path: folder.staging("points.parquet")?, file: None, next_row: 0 };
    match &plan.names {
        Some(names) => {
            let root = plan.settings.image_root.as_deref().unwrap_or(Path::new("."));
            let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
            let mut group = (Vec::new(), Vec::new());
            let mut written = Ok(());
            names
                .read_all(&mut |path, caption| {
                    group.0.push(Some(root.join(path).to_string_lossy().into_owned()));
                    group.1.push(caption.map(str::to_owned));
                    if group.0.len() == GROUP && written.is_ok() {
                        written = export.write(GROUP, Some(std::mem::take(&mut group)));
                    }
                })
                .map_err(Error::input)?;
            written?;
            export.write(group.0.len(), Some(group))?;
        }
        None => {
            let rows = plan.embeddings.rows();
            while export.next_row < rows {
                let left = usize::try_from(rows - export.next_row).unwrap_or(GROUP);
                export.write(left.min(GROUP), None)?;
            }
        }
    }
    export.file.map_or(Ok(()), PointsFile::finish)
}

/// Writes points.parquet, group by group.
struct Export<'a> {
    plan: &'a Plan,
    mapped: Option<&'a FittedMap>,
    files: &'a [DistanceFile],
    path: PathBuf,
    file: Option<PointsFile>,
    next_row: u64,
}

impl Export<'_> {
    fn write(&mut self, rows: usize, names: Option<Names>) -> Result<()> {
        signals::go_on()?;
        let first_row = self.next_row;
        let all = || (first_row..).take(rows);
        let mut labels = vec![0; rows];
        let of_level = |&level: &usize| {
            self.plan.hierarchy.label_rows(level, first_row, &mut labels);
            let label = |&label: &u32| (label != UNLABELLED).then_some(i64::from(label));
            (self.plan.hierarchy.levels[level].number, labels.iter().map(label).collect())
        };
        let points = Points {
            first_row,
            rows,
            names,
            labels: self.plan.levels.iter().map(of_level).collect(),
            distances: self.files.iter().map(|file| all().map(|row| distance(file, row)).collect()).collect(),
            places: self.mapped.map(|mapped| self.places(mapped, first_row, rows)).transpose()?,
        };
        match &mut self.file {
            Some(file) => file.add(points)?,
            none => *none = Some(PointsFile::begin(&self.path, points)?),
        }
        self.next_row += rows as u64;
        Ok(())
    }

    /// Positions of the rows on the map; `None` for coordinates that are not finite.
    fn places(&self, mapped: &FittedMap, first_row: u64, rows: usize) -> Result<Places> {
        let finite = |place: f64| Some(to_f32(place)).filter(|place| place.is_finite());
        let places = mapped.places(&self.plan.embeddings, first_row, rows)?;
        Ok(places.into_iter().map(|[x, y]| (finite(x), finite(y))).unzip())
    }
}

fn distance(file: &DistanceFile, row: u64) -> Option<f32> {
    file.get(row).filter(|distance| !distance.is_nan())
}
