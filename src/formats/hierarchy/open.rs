//! Opening a hierarchy: each level in turn, from the first one up.

use std::path::{Path, PathBuf};

use super::checks::{self, Ground};
use super::layout;
use super::members::{Members, index};
use super::{Hierarchy, HierarchyOptions, Level};
use crate::base::error::{Finding, Findings};
use crate::base::matrix::UNLABELLED;
use crate::formats::npy::Matrix;
use crate::formats::pickle::{Clusters, read_clusters};
use crate::formats::subset;
use crate::formats::upstream::Upstream;

impl Hierarchy {
    /// Opens the clustering in folder `clustering` of embeddings with `rows` rows and `dim` columns, and checks all of
    /// it: files, shapes, that every member exists, and that every row and every cluster is in exactly one cluster of
    /// the next level. Whatever is wrong is added to `findings`, and then the result is `None`. What is merely odd, such
    /// as a config.yaml that disagrees, is added to `warnings`.
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

    /// What can be said without embeddings to hold the clustering against: whether the files of every level are there.
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
    /// Where config.yaml says the subset is, for the message about rows in no cluster.
    subset_hint: Option<PathBuf>,
    findings: &'a mut Findings,
    warnings: &'a mut Vec<String>,
}

impl Opener<'_> {
    /// Reads and checks one level. `below` holds the sizes of the clusters of the level below. Where that level could not
    /// be read, the files of this one are checked by themselves.
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
            Some(sizes) => members.sums(|member| sizes.get(index(member)).copied().unwrap_or(0)),
        };
        let centroids = centroids?;
        self.findings.take(checks::finite(number, &sources, &centroids, &sizes));
        let parent = if number == 1 {
            *labels = table;
            Vec::new()
        } else {
            table
        };
        Some(Level { number, centroids, parent, sizes, sources, members })
    }
}

/// Turns the lists of members into a table of clusters: one entry per row of the embeddings on level 1, per cluster of
/// the level below above it.
pub(super) fn group(
    check: &checks::Membership<'_>,
    clusters: Clusters,
    rows: u64,
    findings: &mut Findings,
) -> Option<(Members, Vec<u32>)> {
    // The last number means "in no cluster".
    if u32::try_from(clusters.len()).map_or(true, |count| count == UNLABELLED) {
        let finding = Finding::new("too many clusters").level(check.number).file(check.file);
        findings.push(finding.expected(format!("fewer than {UNLABELLED}")).found(clusters.len().to_string()));
        return None;
    }
    findings.take(check.in_range(&clusters));
    let bound = check.ground.len();
    let members = Members::new(clusters, bound);
    let entries = if matches!(check.ground, Ground::Subset(_)) { rows } else { bound };
    let mut table = vec![UNLABELLED; index(entries)];
    let repeats = match check.ground {
        Ground::Subset(subset) => members.assign(&mut table, |member| subset.get(index(member)).copied()),
        Ground::Rows(_) | Ground::Clusters(_) => members.assign(&mut table, Some),
    };
    findings.take(check.once(&repeats));
    findings.take(check.assigned(&table));
    Some((members, table))
}
