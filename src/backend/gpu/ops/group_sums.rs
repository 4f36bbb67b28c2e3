//! Sums of a tile's centred rows by label. The device adds up runs of rows; the host adds up runs of one label, and rows that
//! float32 can't hold.

use std::ops::Range;

use super::centring::Centring;
use super::sort::{Evaluator, SortedRows};
use crate::backend::GroupSums;
use crate::backend::gpu::engine::buffers::SumBuffers;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::memory::{STAMP_BYTES, read_stamped, stamped_bytes};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::units::{OCTET, narrow, wide};
use crate::backend::gpu::kernels::cluster_sums::{self, SumDispatch};
use crate::base::error::Result;
use crate::base::numeric::to_usize;

/// The operation: the kernel and the sorted rows.
pub(crate) struct GroupSumOp {
    bound: Bound,
    sorted: SortedRows,
    /// Start of each run and end of the last one, then the rows in sorted order.
    order: Vec<u32>,
}

impl GroupSumOp {
    /// `None` if the job asks for no sums.
    pub(crate) fn new(lane: &LaneState<'_>) -> Result<Option<GroupSumOp>> {
        let (gpu, buffers) = (lane.gpu, &lane.buffers);
        let (Some(sums), Some(centred)) = (&buffers.sums, &buffers.centred) else { return Ok(None) };
        let pipeline = gpu.pipeline(&cluster_sums::KERNEL, 0, 0)?;
        let storage = [centred, &sums.order, &sums.sums];
        let bindings = pipeline.bind(&gpu.device, &cluster_sums::KERNEL, &storage, &buffers.uniforms);
        Ok(Some(GroupSumOp { bound: (pipeline, bindings), sorted: SortedRows::default(), order: Vec::new() }))
    }

    /// Sorts the rows by label and lists them in the form that the kernel reads.
    fn fill(&mut self, labels: &[u32], evaluator: impl Fn(usize) -> Evaluator) -> Result<()> {
        self.sorted.fill(labels, usize::MAX, evaluator, |label| Ok(Some(label)))?;
        self.order.clear();
        for run in &self.sorted.runs {
            self.order.push(narrow(run.start)?);
        }
        self.order.push(narrow(self.sorted.entries.len())?);
        self.order.extend(self.sorted.entries.iter().map(|entry| entry.row));
        Ok(())
    }

    /// `Lane::cluster_sums`.
    pub(crate) fn sum_tile(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        labels: &[u32],
        out: &mut GroupSums,
    ) -> Result<()> {
        if labels.len() != lane.tile.rows() {
            return Err(defect("the labels don't have the shape of the tile"));
        }
        self.fill(labels, |row| match lane.tile.largest(row) {
            _ if centring.computable(lane, row) => Evaluator::Device,
            largest if largest.is_finite() => Evaluator::Host,
            _ => Evaluator::Nobody,
        })?;
        let dim = lane.job.dim;
        let SortedRows { runs, host, .. } = &self.sorted;
        out.clusters.clear();
        out.clusters.extend(runs.iter().map(|run| run.label).chain(host.iter().map(|&(_, label)| label)));
        out.clusters.sort_unstable();
        out.clusters.dedup();
        out.sums.clear();
        out.sums.resize(out.clusters.len() * dim, 0.0);
        self.sum_runs(lane, centring, out)?;
        let mut values = vec![0.0; dim];
        for &(row, label) in &self.sorted.host {
            lane.tile.copy_row(row as usize, &mut values);
            let total = sum_of(out, label, dim)?;
            let centred = values.iter().zip(&lane.job.centre).map(|(value, centre)| value - centre);
            total.iter_mut().zip(centred).for_each(|(total, value)| *total += value);
        }
        Ok(())
    }

    /// Adds up all runs, in batches that fit one read-back.
    fn sum_runs(&self, lane: &mut LaneState<'_>, centring: &mut Centring, out: &mut GroupSums) -> Result<()> {
        let runs = &self.sorted.runs;
        if runs.is_empty() {
            return Ok(());
        }
        let at_once = to_usize((lane.plan.sums_bytes - STAMP_BYTES) / lane.plan.centroid_row);
        if at_once == 0 {
            return Err(defect("not even one sum fits into its buffer"));
        }
        for first in (0..runs.len()).step_by(at_once) {
            self.sum_batch(lane, centring, first..runs.len().min(first + at_once), out)?;
        }
        Ok(())
    }

    /// Adds up the runs `batch`. The first batch brings the order of the rows to the device.
    fn sum_batch(
        &self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        batch: Range<usize>,
        out: &mut GroupSums,
    ) -> Result<()> {
        let (gpu, stamp) = (lane.gpu, lane.next_stamp());
        let mut recorder = lane.recorder();
        centring.record(lane, &mut recorder)?;
        let Some(SumBuffers { order, order_staging, sums, readback }) = &mut lane.buffers.sums else {
            return Err(defect("sums by label have no buffers"));
        };
        let stage = batch.start == 0;
        if stage {
            let bytes = wide(size_of_val(self.order.as_slice()));
            order_staging.write(gpu, bytes, |mut memory| {
                memory.copy_from_slice(bytemuck::cast_slice(&self.order));
                Ok(())
            })?;
            recorder.copy((&order_staging.buffer, 0), (order, 0), bytes);
        }
        let list = narrow(self.sorted.runs.len() + 1)?;
        let (first_run, runs, octets) = (narrow(batch.start)?, narrow(batch.len())?, lane.plan.octets);
        cluster_sums::record(&mut recorder, &self.bound, SumDispatch { first_run, runs, list, octets, stamp })?;
        let (dim, stride) = (lane.job.dim, octets as usize * OCTET);
        let values = batch.len() * stride;
        recorder.copy((sums, 0), (readback, 0), stamped_bytes(values));
        let submission = recorder.submit();
        if stage {
            order_staging.recycle(gpu, &submission);
        }
        read_stamped(gpu, readback, values, &submission, stamp, |values| {
            for (run, values) in self.sorted.runs[batch].iter().zip(values.chunks_exact(stride)) {
                let total = sum_of(out, run.label, dim)?;
                total.iter_mut().zip(values).for_each(|(total, &value)| *total += f64::from(value));
            }
            Ok(())
        })
    }
}

/// The sum of one label.
fn sum_of(out: &mut GroupSums, label: u32, dim: usize) -> Result<&mut [f64]> {
    let place = out.clusters.binary_search(&label).map_err(|_| defect("a label has no sum"))?;
    Ok(&mut out.sums[place * dim..][..dim])
}
