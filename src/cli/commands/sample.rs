//! `clustrata sample`: a balanced sample of a clustering's points.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::sample_names;
use crate::base::error::{Error, Finding, Result};
use crate::base::signals;
use crate::base::text::counted;
use crate::cli::args::SampleArgs;
use crate::formats::hierarchy_writer::write_indices;
use crate::formats::labels::label_files;
use crate::kmeans::sampling::{self, Request, Selection, Source, Strategy};
use crate::plan::settings::beside;

pub(super) fn run(args: &SampleArgs) -> Result<String> {
    check_suffix(&args.name_suffix)?;
    let is_labels = label_files(&args.clustering).is_some();
    if is_labels && args.sampling_strategy == Strategy::Closest {
        let finding = Finding::new("the rows of label files are not sorted by distance").found("--sampling-strategy c");
        return Err(Error::usage(finding.hint("use --sampling-strategy r")));
    }
    let mut warnings = Vec::new();
    let source = Source {
        clustering: &args.clustering,
        level_columns: &args.level_columns,
        top: args.level,
        subset: args.subset_indices.as_deref(),
        valid: args.valid_indices.as_deref(),
    };
    let tree = sampling::open(source, &mut warnings)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    signals::go_on()?;
    let path = file(args, is_labels, tree.height());
    let images = sample_names::open(args, &beside(&args.clustering, is_labels, "metrics"))?;
    let list = images.as_ref().map(|_| path.with_extension("txt"));
    let exists = [Some(&path), list.as_ref()].into_iter().flatten().find(|path| path.exists());
    if let Some(path) = exists.filter(|_| !args.force) {
        let finding = Finding::new("a selection with this name exists already").file(path);
        return Err(Error::usage(finding.hint("add --force to replace it, or --name-suffix for another name")));
    }
    let request = Request {
        target: args.target_size.get(),
        multiplier: args.multiplier.get(),
        strategy: args.sampling_strategy,
        seed: args.seed,
    };
    let mut selection = sampling::select(&tree, request).map_err(Error::usage)?;
    signals::go_on()?;
    let summary = Summary {
        level: tree.height(),
        available: tree.rows().len(),
        unique: unique(&selection.rows),
        path: &path,
        images: list.as_deref(),
    };
    let report = if args.json { summary.as_json(&selection) } else { summary.as_text(&selection) };
    if args.sort_indices {
        selection.rows.sort_unstable();
    }
    // a row without a name leaves nothing behind
    let names = images.map(|images| images.lines(&selection.rows)).transpose()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::io("can't create the folder of the selection", folder, &e))?;
    }
    if let Some((names, list)) = names.zip(list) {
        sample_names::write(&names, &list)?;
    }
    write_indices(&path, selection.rows.into_iter())?;
    Ok(report)
}

fn check_suffix(suffix: &str) -> Result<()> {
    if !suffix.contains(['/', '\\', '\0']) {
        return Ok(());
    }
    let finding = Finding::new("a suffix can't name another folder").found(suffix);
    Err(Error::usage(finding.hint("name the folder with --out")))
}

/// The path of the selection, named as upstream names it.
fn file(args: &SampleArgs, is_labels: bool, levels: usize) -> PathBuf {
    let folder = args.out.clone().unwrap_or_else(|| beside(&args.clustering, is_labels, "curated_datasets"));
    let (letter, multiplier, target) = (args.sampling_strategy.letter(), args.multiplier, args.target_size);
    let suffix = if args.name_suffix.is_empty() { String::new() } else { format!("_{}", args.name_suffix) };
    folder.join(format!("{levels}{letter}_mul{multiplier}_{target}_balanced_selection{suffix}.npy"))
}

fn unique(rows: &[u64]) -> usize {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows.dedup();
    rows.len()
}

/// What is printed about a selection.
struct Summary<'a> {
    level: usize,
    available: usize,
    unique: usize,
    path: &'a Path,
    images: Option<&'a Path>,
}

impl Summary<'_> {
    fn as_text(&self, selection: &Selection) -> String {
        let (rows, clusters) = (selection.rows.len(), selection.per_cluster.len());
        let [least, median, most] = spread(&selection.per_cluster);
        let images = self.images.map_or(String::new(), |list| format!("\n{}", list.display()));
        let repeated = if rows == self.unique { String::new() } else { format!(" ({} distinct)", self.unique) };
        format!(
            "{}{repeated} of {} available, from {} of level {}\n\
             {least} to {most} per cluster, median {median}\n\
             {}{images}",
            counted(rows, "row"),
            self.available,
            counted(clusters, "cluster"),
            self.level,
            self.path.display()
        )
    }

    fn as_json(&self, selection: &Selection) -> String {
        let [least, median, most] = spread(&selection.per_cluster);
        let summary = json!({
            "file": self.path.to_string_lossy(),
            "images": self.images.map(Path::to_string_lossy),
            "rows": selection.rows.len(),
            "unique_rows": self.unique,
            "available_rows": self.available,
            "level": self.level,
            "clusters": selection.per_cluster.len(),
            "rows_per_cluster": {"min": least, "median": median, "max": most},
        });
        format!("{summary:#}")
    }
}

/// Minimum, (lower) median and maximum.
fn spread(counts: &[u64]) -> [u64; 3] {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    let at = |place: usize| counts.get(place).copied().unwrap_or(0);
    let last = counts.len().saturating_sub(1);
    [at(0), at(last / 2), at(last)]
}
