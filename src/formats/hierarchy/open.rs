//! Opens a hierarchy level by level, from level 1 up.

use std::path::{Path, PathBuf};

use super::checks::{self, Ground};
use super::layout;
use super::members::Members;
use super::{Hierarchy, HierarchyOptions, Level};
use crate::base::error::{Finding, Findings};
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::formats::npy::Matrix;
use crate::formats::pickle::{Clusters, read_clusters};
use crate::formats::subset;
use crate::formats::upstream::Upstream;

impl Hierarchy {
    /// Opens and validates the folder `clustering`, which clusters embeddings with `rows` rows and `dim` columns. Checks the
    /// files, the shapes, that every member exists, and that every row and every cluster is in exactly one cluster of the
    /// next level. Adds every problem to `findings`; the result is then `None`. Adds mere oddities, such as a config.yaml
    /// that disagrees, to `warnings`.
    pub fn open(
        clustering: &Path,
        rows: u64,
        dim: usize,
        options: HierarchyOptions,
        findings: &mut Findings,
        warnings: &mut Vec<String>,
    ) -> Option<Hierarchy> {
        let before = findings.count();
        let upstream = Upstream::read(clustering, warnings).unwrap_or_default();
        if let Some(subset) = &options.subset {
            findings.take(subset::check(subset, rows))?;
        }
        let numbers = layout::levels(clustering, &options.levels, findings);
        if options.levels.is_empty() {
            warnings.extend(checks::levels_asked(&upstream, numbers.len()));
        }
        let subset_hint = upstream.subset_path(clustering);
        let mut opener = Opener { clustering, rows, dim, options, subset_hint, findings, warnings };
        let mut labels = Vec::new();
        let mut levels: Vec<Level> = Vec::new();
        for number in numbers {
            let below = levels.last().filter(|below| below.number + 1 == number).map(|below| below.sizes.as_slice());
            if let Some(level) = opener.level(number, below, &mut labels) {
                opener.warnings.extend(checks::clusters_asked(&upstream, number, level.sizes.len()));
                levels.push(level);
            }
        }
        let subset = opener.options.subset;
        (findings.count() == before).then_some(Hierarchy { levels, labels, upstream, subset })
    }

    /// Checks without the embeddings whether the files of every level exist.
    pub fn look_for_files(clustering: &Path, levels: &[u32], findings: &mut Findings) {
        for number in layout::levels(clustering, levels, findings) {
            findings.take(layout::locate(clustering, number, &mut Vec::new()));
        }
    }
}

struct Opener<'a> {
    clustering: &'a Path,
    rows: u64,
    dim: usize,
    options: HierarchyOptions,
    /// Path of the subset in config.yaml, for the message about unassigned rows.
    subset_hint: Option<PathBuf>,
    findings: &'a mut Findings,
    warnings: &'a mut Vec<String>,
}

impl Opener<'_> {
    /// Reads and checks one level. `below` holds the cluster sizes of the level below. If that level could not be read, only
    /// this level's own files are checked.
    fn level(&mut self, number: u32, below: Option<&[u64]>, labels: &mut Vec<u32>) -> Option<Level> {
        let sources = self.findings.take(layout::locate(self.clustering, number, self.warnings))?;
        let centroids = self.findings.take(Matrix::open(&sources.centroids).map_err(|finding| finding.level(number)));
        if let Some(centroids) = &centroids {
            self.findings.take(checks::dimensions(number, &sources, centroids, self.dim));
        }
        let clusters = self.findings.take(read_clusters(&sources.clusters).map_err(|finding| finding.level(number)))?;
        if let Some(centroids) = &centroids {
            self.findings.take(checks::counts(number, &sources, clusters.len(), centroids));
        }
        let ground = match (number, below, &self.options.subset) {
            (1, _, None) => Ground::Rows(self.rows),
            (1, _, Some(subset)) => Ground::Subset(subset),
            (_, Some(sizes), _) => Ground::Clusters(sizes),
            (_, None, _) => return None,
        };
        let allow_unassigned = number == 1 && self.options.allow_unassigned;
        let check = checks::Membership {
            number,
            file: &sources.clusters,
            ground,
            allow_unassigned,
            subset_hint: self.subset_hint.as_deref(),
        };
        let (members, table) = group(&check, clusters, self.rows, self.findings)?;
        let sizes = match below {
            None => members.lengths(),
            Some(sizes) => members.sums(|member| sizes.get(to_usize(member)).copied().unwrap_or(0)),
        };
        let centroids = centroids?;
        self.findings.take(checks::finite(number, &sources, &centroids, &sizes));
        let parent = if number == 1 {
            *labels = table;
            Vec::new()
        } else {
            table
        };
        Some(Level { number, centroids, parent, sizes, sources, assigned: None, members })
    }
}

/// Turns lists of members into a table with the cluster of every row of the embeddings (on level 1) or of every cluster of
/// the level below (above it).
pub(super) fn group(
    check: &checks::Membership<'_>,
    clusters: Clusters,
    rows: u64,
    findings: &mut Findings,
) -> Option<(Members, Vec<u32>)> {
    // The largest number means "unassigned".
    if clusters.len() as u64 >= u64::from(UNLABELLED) {
        let finding = Finding::new("too many clusters").level(check.number).file(check.file);
        findings.push(finding.expected(format!("fewer than {UNLABELLED}")).found(clusters.len().to_string()));
        return None;
    }
    findings.take(check.in_range(&clusters));
    let bound = check.ground.len();
    let members = Members::new(clusters, bound);
    let entries = if matches!(check.ground, Ground::Subset(_)) { rows } else { bound };
    let mut table = vec![UNLABELLED; to_usize(entries)];
    let repeats = match check.ground {
        Ground::Subset(subset) => members.assign(&mut table, |member| subset.get(to_usize(member)).copied()),
        Ground::Rows(_) | Ground::Clusters(_) => members.assign(&mut table, Some),
    };
    findings.take(check.once(&repeats));
    findings.take(check.assigned(&table));
    Some((members, table))
}
