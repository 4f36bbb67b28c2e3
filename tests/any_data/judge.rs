//! The program's metrics of a data set, by its library.

use clustrata::backend::Backend;
use clustrata::base::error::Result;
use clustrata::engine::checkpoint_store::NoCheckpoints;
use clustrata::evaluate::{Clock, DistanceSinks, Evaluation};
use clustrata::plan::Plan;
use clustrata::plan::record::Level;
use clustrata::plan::settings::{Options, Silhouette};
use serde_json::Value;

use crate::common::{Dtype, npy, scratch};
use crate::data::Set;
use crate::points::NoProgress;

/// A data set in files, checked and ready for any device.
pub(crate) struct Ready {
    plan: Plan,
    _folder: tempfile::TempDir,
}

impl Ready {
    pub(crate) fn of(set: &Set) -> Result<Ready> {
        let folder = scratch();
        let (clustering, embeddings) = set.clustering.write(folder.path());
        if set.single_centroids {
            for (number, (_, centroids)) in set.clustering.levels.iter().enumerate() {
                let path = clustering.join(format!("level{}/centroids.npy", number + 1));
                std::fs::write(path, npy(centroids, Dtype::F4)).expect("writes");
            }
        }
        let options = Options {
            clustering: Some(clustering),
            embeddings: vec![embeddings.display().to_string()],
            metrics: vec!["all".to_owned()],
            silhouette: Some(Silhouette::Exact),
            yes: Some(true),
            device: Some("cpu".to_owned()),
            out: Some(folder.path().join("out")),
            ..Options::default()
        };
        let plan = Plan::check(options.resolve()?)?;
        Ok(Ready { plan, _folder: folder })
    }

    /// The levels as a record has them.
    pub(crate) fn judged_on(&self, backend: &dyn Backend) -> Result<Vec<Value>> {
        let plan = &self.plan;
        let job = plan.job(plan.tile_rows());
        let evaluation = Evaluation {
            embeddings: &plan.embeddings,
            hierarchy: &plan.hierarchy,
            labels: None,
            levels: &plan.levels,
            rows: 0..plan.embeddings.rows(),
            backend,
            job: &job,
            tiling: backend.tiling(&job)?,
            nonfinite: plan.settings.nonfinite,
            wanted: plan.wanted(),
            watch: &NoProgress,
            checkpoints: &NoCheckpoints,
            clock: Clock::default(),
        };
        let found = evaluation.run(DistanceSinks::default())?;
        let level = |level| serde_json::to_value(Level::new(level, &plan.metrics, &plan.ranking)).expect("JSON");
        Ok(found.levels.iter().map(level).collect())
    }
}
