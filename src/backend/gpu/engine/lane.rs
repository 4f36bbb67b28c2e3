//! What all operations of a lane share: its tile on the host, its buffers on the device.

use super::buffers::Buffers;
use super::device::GpuDevice;
use super::exact::ExactRows;
use super::fault::defect;
use super::plan::TilePlan;
use super::submit::Recorder;
use super::units::wide;
use super::upload::HostTile;
use crate::backend::Job;
use crate::base::error::{Error, Result};

/// One tile in flight: its rows on the host, its buffers on the device.
pub(crate) struct LaneState<'a> {
    pub(crate) gpu: &'a GpuDevice,
    pub(crate) job: &'a Job<'a>,
    pub(crate) plan: TilePlan,
    pub(crate) buffers: Buffers,
    pub(crate) tile: HostTile,
    pub(crate) exact: ExactRows<'a>,
    stamp: u32,
}

impl<'a> LaneState<'a> {
    /// Allocates the buffers of `plan`.
    pub(crate) fn new(gpu: &'a GpuDevice, job: &'a Job<'a>, plan: TilePlan) -> Result<LaneState<'a>> {
        let buffers = Buffers::new(gpu, &plan).map_err(|raised| Error::failed(*raised.finding))?;
        let (tile, exact) = (HostTile::new(job.dtype, job.dim), ExactRows::new(job));
        Ok(LaneState { gpu, job, plan, buffers, tile, exact, stamp: 0 })
    }

    /// Starts recording work of this lane.
    pub(crate) fn recorder(&self) -> Recorder<'a> {
        Recorder::new(self.gpu, self.buffers.uniforms.clone())
    }

    /// A number that no earlier work of this lane left in any buffer. Never 0, which new buffers hold.
    pub(crate) fn next_stamp(&mut self) -> u32 {
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        self.stamp
    }

    /// Copies the staged rows to the device.
    pub(crate) fn upload(&mut self) -> Result<()> {
        let rows = self.tile.rows();
        if rows > self.plan.tile_rows {
            return Err(defect("a tile has more rows than its lane was opened for"));
        }
        if rows == 0 {
            return Ok(());
        }
        let bytes = wide(rows) * self.plan.point_row;
        let (tile, plan) = (&mut self.tile, &self.plan);
        self.buffers.points_staging.write(self.gpu, bytes, |memory| {
            tile.pack(plan, memory);
            Ok(())
        })?;
        let mut recorder = self.recorder();
        recorder.copy((&self.buffers.points_staging.buffer, 0), (&self.buffers.points, 0), bytes);
        let submission = recorder.submit();
        self.buffers.points_staging.recycle(self.gpu, &submission);
        self.gpu.fault.check()
    }
}
