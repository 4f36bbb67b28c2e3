//! The files of partial results and checkpoints.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::error::{Finding, Result};
use crate::engine::checkpoint_store::Stage;
use crate::engine::partials::{ClusterSums, Counts, OuterSums, PointSums, RowSums, Running, StepCut, Sums};
use crate::formats::part_file::{PartFile, Writer};
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::{Leg, Worker};

/// Metadata of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Name of the [`crate::engine::checkpoint_store::Stage`].
    pub stage: String,
    /// Rows of the part.
    pub rows: (u64, u64),
    /// The rows it covers, from the part's first row on. For comparisons of points with points: positions of the outer
    /// points.
    pub range: (u64, u64),
    /// Share of the stage that is done, from 0 to 1.
    pub done: f64,
    /// All stages of its round. The round is complete once the part has a complete file of each.
    pub round: Vec<String>,
    /// Fingerprint of the run, the same for all parts.
    pub plan: RunFingerprint,
    /// Its hash.
    pub plan_hash: String,
    /// The settings of the process that wrote it, for `merge`.
    pub settings: Value,
    /// The process that computed it.
    pub worker: Worker,
    /// The processes that have worked on the part so far; empty in files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
    /// The number of distances computed.
    pub counts: Counts,
    /// Columns of the point sums; `None` if there are none.
    pub point_columns: Option<usize>,
    /// For comparisons of points with points: how they are divided, steps done, all steps.
    pub sweep: Option<(StepCut, u64, u64)>,
    /// Files of values per row beside a complete pass, with the BLAKE3 hash (hex) of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buffers: BTreeMap<String, String>,
    /// Fingerprints of the files that were merged into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
}

impl Header {
    /// Checks that the file belongs to this stage and part, and is complete if its name says so (`complete`). Files can be
    /// copied and renamed.
    pub(super) fn fits(&self, path: &Path, stage: Stage, rows: &Range<u64>, complete: bool) -> Result<(), Finding> {
        let covers = match stage {
            Stage::Silhouette(_) => true,
            _ => self.range.0 == rows.start && (self.range.1 == rows.end || !complete),
        };
        if self.stage == stage.name() && self.rows == (rows.start, rows.end) && covers {
            return Ok(());
        }
        Err(Finding::new("a partial result is in the wrong place")
            .file(path)
            .expected(format!("{} of rows {}..{}", stage.name(), rows.start, rows.end))
            .found(format!("{} of rows {}..{}, up to row {}", self.stage, self.rows.0, self.rows.1, self.range.1))
            .hint("move it back, or remove its folder and rerun that part"))
    }
}

/// The arrays of a level's sums, in the order of the fields.
const SUMS: [&str; 7] =
    ["size", "inertia", "distance", "max_squared", "simplified_silhouette", "misassigned", "excess"];

/// The arrays of a level's running sums.
const RUNNING: [&str; 3] = ["own", "open", "best"];

/// Clusters passed to the writer at a time.
const CHUNK: usize = 1 << 14;

/// Writes the results of a pass over the rows.
pub(super) fn write_rows(path: &Path, header: &Header, found: &RowSums) -> Result<()> {
    let mut writer = Writer::create(path)?;
    for (level, sums) in found.sums.iter().enumerate() {
        let clusters = sums.clusters();
        let counts = |of: fn(&Sums) -> u64| clusters.chunks(CHUNK).map(move |c| c.iter().map(of).collect::<Vec<_>>());
        let reals = |of: fn(&Sums) -> f64| clusters.chunks(CHUNK).map(move |c| c.iter().map(of).collect::<Vec<_>>());
        writer.array(&name(level, SUMS[0]), counts(|sums| sums.size))?;
        writer.array(&name(level, SUMS[1]), reals(|sums| sums.inertia))?;
        writer.array(&name(level, SUMS[2]), reals(|sums| sums.distance))?;
        writer.array(&name(level, SUMS[3]), reals(|sums| sums.max_squared))?;
        writer.array(&name(level, SUMS[4]), reals(|sums| sums.simplified_silhouette))?;
        writer.array(&name(level, SUMS[5]), counts(|sums| sums.misassigned))?;
        writer.array(&name(level, SUMS[6]), reals(|sums| sums.excess))?;
    }
    for (chain, points) in found.points.iter().enumerate() {
        let [sums, rests] = points.values();
        writer.array(&points_name(chain), [sums])?;
        writer.array(&format!("{}_rest", points_name(chain)), [rests])?;
    }
    writer.array("skipped", [found.skipped.as_slice()])?;
    writer.finish(header)
}

