//! The means of a clustering that was given as labels without centroids, stored beside the parts: all parts and a resumed run
//! need the same ones.
//!
//! One process computes them while the others wait. It reads all rows once and does little else, so splitting that over the
//! parts would save less than another round of jobs costs.

use std::path::PathBuf;
use std::time::Duration;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::formats::atomic_file::remove_unfinished;
use crate::formats::folder::{LockedFolder, PARTS};
use crate::formats::part_file::{PartFile, Writer};
use crate::plan::Plan;
use crate::plan::fingerprint::RunFingerprint;

/// File name, beside the parts.
const NAME: &str = "centroids.part";

/// Interval between two checks for the result of another process.
const POLL: Duration = Duration::from_millis(200);

/// The file of the means.
pub struct StoredMeans {
    folder: PathBuf,
    header: Header,
    dim: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    stage: String,
    /// Hash of the inputs that the means depend on.
    of: String,
    /// Number of clusters of each level.
    clusters: Vec<usize>,
}

impl StoredMeans {
    /// The means of this run's labels. `agreement` is the run's fingerprint.
    pub fn of(plan: &Plan, agreement: &RunFingerprint) -> StoredMeans {
        let inputs = RunFingerprint {
            metrics: Vec::new(),
            silhouette: String::new(),
            seed: 0,
            distances: serde_json::Value::Null,
            ..agreement.clone()
        };
        let clusters = plan.hierarchy.levels.iter().map(|level| level.sizes.len()).collect();
        let header = Header { stage: "centroids".to_owned(), of: inputs.hash(), clusters };
        StoredMeans { folder: plan.settings.out.join(PARTS), header, dim: plan.embeddings.dim() }
    }

    /// The stored means, or else those that `compute` returns, which are stored if `keep` says so. Waits while another
    /// process computes them; `check` can end the wait.
    ///
    /// # Errors
    /// Those of `compute` and `check`; `Failed` if the folder can't be locked.
    pub fn provide(
        &self,
        compute: impl FnOnce() -> Result<Vec<Array2<f64>>>,
        keep: impl FnOnce() -> bool,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<Array2<f64>>> {
        let lock = loop {
            if let Some(means) = self.read() {
                return Ok(means);
            }
            match LockedFolder::try_open(&self.folder)? {
                Some(lock) => break lock,
                None => check()?,
            }
            std::thread::sleep(POLL);
        };
        // another process may have stored them before we got the lock
        if let Some(means) = self.read() {
            return Ok(means);
        }
        if lock.is_held() {
            let failed = |e: std::io::Error| Error::io("can't clear what a killed process left", &self.folder, &e);
            remove_unfinished(&self.folder).map_err(failed)?;
        }
        let means = compute()?;
        // storing them only saves others the work
        if keep()
            && let Err(error) = self.write(&means)
        {
            tracing::warn!("can't store the means of the clusters: {error}");
        }
        Ok(means)
    }

    /// Removes the file.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(self.path());
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn read(&self) -> Option<Vec<Array2<f64>>> {
        let file = PartFile::glance(&self.path()).ok()?;
        if file.header_as::<Header>().ok()? != self.header {
            return None;
        }
        let level = |(level, &clusters): (usize, &usize)| {
            let values = file.read(&format!("level{level}/means")).ok()?;
            Array2::from_shape_vec((clusters, self.dim), values).ok()
        };
        self.header.clusters.iter().enumerate().map(level).collect()
    }

    fn write(&self, means: &[Array2<f64>]) -> Result<()> {
        let mut writer = Writer::create(&self.path())?;
        for (level, means) in means.iter().enumerate() {
            writer.array(&format!("level{level}/means"), [means.as_slice().unwrap_or_default()])?;
        }
        writer.finish(&self.header)
    }
}

/// The file of the means in an output folder, if there is one.
pub(super) fn file_in(out: &std::path::Path) -> Option<PathBuf> {
    Some(out.join(PARTS).join(NAME)).filter(|path| path.is_file())
}
