//! The centroids of every level, and the parent of every cluster: all that assigning other rows needs. The members of level 1
//! are not read, so the rows that were clustered need not be there.

use std::path::{Path, PathBuf};

use super::checks::{self, Ground, Membership};
use super::layout;
use super::open::group;
use crate::base::error::{Finding, Findings};
use crate::formats::npy::Matrix;
use crate::formats::pickle::read_clusters;

/// Clusters of one level are numbered in 31 bits: labels are stored as int32.
const MOST: usize = i32::MAX as usize;

/// One level.
#[derive(Debug)]
pub struct CentroidLevel {
    /// 1-based.
    pub number: u32,
    /// `[k, d]`.
    pub centroids: Matrix,
    /// The cluster of this level for every cluster of the level below. Empty on level 1, and where no parents are known.
    pub parent: Vec<u32>,
    /// Clusters whose centroids are finite, ascending. The others can't be the nearest of any row.
    pub finite: Vec<u32>,
    /// The files it was read from.
    pub files: Vec<PathBuf>,
}

/// The levels from 1 on, without a gap.
#[derive(Debug)]
pub struct CentroidLevels {
    /// Level 1 first.
    pub levels: Vec<CentroidLevel>,
}

impl CentroidLevels {
    /// Reads the folder `clustering`, whose centroids must have `dim` columns. Checks that every cluster is in exactly one
    /// cluster of the next level. Adds every problem to `findings`; the result is then `None`.
    pub fn open(
        clustering: &Path,
        dim: usize,
        findings: &mut Findings,
        warnings: &mut Vec<String>,
    ) -> Option<CentroidLevels> {
        let before = findings.count();
        let numbers = layout::levels(clustering, &[], findings);
        let mut levels: Vec<CentroidLevel> = Vec::new();
        for number in numbers {
            let below = levels.last().filter(|below| below.number + 1 == number);
            let below = below.map(|below| below.centroids.view().rows());
            levels.extend(open_level(clustering, number, below, dim, findings, warnings));
        }
        (findings.count() == before).then_some(CentroidLevels { levels })
    }

    /// Opens matrices of centroids, level 1 first, which must have `dim` columns. No cluster has a parent.
    pub fn of_files(
        files: &[PathBuf],
        dim: usize,
        findings: &mut Findings,
        warnings: &mut Vec<String>,
    ) -> Option<CentroidLevels> {
        let before = findings.count();
        let mut levels = Vec::new();
        for (number, file) in (1..).zip(files) {
            levels.extend(open_centroids(number, file, dim, findings, warnings));
        }
        (findings.count() == before).then_some(CentroidLevels { levels })
    }
}

/// Opens one level. `below` is the number of clusters of the level below, if that could be read.
fn open_level(
    clustering: &Path,
    number: u32,
    below: Option<usize>,
    dim: usize,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) -> Option<CentroidLevel> {
    if number == 1 {
        let file = findings.take(layout::locate_centroids(clustering, number, warnings))?;
        return open_centroids(number, &file, dim, findings, warnings);
    }
    let files = findings.take(layout::locate(clustering, number, warnings))?;
    let level = open_centroids(number, &files.centroids, dim, findings, warnings);
    let clusters = findings.take(read_clusters(&files.clusters).map_err(|finding| finding.level(number)))?;
    let mut level = level?;
    findings.take(checks::counts(number, &files, clusters.len(), &level.centroids))?;
    let sizes = vec![1; below?];
    let ground = Ground::Clusters(&sizes);
    let check = Membership { number, file: &files.clusters, ground, allow_unassigned: false, subset_hint: None };
    let (_, parent) = group(&check, clusters, 0, findings)?;
    level.parent = parent;
    level.files.push(files.clusters);
    Some(level)
}

fn open_centroids(
    number: u32,
    file: &Path,
    dim: usize,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) -> Option<CentroidLevel> {
    let centroids = findings.take(Matrix::open(file).map_err(|finding| finding.level(number)))?;
    let view = centroids.view();
    let refused = |what: &str| Finding::new(what).level(number).file(file);
    if view.cols() != dim {
        let finding = refused("centroids and embeddings differ in their number of dimensions")
            .expected(format!("{dim} columns, as in the embeddings"))
            .found(view.cols().to_string());
        findings.push(finding.hint("name embeddings of the model whose embeddings were clustered"));
        return None;
    }
    if view.rows() > MOST {
        let finding = refused("too many clusters").expected(format!("at most {MOST}, as labels are stored as int32"));
        findings.push(finding.found(view.rows().to_string()));
        return None;
    }
    let mut row = vec![0.0; dim];
    let mut is_finite = |cluster: u32| {
        view.copy_row(cluster as usize, &mut row);
        // no early exit, so that the compiler can vectorise; beyond float32 a device can't search
        row.iter().fold(true, |all, value| all & (value.abs() <= f64::from(f32::MAX)))
    };
    let finite: Vec<u32> = (0..).take(view.rows()).filter(|&cluster| is_finite(cluster)).collect();
    if finite.is_empty() {
        let finding = refused("no centroid is finite").expected("values of at most 3.4e38 in at least one row");
        findings.push(finding.hint("look for NaN in the embeddings that were clustered, and cluster again"));
        return None;
    }
    let broken = view.rows() - finite.len();
    if broken > 0 {
        let what = "hold NaN, an infinity or a value beyond float32: no row is assigned to them";
        warnings.push(format!("level {number}: {broken} of {} centroids {what}", view.rows()));
    }
    Some(CentroidLevel { number, finite, parent: Vec::new(), files: vec![file.to_owned()], centroids })
}
