//! Two runs side by side: figures, clusters, and how far the clusterings agree.
//!
//! | module | what it knows |
//! |---|---|
//! | `figures` | the figures of a level, and which of them got better |
//! | `clusters` | which clusters are the same in both, and which of them got better |
//! | `between` | agreement of the clusters themselves |
//! | `gates` | what must not be of two runs |
//! | `tables` | compare.json, compare.csv, and what is printed |

mod between;
mod clusters;
mod figures;
mod gates;
mod tables;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::folder::RECORD;
use crate::metrics::agreement::Contingency;
use crate::metrics::{Better, Metric};
use crate::plan::record::{InputFile, Level, RunRecord};
pub use between::Between;
pub use clusters::{ClusterChange, ClusterChanges};
pub use figures::{FigureChange, Outcome};
pub use gates::{Gate, Subject};
pub use tables::{as_text, write_csv, write_json};

/// The two runs.
#[derive(Debug)]
pub struct Pair {
    /// The first, which the other is held against.
    pub a: RunRecord,
    /// The second.
    pub b: RunRecord,
    /// Levels that both have, ascending.
    pub levels: Vec<u32>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The first run.
    pub a: Side,
    /// The second run.
    pub b: Side,
    /// Why the clusterings could not be compared with each other, where they could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apart: Option<String>,
    /// The levels that both have.
    pub levels: Vec<LevelComparison>,
}

/// One of the runs.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// Its folder, as it was named.
    pub folder: PathBuf,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// Version of the program.
    pub version: String,
    /// The clustering's folder.
    pub clustering: PathBuf,
}

/// One level of both runs.
#[derive(Debug, Clone, Serialize)]
pub struct LevelComparison {
    /// 1-based.
    pub level: u32,
    /// Every figure that one of them has.
    pub figures: Vec<FigureChange>,
    /// How far the clusterings agree; none where they could not be compared.
    pub between: Option<Between>,
    /// Clusters that got better or worse; none where they could not be compared.
    pub clusters: Option<ClusterChanges>,
}

/// How the clusters of a level are known to be those of the other run.
#[derive(Debug)]
pub enum Relation {
    /// They have been read from the very same files.
    Same,
    /// By their points: a row per cluster of A, a column per cluster of B.
    Table(Contingency),
    /// Not at all.
    Unknown,
}

/// Which clusters are shown.
#[derive(Clone, Copy)]
pub struct Shown {
    /// A figure of clusters that is better one way.
    pub by: &'static dyn Metric,
    /// So many that got better and so many that got worse.
    pub top: usize,
}

impl Pair {
    /// Reads the records of two folders.
    ///
    /// # Errors
    /// `Input` where one can't be read, or they have no level in common.
    pub fn read(a: &Path, b: &Path) -> Result<Pair> {
        let mut findings = Findings::new();
        let (first, second) = (findings.take(read_folder(a)), findings.take(read_folder(b)));
        findings.into_result()?;
        let (Some(first), Some(second)) = (first, second) else {
            return Err(Error::input(Finding::new("a record can't be read")));
        };
        let numbers = |record: &RunRecord| record.levels.iter().map(|level| level.level).collect::<Vec<_>>();
        let (of_a, of_b) = (numbers(&first), numbers(&second));
        let levels: Vec<u32> = of_a.iter().copied().filter(|level| of_b.contains(level)).collect();
        if levels.is_empty() {
            let finding = Finding::new("the runs have no level in common").file(b);
            return Err(Error::input(
                finding.expected(format!("any of {of_a:?}, as in {}", a.display())).found(format!("{of_b:?}")),
            ));
        }
        Ok(Pair { a: first, b: second, levels })
    }

    /// Refuses to show clusters by a figure that one of the runs does not have, or of which neither way is good.
    ///
    /// # Errors
    /// `Usage`.
    pub fn check(&self, shown: Shown) -> Result<()> {
        let name = shown.by.name();
        if shown.by.better() == Better::Neither {
            let finding = Finding::new(format!("clusters get neither better nor worse by `{name}`"));
            return Err(Error::usage(finding.hint("name another figure of clusters with --by")));
        }
        let lacks = |record: &RunRecord| record.levels.iter().any(|level| level.clusters.get(name).is_none());
        match [("A", &self.a), ("B", &self.b)].into_iter().find(|(_, record)| lacks(record)) {
            None => Ok(()),
            Some((side, _)) => {
                let finding = Finding::new(format!("run {side} has no `{name}` of clusters"));
                Err(Error::usage(finding.hint("name another figure with --by, or run `metrics` again with this one")))
            }
        }
    }

    /// Whether both judged the very same clustering: files of the same path, size and time.
    pub fn same_clustering(&self) -> bool {
        let same = |(a, b): (&InputFile, &InputFile)| {
            (&a.path, a.bytes, &a.modified) == (&b.path, b.bytes, &b.modified) && a.modified.is_some()
        };
        let (a, b) = (&self.a.inputs, &self.b.inputs);
        let subset = a.subset.iter().count() == b.subset.iter().count() && a.subset.iter().zip(&b.subset).all(same);
        // one may have opened fewer levels than the other
        a.rows == b.rows && subset && a.hierarchy.iter().zip(&b.hierarchy).all(same)
    }

    /// Puts the levels side by side, `related` to each other in their order. `apart` says why they are not, where it is so.
    pub fn compare(
        &self,
        folders: [&Path; 2],
        related: &[Relation],
        apart: Option<String>,
        shown: Shown,
    ) -> Comparison {
        let levels = self.levels.iter().zip(related).filter_map(|(&number, relation)| {
            Some(self.level(level_of(&self.a, number)?, level_of(&self.b, number)?, relation, shown))
        });
        let side = |folder: &Path, record: &RunRecord| Side {
            folder: folder.to_owned(),
            started: record.started.clone(),
            version: record.version.clone(),
            clustering: record.inputs.clustering.clone(),
        };
        Comparison { a: side(folders[0], &self.a), b: side(folders[1], &self.b), apart, levels: levels.collect() }
    }

    fn level(&self, a: &Level, b: &Level, relation: &Relation, shown: Shown) -> LevelComparison {
        LevelComparison {
            level: a.level,
            figures: figures::changes(a, b, &self.a.metrics, &self.b.metrics),
            between: Between::of(relation, a),
            clusters: clusters::changes(a, b, relation, shown),
        }
    }
}

fn level_of(record: &RunRecord, number: u32) -> Option<&Level> {
    record.levels.iter().find(|level| level.level == number)
}

fn read_folder(folder: &Path) -> Result<RunRecord, Finding> {
    let path = folder.join(RECORD);
    if path.is_file() {
        return RunRecord::read(&path);
    }
    let finding = Finding::new("the folder holds no finished run").file(folder).expected(format!("{RECORD} in it"));
    Err(finding.hint("name two folders that `clustrata metrics` or `merge` wrote"))
}

#[cfg(test)]
mod tests;
