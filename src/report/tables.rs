//! Tables and arrays of metrics: `levels.csv`, `levelL/clusters.csv`, `levelL/inertia.npy`, `record.json`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::formats::npy;
use crate::metrics::Column;
use crate::plan::record::{Level, RunRecord};

/// Writes `levels.csv`: a row per level, a column per metric of levels.
pub fn write_levels(path: &Path, record: &RunRecord) -> Result<()> {
    let names: Vec<&String> =
        record.levels.iter().flat_map(|level| level.figures.keys()).fold(Vec::new(), |mut all, n| {
            if !all.contains(&n) {
                all.push(n);
            }
            all
        });
    let header = std::iter::once("level".to_owned()).chain(names.iter().map(|n| n.to_string()));
    let rows = record.levels.iter().map(|level| {
        let cells = names.iter().map(|name| cell(level.figures.get(*name)));
        std::iter::once(level.level.to_string()).chain(cells).collect()
    });
    write_csv(path, header.collect(), rows)
}

/// Writes `clusters.csv` of one level: a row per cluster, with its parent on the level above and a column per metric of
/// clusters.
pub fn write_clusters(path: &Path, level: &Level) -> Result<()> {
    let names = level.clusters.0.iter().map(|(name, _)| name.clone());
    let header = ["cluster", "parent"].map(str::to_owned).into_iter().chain(names);
    let rows = (0..level.len()).map(|cluster| {
        let parent = level.parent_of(cluster).map_or(String::new(), |parent| parent.to_string());
        let cells = level.clusters.0.iter().map(|(_, column)| cluster_cell(column, cluster));
        [cluster.to_string(), parent].into_iter().chain(cells).collect()
    });
    write_csv(path, header.collect(), rows)
}

/// Writes `clusters.parquet` of one level: as [`write_clusters`], with null for undefined values.
#[cfg(feature = "parquet")]
pub fn write_clusters_parquet(path: &Path, level: &Level) -> Result<()> {
    use crate::formats::parquet::{self, Cells};
    let whole = |count: u64| i64::try_from(count).ok();
    let cells = |column: &Column| match column {
        Column::Count(counts) => Cells::Whole(counts.iter().map(|&count| whole(count)).collect()),
        Column::Index(clusters) => Cells::Whole(clusters.iter().map(|cluster| cluster.and_then(whole)).collect()),
        Column::Text(names) => Cells::Text(names.clone()),
        Column::Real(reals) => Cells::Real(reals.iter().map(|&real| (!real.is_nan()).then_some(real)).collect()),
    };
    let numbers = Cells::Whole((0..level.len() as u64).map(whole).collect());
    let parents = Cells::Whole((0..level.len()).map(|cluster| level.parent_of(cluster).map(i64::from)).collect());
    let columns = level.clusters.0.iter().map(|(name, column)| (name.clone(), cells(column)));
    let first = [("cluster".to_owned(), numbers), ("parent".to_owned(), parents)];
    parquet::write(path, &first.into_iter().chain(columns).collect::<Vec<_>>())
}

/// Writes one metric of the clusters as a float64 array `[k]`; NaN if not defined.
pub fn write_column(path: &Path, level: &Level, name: &str) -> Result<()> {
    let Some(column) = level.clusters.get(name) else { return Ok(()) };
    let mut file = create(path)?;
    npy::write_f64s(&mut file, (0..column.len()).map(|cluster| column.real(cluster)))
        .and_then(|()| file.flush())
        .map_err(|e| Error::io("can't write the array", path, &e))
}

/// Writes `record.json`.
pub fn write_record(path: &Path, record: &RunRecord) -> Result<()> {
    let mut file = create(path)?;
    let written = serde_json::to_writer(&mut file, record).map_err(std::io::Error::from);
    written
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.flush())
        .map_err(|e| Error::io("can't write the record", path, &e))
}

/// Writes all tables of a record; `place` maps a path in the output folder to where the file is written.
pub fn write_tables(record: &RunRecord, place: impl Fn(&str) -> Result<PathBuf>) -> Result<()> {
    write_levels(&place("levels.csv")?, record)?;
    for level in &record.levels {
        write_clusters(&place(&format!("level{}/clusters.csv", level.level))?, level)?;
        if level.clusters.get("inertia").is_some() {
            write_column(&place(&format!("level{}/inertia.npy", level.level))?, level, "inertia")?;
        }
    }
    Ok(())
}

/// A value as text: empty if not defined, otherwise the shortest form that reads back to the same float64.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn cluster_cell(column: &Column, cluster: usize) -> String {
    match column {
        Column::Count(counts) => counts[cluster].to_string(),
        Column::Index(clusters) => clusters[cluster].map_or(String::new(), |number| number.to_string()),
        Column::Text(names) => names[cluster].clone().unwrap_or_default(),
        Column::Real(reals) if reals[cluster].is_nan() => String::new(),
        Column::Real(reals) => cell(Some(&reals[cluster].into())),
    }
}

fn write_csv(path: &Path, header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
    let failed = |e: csv::Error| Error::io("can't write the table", path, &std::io::Error::from(e));
    let mut table = csv::Writer::from_writer(create(path)?);
    table.write_record(header).map_err(failed)?;
    for row in rows {
        table.write_record(row).map_err(failed)?;
    }
    table.flush().map_err(|e| Error::io("can't write the table", path, &e))
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    File::create(path).map(BufWriter::new).map_err(|e| Error::io("can't write", path, &e))
}
