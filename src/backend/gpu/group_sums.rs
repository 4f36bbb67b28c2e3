//! Sums of a tile's centred rows by label: runs on the device, runs of one label and rows of extreme size on the host.

use super::GpuBackend;
use super::buffers::{Buffers, SumBuffers, read};
use super::cluster_sums::{self, Batch};
use super::lane::{Bound, GpuLane, cast};
use super::matrix_block::narrow;
use super::observe::not_computed;
use super::plan::{BLOCK_HEADER, OCTET, wide};
use super::sort::{Run, Sorted, Who};
use super::submit::{Recorder, defect};
use crate::backend::GroupSums;
use crate::base::error::Result;
use crate::base::numeric::to_usize;

/// The kernel and the rows in their order.
pub(super) struct Sums {
    bound: Bound,
    sorted: Sorted,
    order: Vec<u32>,
}

impl Sums {
    /// `None` where the job asks for no sums.
    pub(super) fn new(gpu: &GpuBackend, buffers: &Buffers) -> Result<Option<Sums>> {
        let (Some(sums), Some(centred)) = (&buffers.sums, &buffers.centred) else { return Ok(None) };
        let pipeline = gpu.pipelines.get(&gpu.device, &cluster_sums::KERNEL, 0, 0)?;
        let storage = [centred, &sums.order, &sums.sums];
        let bindings = pipeline.bind(&gpu.device, &cluster_sums::KERNEL, &storage, &buffers.uniforms);
        Ok(Some(Sums { bound: (pipeline, bindings), sorted: Sorted::default(), order: Vec::new() }))
    }

    /// Sorts the rows by label and lists them for the kernel.
    fn fill(&mut self, labels: &[u32], who: impl Fn(usize) -> Who) -> Result<()> {
        self.sorted.fill(labels, usize::MAX, who, |label| Ok(Some(label)))?;
        self.order.clear();
        for run in &self.sorted.runs {
            self.order.push(narrow(run.start)?);
        }
        self.order.push(narrow(self.sorted.entries.len())?);
        self.order.extend(self.sorted.entries.iter().map(|entry| entry.row));
        Ok(())
    }
}

impl GpuLane<'_> {
    /// `Lane::cluster_sums`.
    pub(super) fn sum_groups(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        self.gpu.fault.check()?;
        if labels.len() != self.tile.rows() {
            return Err(defect("labels don't have the shape of the tile"));
        }
        let Some(mut sums) = self.sums.take() else {
            return Err(defect("cluster_sums was called on a job that doesn't ask for it"));
        };
        let summed = self.sum_sorted(&mut sums, labels, out);
        self.sums = Some(sums);
        summed
    }

    fn sum_sorted(&mut self, sums: &mut Sums, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        sums.fill(labels, |row| match self.tile.largest(row) {
            _ if self.centred_computable(row) => Who::Device,
            largest if largest.is_finite() => Who::Host,
            _ => Who::Nobody,
        })?;
        let dim = self.job.dim;
        let Sorted { runs, host, .. } = &sums.sorted;
        out.clusters.clear();
        out.clusters.extend(runs.iter().map(|run| run.label).chain(host.iter().map(|&(_, label)| label)));
        out.clusters.sort_unstable();
        out.clusters.dedup();
        out.sums.clear();
        out.sums.resize(out.clusters.len() * dim, 0.0);
        self.sum_runs(sums, out)?;
        let mut values = vec![0.0; dim];
        for &(row, label) in &sums.sorted.host {
            self.tile.copy_row(row as usize, &mut values);
            let total = total_of(out, label, dim)?;
            let centred = values.iter().zip(&self.job.centre).map(|(value, centre)| value - centre);
            total.iter_mut().zip(centred).for_each(|(total, value)| *total += value);
        }
        Ok(())
    }

    /// Adds up all runs, as many at once as come back at once.
    fn sum_runs(&mut self, sums: &Sums, out: &mut GroupSums) -> Result<()> {
        let runs = &sums.sorted.runs;
        if runs.is_empty() {
            return Ok(());
        }
        let at_once = (self.plan.sums_bytes - BLOCK_HEADER) / self.plan.centroid_row;
        let at_once = to_usize(at_once);
        if at_once == 0 {
            return Err(defect("not even one sum fits into its buffer"));
        }
        let mut staged = Some(wide(size_of_val(sums.order.as_slice())));
        for first in (0..runs.len()).step_by(at_once) {
            let batch = &runs[first..runs.len().min(first + at_once)];
            self.sum_batch(sums, (first, batch), staged.take(), out)?;
        }
        Ok(())
    }

    /// Adds up the runs `batch`, the first of which is number `first`. `stage` is the size of the order where it has yet
    /// to be brought to the device.
    fn sum_batch(
        &mut self,
        sums: &Sums,
        (first, batch): (usize, &[Run]),
        stage: Option<u64>,
        out: &mut GroupSums,
    ) -> Result<()> {
        let (gpu, stamp) = (self.gpu, self.next_stamp());
        let uniforms = self.buffers.uniforms.clone();
        let mut recorder = Recorder::new(gpu, &uniforms);
        self.centre_tile(&mut recorder)?;
        let Some(SumBuffers { order, order_staging, sums: results, readback }) = &mut self.buffers.sums else {
            return Err(defect("cluster_sums was called on a job that doesn't ask for it"));
        };
        if let Some(bytes) = stage {
            order_staging.write(gpu, bytes, |mut memory| {
                memory.copy_from_slice(bytemuck::cast_slice(&sums.order));
                Ok(())
            })?;
            recorder.copy((&order_staging.buffer, 0), (order, 0), bytes);
        }
        let list = narrow(sums.sorted.runs.len() + 1)?;
        let (first_run, runs, octets) = (narrow(first)?, narrow(batch.len())?, self.plan.octets);
        let batch_on_device = Batch { first_run, runs, list, octets, stamp };
        cluster_sums::record(&mut recorder, (&sums.bound.0, &sums.bound.1), batch_on_device)?;
        let bytes = BLOCK_HEADER + wide(batch.len()) * self.plan.centroid_row;
        recorder.copy((results, 0), (readback, 0), bytes);
        let submission = recorder.submit();
        if stage.is_some() {
            order_staging.recycle(gpu, &submission);
        }
        let (dim, stride) = (self.job.dim, octets as usize * OCTET);
        read(gpu, readback, bytes, &submission, |bytes| {
            let words: &[u32] = cast(bytes)?;
            let (header, values) = words.split_at(4);
            if header[0] != stamp {
                return Err(not_computed());
            }
            let values: &[f32] = bytemuck::cast_slice(values);
            for (run, values) in batch.iter().zip(values.chunks_exact(stride)) {
                let total = total_of(out, run.label, dim)?;
                total.iter_mut().zip(values).for_each(|(total, &value)| *total += f64::from(value));
            }
            Ok(())
        })
    }
}

/// The sum of one label.
fn total_of(out: &mut GroupSums, label: u32, dim: usize) -> Result<&mut [f64]> {
    let place = out.clusters.binary_search(&label).map_err(|_| defect("a label has no sum"))?;
    Ok(&mut out.sums[place * dim..][..dim])
}
