//! Centroids for a clustering that was given as labels without them: the means of its clusters.

use std::time::{Duration, Instant};

use super::frontend::Frontend;
use super::parts::StoredMeans;
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::signals;
use crate::evaluate::{StageTime, means_of_labels};
use crate::formats::folder::{OutputFolder, PARTS};
use crate::formats::hierarchy_writer::write_centroids;
use crate::plan::Plan;
use crate::plan::fingerprint::RunFingerprint;

/// Whether to store the means for other processes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Other parts need them.
    Always,
    /// A resumed run needs them, if they took as long as a checkpoint's interval.
    IfSlow(Option<Duration>),
    /// They are there already, or nobody needs them.
    Never,
}

/// Provides the means as the plan's centroids, if it lacks centroids. Returns the time that took.
///
/// # Errors
/// `Input` for non-finite rows that are refused; `Failed` if the means overflow or do not fit into memory.
pub(super) fn provide(
    plan: &mut Plan,
    agreement: &RunFingerprint,
    keep: Keep,
    frontend: &dyn Frontend,
) -> Result<Option<StageTime>> {
    if !plan.hierarchy.lacks_centroids() {
        return Ok(None);
    }
    let started = Instant::now();
    let stored = StoredMeans::of(plan, agreement);
    let mut computed = false;
    let mut compute = || {
        computed = true;
        let settings = &plan.settings;
        means_of_labels(&plan.embeddings, &plan.hierarchy, settings.nonfinite, settings.threads, frontend)
    };
    let keeps = || match keep {
        Keep::Always => true,
        Keep::IfSlow(interval) => interval.is_some_and(|interval| started.elapsed() >= interval),
        Keep::Never => false,
    };
    let means = match keep {
        Keep::Never if !plan.settings.out.join(PARTS).is_dir() => compute()?,
        _ => stored.provide(compute, keeps, &signals::go_on)?,
    };
    if means.iter().any(|level| level.iter().any(|value| !value.is_finite())) {
        let finding = Finding::new("the sums of the points are beyond float64, so the clusters have no means");
        return Err(Error::input(finding.hint("divide the embeddings by a constant, or give --centroids")));
    }
    plan.set_means(means);
    Ok(Some(StageTime { name: "centroids", seconds: started.elapsed().as_secs_f64(), over_rows: computed }))
}

/// Forgets stored means: the run is complete.
pub(super) fn forget(plan: &Plan, agreement: &RunFingerprint) {
    StoredMeans::of(plan, agreement).remove();
}

/// Writes the means to `levelL/centroids.npy`, if they took the place of centroids, and the texts of labels to
/// `levelL/names.csv`.
pub(super) fn write(plan: &Plan, folder: &OutputFolder) -> Result<()> {
    for &level in &plan.levels {
        let level = &plan.hierarchy.levels[level];
        let Some(assigned) = &level.assigned else { continue };
        let relative = |name: &str| format!("level{}/{name}", level.number);
        if let (true, MatrixView::F64(means)) = (assigned.means, level.centroids.view()) {
            let scale = plan.embeddings.scale();
            let means = means.mapv(|value| scale.distance(value));
            write_centroids(&folder.staging(relative("centroids.npy"))?, means.view(), Dtype::F64)?;
        }
        if let Some(names) = &assigned.names {
            let path = folder.staging(relative("names.csv"))?;
            let failed = |e: csv::Error| {
                Error::failed(Finding::new("can't write the names of the clusters").file(&path).found(e.to_string()))
            };
            let mut file = csv::Writer::from_path(&path).map_err(failed)?;
            file.write_record(["cluster", "label"]).map_err(failed)?;
            for (cluster, name) in names.iter().enumerate() {
                file.write_record([&cluster.to_string(), name]).map_err(failed)?;
            }
            file.flush().map_err(|e| Error::io("can't write the names of the clusters", &path, &e))?;
        }
    }
    Ok(())
}
