//! Exact silhouettes of every row, which come together at the end of a run.

use super::kind::{Kind, Kinds};
use super::mapped::Mapped;
use crate::base::error::Result;
use crate::evaluate::DistanceSinks;
use crate::formats::folder::OutputFolder;
use crate::plan::Plan;

/// Memory-mapped buffers of the silhouettes of all rows, one per evaluated level; none if nothing needs them.
pub struct SilhouetteBuffers(pub(super) Vec<Mapped<f32>>);

impl SilhouetteBuffers {
    /// Creates the files below the folder's staging.
    ///
    /// # Errors
    /// `Failed` if the disk is full.
    pub fn create(plan: &Plan, folder: &OutputFolder) -> Result<SilhouetteBuffers> {
        let create = |kind: Kind| Mapped::create(folder.staging(kind.in_output())?, kind, plan.embeddings.rows());
        Ok(SilhouetteBuffers(Kinds::of(plan).silhouettes.into_iter().map(create).collect::<Result<_>>()?))
    }

    /// The slices that the end of the evaluation writes to.
    pub fn sinks(&mut self) -> DistanceSinks<'_> {
        let silhouettes = self.0.iter_mut().map(|mapped| mapped.buffer.values_mut()).collect();
        DistanceSinks { silhouettes, ..DistanceSinks::default() }
    }
}
