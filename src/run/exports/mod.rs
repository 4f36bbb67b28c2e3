//! The files that `--parquet` adds: the points, and the clusters of every level.

mod ids;
mod kept;
mod rows;
mod thumbnails;

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::signals;
use crate::formats::folder::OutputFolder;
use crate::formats::ids::Ids;
use crate::plan::Plan;
use crate::plan::record::RunRecord;
use crate::report::map::FittedMap;
use crate::report::points::{Names, Points, PointsFile};
use crate::report::tables;
use ids::IdGroups;
pub(super) use kept::Kept;
use rows::Rows;
use thumbnails::PointThumbnails;

/// Rows per row group: a few tens of megabytes, including names.
const GROUP: usize = 1 << 17;
/// The same with thumbnails, which take a few kilobytes each.
const GROUP_OF_IMAGES: usize = 1 << 13;

/// Writes the files to the staging folder. With a fitted map, the embeddings are read once more to place every row on it.
pub(super) fn write(
    plan: &Plan,
    record: &mut RunRecord,
    kept: &Kept<'_>,
    mapped: Option<&FittedMap>,
    folder: &OutputFolder,
) -> Result<()> {
    if kept.distances.is_empty() {
        record.warnings.push("the parts kept no distances: points.parquet has none".to_owned());
    }
    if plan.keeps_search() && kept.searched.is_empty() {
        let lacks = "the parts did not keep what the search found of every row: points.parquet has no second clusters, \
            margins and simplified silhouettes";
        record.warnings.push(lacks.to_owned());
    }
    for level in &record.levels {
        tables::write_clusters_parquet(&folder.staging(format!("level{}/clusters.parquet", level.level))?, level)?;
    }
    let thumbnails = plan.settings.parquet_thumbnails.then(PointThumbnails::default);
    let group = if thumbnails.is_some() { GROUP_OF_IMAGES } else { GROUP };
    let ids = Ids::find(plan.embeddings.files().iter().map(|file| file.path.as_path()));
    let path = folder.staging("points.parquet")?;
    std::thread::scope(|scope| {
        let mut export = Export {
            rows: Rows { plan, levels: &record.levels, kept, mapped },
            ids: ids.map(|ids| IdGroups::read(scope, ids, group)),
            thumbnails: thumbnails.as_ref(),
            path,
            file: None,
            next_row: 0,
        };
        export.write_all(plan, group)?;
        export.file.map_or(Ok(()), PointsFile::finish)
    })?;
    record.warnings.extend(thumbnails.and_then(|thumbnails| thumbnails.warning()));
    Ok(())
}

/// Writes points.parquet, group by group.
struct Export<'a> {
    rows: Rows<'a>,
    ids: Option<IdGroups>,
    thumbnails: Option<&'a PointThumbnails>,
    path: PathBuf,
    file: Option<PointsFile>,
    next_row: u64,
}

impl Export<'_> {
    fn write_all(&mut self, plan: &Plan, group_rows: usize) -> Result<()> {
        let Some(names) = &plan.names else {
            let rows = plan.embeddings.rows();
            while self.next_row < rows {
                let left = usize::try_from(rows - self.next_row).unwrap_or(group_rows);
                self.write(left.min(group_rows), None)?;
            }
            return Ok(());
        };
        let root = plan.settings.image_root.as_deref().unwrap_or(Path::new("."));
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let mut group = (Vec::new(), Vec::new());
        let mut written = Ok(());
        names
            .read_all(&mut |path, caption| {
                group.0.push(Some(root.join(path).to_string_lossy().into_owned()));
                group.1.push(caption.map(str::to_owned));
                if group.0.len() == group_rows && written.is_ok() {
                    written = self.write(group_rows, Some(std::mem::take(&mut group)));
                }
            })
            .map_err(Error::input)?;
        written?;
        self.write(group.0.len(), Some(group))
    }

    fn write(&mut self, rows: usize, names: Option<Names>) -> Result<()> {
        signals::go_on()?;
        let images = match (self.thumbnails, &names) {
            (Some(thumbnails), Some((paths, _))) => Some(thumbnails.make(paths)?),
            _ => None,
        };
        let ids = self.ids.as_ref().map(|ids| ids.next(rows)).transpose()?;
        let points = Points { ids, names, images, ..self.rows.read(self.next_row, rows)? };
        match &mut self.file {
            Some(file) => file.add(points)?,
            none => *none = Some(PointsFile::begin(&self.path, points)?),
        }
        self.next_row += rows as u64;
        Ok(())
    }
}