/// Reads what [`write_rows`] wrote.
pub(super) fn read_rows(file: &PartFile, header: &Header) -> Result<RowSums, Finding> {
    let mut sums = Vec::new();
    while file.length(&name(sums.len(), SUMS[0])).is_some() {
        sums.push(read_level(file, sums.len())?);
    }
    let mut points = Vec::new();
    if let Some(dim) = header.point_columns {
        while points.is_empty() || file.length(&points_name(points.len())).is_some() {
            let name = points_name(points.len());
            let read = PointSums::of_values(dim, file.read(&name)?, file.read(&format!("{name}_rest"))?);
            points.push(read.ok_or_else(|| different_lengths(file))?);
        }
    }
    Ok(RowSums {
        rows: header.range.0..header.range.1,
        sums,
        points,
        skipped: file.read("skipped")?,
        counts: header.counts,
    })
}

fn read_level(file: &PartFile, level: usize) -> Result<ClusterSums, Finding> {
    let counts = |which: usize| file.read::<u64>(&name(level, SUMS[which]));
    let reals = |which: usize| file.read::<f64>(&name(level, SUMS[which]));
    let (size, inertia, distance) = (counts(0)?, reals(1)?, reals(2)?);
    let (max_squared, simplified_silhouette, misassigned, excess) = (reals(3)?, reals(4)?, counts(5)?, reals(6)?);
    let lengths = [
        inertia.len(),
        distance.len(),
        max_squared.len(),
        simplified_silhouette.len(),
        misassigned.len(),
        excess.len(),
    ];
    if lengths.iter().any(|&length| length != size.len()) {
        return Err(different_lengths(file).expected(format!("{} each", size.len())).found(format!("{lengths:?}")));
    }
    let sums = |at: usize| Sums {
        size: size[at],
        inertia: inertia[at],
        distance: distance[at],
        max_squared: max_squared[at],
        simplified_silhouette: simplified_silhouette[at],
        misassigned: misassigned[at],
        excess: excess[at],
    };
    Ok(ClusterSums::of_clusters((0..size.len()).map(sums).collect()))
}

fn different_lengths(file: &PartFile) -> Finding {
    let finding = Finding::new("the arrays of a partial result have different lengths");
    finding.file(file.path()).hint("rerun this part")
}

/// Writes the results of comparing points with points.
pub(super) fn write_outer(path: &Path, header: &Header, found: &OuterSums) -> Result<()> {
    let mut writer = Writer::create(path)?;
    for (level, running) in found.running.iter().enumerate() {
        writer.array(&name(level, RUNNING[0]), [running.own.as_slice()])?;
        writer.array(&name(level, RUNNING[1]), [running.open.as_slice()])?;
        writer.array(&name(level, RUNNING[2]), [running.best.as_slice()])?;
        writer.array(&name(level, "best_first"), [running.best_first.as_slice()])?;
    }
    for (level, values) in found.values.iter().enumerate() {
        writer.array(&name(level, "silhouette"), [values.as_slice()])?;
    }
    writer.finish(header)
}

/// Reads what [`write_outer`] wrote.
pub(super) fn read_outer(file: &PartFile, header: &Header) -> Result<OuterSums, Finding> {
    let (cut, steps, of_steps) = header.sweep.unwrap_or_default();
    let mut found = OuterSums {
        outer: header.range.0..header.range.1,
        cut,
        steps,
        of_steps,
        running: Vec::new(),
        values: Vec::new(),
        counts: header.counts,
    };
    while file.length(&name(found.running.len(), RUNNING[0])).is_some() {
        let level = found.running.len();
        let reals = |which: usize| file.read::<f64>(&name(level, RUNNING[which]));
        let best_first = file.read(&name(level, "best_first"))?;
        found.running.push(Running { own: reals(0)?, open: reals(1)?, best: reals(2)?, best_first });
    }
    while file.length(&name(found.values.len(), "silhouette")).is_some() {
        found.values.push(file.read(&name(found.values.len(), "silhouette"))?);
    }
    let points = header.range.1.saturating_sub(header.range.0);
    let lengths = found.running.iter().flat_map(|r| [r.own.len(), r.open.len(), r.best.len(), r.best_first.len()]);
    if lengths.chain(found.values.iter().map(Vec::len)).any(|length| length as u64 != points) {
        return Err(Finding::new("the array lengths of a partial result don't match its range")
            .file(file.path())
            .expected(format!("{points} each"))
            .hint("rerun this part"));
    }
    Ok(found)
}

/// `points`, `points2`, ...: sums of the points on the lowest level of each chain of levels.
fn points_name(chain: usize) -> String {
    if chain == 0 { "points".to_owned() } else { format!("points{}", chain + 1) }
}

/// `level0/size`: levels are numbered by their position among the evaluated ones.
fn name(level: usize, array: &str) -> String {
    format!("level{level}/{array}")
}
