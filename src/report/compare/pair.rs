//! The records of two runs, and comparing them.

use std::path::Path;

use super::between::Between;
use super::clusters::{self, ClusterSelection};
use super::comparison::{Comparison, LevelComparison, Side};
use super::data::{SameData, same_file};
use super::judgement::Judgement;
use super::metric_changes;
use super::relation::Relation;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::folder::RECORD;
use crate::metrics::{Better, Column};
use crate::plan::record::{InputFile, Level, RunRecord};

/// The records of two runs.
#[derive(Debug)]
pub struct Pair {
    /// The first, the baseline.
    pub a: RunRecord,
    /// The second.
    pub b: RunRecord,
    /// Levels that both runs have, ascending.
    pub levels: Vec<u32>,
}

impl Pair {
    /// Reads the records of two folders.
    ///
    /// # Errors
    /// `Input` if a record can't be read, or if the runs have no level in common.
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
                finding
                    .expected(format!("one of the levels {of_a:?} of {}", a.display()))
                    .found(format!("levels {of_b:?}")),
            ));
        }
        Ok(Pair { a: first, b: second, levels })
    }

    /// Checks that clusters can be compared by a metric.
    ///
    /// # Errors
    /// `Usage` if one of the runs lacks the metric, or if neither direction of it is better.
    pub fn check(&self, selection: ClusterSelection) -> Result<()> {
        let name = selection.by.name();
        if selection.by.better() == Better::Neither {
            let finding = Finding::new(format!("`{name}` does not tell whether a cluster improved"));
            return Err(Error::usage(finding.hint("choose another metric of clusters with --by")));
        }
        let lacks = |record: &RunRecord| record.levels.iter().any(|level| level.clusters.get(name).is_none());
        match [("A", &self.a), ("B", &self.b)].into_iter().find(|(_, record)| lacks(record)) {
            None => Ok(()),
            Some((side, _)) => {
                let finding = Finding::new(format!("run {side} has no metric `{name}` of clusters"));
                Err(Error::usage(
                    finding.hint("choose another metric with --by, or run `clustrata metrics` again with this one"),
                ))
            }
        }
    }

    /// Points of each cluster of a level of A.
    pub fn sizes(&self, level: u32) -> Vec<u64> {
        match level_of(&self.a, level).and_then(|level| level.clusters.get("size")) {
            Some(Column::Count(sizes)) => sizes.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether both runs read the same clustering: files with equal path, size and modification time.
    pub fn same_clustering(&self) -> bool {
        let same = |(a, b): (&InputFile, &InputFile)| same_file(a, b);
        let (a, b) = (&self.a.inputs, &self.b.inputs);
        let subset = a.subset.iter().count() == b.subset.iter().count() && a.subset.iter().zip(&b.subset).all(same);
        // a file of labels has a column per clustering
        let columns = a.assignments.iter().zip(&b.assignments).all(|(a, b)| a.column == b.column);
        // one may have opened fewer levels than the other
        a.rows == b.rows && subset && columns && a.hierarchy.iter().zip(&b.hierarchy).all(same)
    }

    /// Compares the runs. `related` has an entry per level of [`Pair::levels`]; `apart` says why the clusterings could not be
    /// compared, if so.
    pub fn compare(
        &self,
        folders: [&Path; 2],
        related: &[Relation],
        apart: Option<String>,
        selection: ClusterSelection,
    ) -> Comparison {
        let levels = self.levels.iter().zip(related).filter_map(|(&number, relation)| {
            Some(self.level(level_of(&self.a, number)?, level_of(&self.b, number)?, relation, selection))
        });
        let side = |folder: &Path, record: &RunRecord| Side {
            folder: folder.to_owned(),
            started: record.started.clone(),
            version: record.version.clone(),
            clustering: record.inputs.clustering.clone(),
            rows: record.inputs.rows,
            dim: record.inputs.dim,
            levels: record.levels.iter().map(|level| level.level).collect(),
        };
        let levels: Vec<LevelComparison> = levels.collect();
        let data = SameData::of(&self.a, &self.b);
        let verdict = Judgement::of(levels.iter().map(|level| (level.level, &*level.metrics)), &data);
        Comparison { a: side(folders[0], &self.a), b: side(folders[1], &self.b), data, verdict, apart, levels }
    }

    fn level(&self, a: &Level, b: &Level, relation: &Relation, selection: ClusterSelection) -> LevelComparison {
        LevelComparison {
            level: a.level,
            metrics: metric_changes::changes(a, b, &self.a.metrics, &self.b.metrics),
            between: Between::of(relation, a),
            clusters: clusters::changes(a, b, relation, selection),
        }
    }
}

/// A level by its number.
pub(super) fn level_of(record: &RunRecord, number: u32) -> Option<&Level> {
    record.levels.iter().find(|level| level.level == number)
}

fn read_folder(folder: &Path) -> Result<RunRecord, Finding> {
    let path = folder.join(RECORD);
    if path.is_file() {
        return RunRecord::read(&path);
    }
    let finding = Finding::new("the folder holds no finished run").file(folder).expected(format!("{RECORD} in it"));
    Err(finding.hint("give two folders written by `clustrata metrics` or `clustrata merge`"))
}
