//! Sums of a tile's rows by label. The device adds up the differences of a run's rows from the run's first row; the host adds
//! that row again and sums up runs of one label, in float64. It also adds up rows that float32 can't hold.

use std::ops::Range;

use super::sort::{Evaluator, SortedRows, is_sparse};
use crate::backend::GroupSums;
use crate::backend::gpu::engine::buffers::SumBuffers;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::point_variant;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::location::PointKernel;
use crate::backend::gpu::engine::memory::{STAMP_BYTES, read_stamped, stamped_bytes};
use crate::backend::gpu::engine::units::{OCTET, narrow, wide};
use crate::backend::gpu::engine::upload::HostTile;
use crate::backend::gpu::kernels::cluster_sums::{self, SumDispatch};
use crate::base::double_double::add_rows_with_simd as add_rows;
use crate::base::error::Result;
use crate::base::matrix::Dtype;
use crate::base::numeric::to_usize;

/// The host adds up rows whose largest magnitude is below this: their differences may lie below float32's normal range.
const TINY: f64 = 1e-24;

/// The host adds up runs of float64 rows that are nearer to each other than this share of their magnitude: hi/lo parts keep
/// only 48 bits, so their differences would be less accurate than float32.
const NEAR: f64 = 1.0 / (1_u64 << 24) as f64;

/// The operation: the kernel and the sorted rows.
pub(crate) struct GroupSumOp {
    kernel: PointKernel,
    /// The rows of each labelling.
    sorted: [SortedRows; 2],
    /// Start of each run and end of the last one, then the rows in sorted order; of one labelling after the other.
    order: Vec<u32>,
    first: Vec<f64>,
    row: Vec<f64>,
    differences: Vec<f64>,
}

impl GroupSumOp {
    /// `None` if the job asks for no sums.
    pub(crate) fn new(lane: &LaneState<'_>) -> Result<Option<GroupSumOp>> {
        let (gpu, buffers) = (lane.gpu, &lane.buffers);
        let Some(sums) = &buffers.sums else { return Ok(None) };
        let pipeline = gpu.pipeline(&cluster_sums::KERNEL, 0, point_variant(lane.job.dtype))?;
        let storage: [&wgpu::Buffer; 2] = [&sums.order, &sums.sums];
        let kernel = PointKernel::new(&cluster_sums::KERNEL, pipeline, &storage, &buffers.uniforms);
        let row = || vec![0.0; lane.job.dim];
        Ok(Some(GroupSumOp {
            kernel,
            sorted: Default::default(),
            order: Vec::new(),
            first: row(),
            row: row(),
            differences: row(),
        }))
    }

    /// Sorts the rows of each labelling by label, and lists them in the form that the kernel reads.
    fn fill(&mut self, lane: &LaneState<'_>, labels: &[&[u32]]) -> Result<()> {
        let (tile, plan) = (&lane.tile, &lane.plan);
        for (sorted, labels) in self.sorted.iter_mut().zip(labels) {
            let sparse = is_sparse(labels);
            let evaluator = |row| match tile.largest(row) {
                largest if !sparse && plan.computable(largest) && (largest == 0.0 || largest > TINY) => {
                    Evaluator::Device
                }
                largest if largest.is_finite() => Evaluator::Host,
                _ => Evaluator::Nobody,
            };
            sorted.fill(labels, usize::MAX, evaluator, |label| Ok(Some(label)))?;
        }
        self.order.clear();
        let mut before = 0;
        for sorted in &self.sorted[..labels.len()] {
            for run in &sorted.runs {
                self.order.push(narrow(before + run.start)?);
            }
            before += sorted.entries.len();
        }
        self.order.push(narrow(before)?);
        let entries = self.sorted[..labels.len()].iter().flat_map(|sorted| &sorted.entries);
        self.order.extend(entries.map(|entry| lane.location.row(entry.row)));
        Ok(())
    }

    /// `Lane::cluster_sums`, of one or two labellings.
    pub(crate) fn sum_tile<const N: usize>(
        &mut self,
        lane: &mut LaneState<'_>,
        labels: [&[u32]; N],
        mut out: [&mut GroupSums; N],
    ) -> Result<()> {
        if labels.iter().any(|labels| labels.len() != lane.tile.rows()) {
            return Err(defect("the labels don't have the shape of the tile"));
        }
        self.fill(lane, &labels)?;
        let dim = lane.job.dim;
        for (out, SortedRows { runs, host, .. }) in out.iter_mut().zip(&self.sorted) {
            out.clear();
            out.clusters.extend(runs.iter().map(|run| run.label).chain(host.iter().map(|&(_, label)| label)));
            out.clusters.sort_unstable();
            out.clusters.dedup();
            out.sums.resize(out.clusters.len() * dim, 0.0);
            out.rests.resize(out.clusters.len() * dim, 0.0);
        }
        self.sum_runs(lane, &mut out)?;
        self.differences.fill(0.0);
        for (out, sorted) in out.iter_mut().zip(&self.sorted) {
            for &(row, label) in &sorted.host {
                lane.tile.copy_row(row as usize, &mut self.row)?;
                add_rows(sum_of(out, label, dim)?, 1, &self.row, &self.differences);
            }
        }
        Ok(())
    }

    /// Adds up all runs, in batches that fit one read-back.
    fn sum_runs(&mut self, lane: &mut LaneState<'_>, out: &mut [&mut GroupSums]) -> Result<()> {
        let runs = self.sorted[..out.len()].iter().map(|sorted| sorted.runs.len()).sum();
        if runs == 0 {
            return Ok(());
        }
        let at_once = to_usize((lane.plan.sums_bytes - STAMP_BYTES) / lane.plan.sum_row());
        if at_once == 0 {
            return Err(defect("not even one sum fits into its buffer"));
        }
        for first in (0..runs).step_by(at_once) {
            self.sum_batch(lane, first..runs.min(first + at_once), runs, out)?;
        }
        Ok(())
    }

    /// Adds up the runs `batch` of all `runs`. The first batch brings the order of the rows to the device.
    fn sum_batch(
        &mut self,
        lane: &mut LaneState<'_>,
        batch: Range<usize>,
        runs: usize,
        out: &mut [&mut GroupSums],
    ) -> Result<()> {
        let (gpu, stamp) = (lane.gpu, lane.next_stamp());
        let mut recorder = lane.recorder();
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
        let list = narrow(runs + 1)?;
        let (first_run, runs, octets) = (narrow(batch.start)?, narrow(batch.len())?, lane.plan.octets);
        let bound = self.kernel.bound(gpu, &lane.location);
        cluster_sums::record(&mut recorder, bound, SumDispatch { first_run, runs, list, octets, stamp })?;
        let stride = octets as usize * OCTET * 2;
        let values = batch.len() * stride;
        recorder.copy((sums, 0), (readback, 0), stamped_bytes(values));
        let submission = recorder.submit();
        if stage {
            order_staging.recycle(gpu, &submission);
        }
        let (tile, in_parts) = (&lane.tile, lane.job.dtype == Dtype::F64);
        read_stamped(gpu, readback, values, &submission, stamp, |values| {
            for (number, values) in batch.zip(values.chunks_exact(stride)) {
                let of_first = self.sorted[0].runs.len();
                let (which, number) = if number < of_first { (0, number) } else { (1, number - of_first) };
                self.add_run(tile, in_parts, (which, number), values, out[which])?;
            }
            Ok(())
        })
    }

    /// Adds the rows of one run to its label's sum, given the sum of their differences from the first. `which` is the
    /// labelling.
    fn add_run(
        &mut self,
        tile: &HostTile<'_>,
        in_parts: bool,
        (which, number): (usize, usize),
        values: &[f32],
        out: &mut GroupSums,
    ) -> Result<()> {
        let sorted = &self.sorted[which];
        let run = sorted.runs[number];
        let total = sum_of(out, run.label, self.row.len())?;
        let rows = &sorted.entries[run.start..][..run.count as usize];
        let Some((first, others)) = rows.split_first() else { return Ok(()) };
        let first = first.row as usize;
        tile.copy_row(first, &mut self.first)?;
        // per octet: the sums of eight columns, then their rests
        for (to, octet) in self.differences.chunks_mut(OCTET).zip(values.chunks(2 * OCTET)) {
            let (sums, rests) = octet.split_at(OCTET);
            let sums = sums.iter().zip(rests).map(|(&sum, &rest)| f64::from(sum) + f64::from(rest));
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum);
        }
        if in_parts && let Some(second) = others.first() {
            tile.copy_row(second.row as usize, &mut self.row)?;
            let apart = self.first.iter().zip(&self.row).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs()));
            if apart < NEAR * tile.largest(first) {
                self.differences.fill(0.0);
                for other in others {
                    tile.copy_row(other.row as usize, &mut self.row)?;
                    let differences = self.row.iter().zip(&self.first).map(|(value, first)| value - first);
                    self.differences.iter_mut().zip(differences).for_each(|(sum, difference)| *sum += difference);
                }
            }
        }
        add_rows(total, run.count, &self.first, &self.differences);
        Ok(())
    }
}

/// The sum of one label and its rest.
fn sum_of(out: &mut GroupSums, label: u32, dim: usize) -> Result<(&mut [f64], &mut [f64])> {
    let place = out.clusters.binary_search(&label).map_err(|_| defect("a label has no sum"))?;
    Ok((&mut out.sums[place * dim..][..dim], &mut out.rests[place * dim..][..dim]))
}
