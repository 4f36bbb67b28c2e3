//! Distances of a tile to many centroids, block by block.

use super::buffers::read;
use super::kernels::Pipeline;
use super::lane::{GpuLane, cast};
use super::observe::not_computed;
use super::pairwise::{self, Block};
use super::plan::{BLOCK_HEADER, wide};
use super::split::round;
use super::submit::{Recorder, defect};
use crate::base::error::Result;

impl GpuLane<'_> {
    /// `Lane::pairwise`: fills `out` (`rows * count`) by blocks of columns.
    pub(super) fn distance_matrix(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()> {
        self.gpu.fault.check()?;
        let clusters = self.job.levels.get(level).map_or(0, |view| view.rows());
        let fits = first.checked_add(count).is_some_and(|end| end <= clusters);
        if !fits || out.len() != self.tile.rows() * count {
            return Err(defect("a block of distances doesn't have the shape of the tile and the level"));
        }
        let mut done = 0;
        while done < count && !out.is_empty() {
            let columns = self.block_columns(level, count - done)?;
            let extreme = self.distance_block(level, first + done, columns, (done, count), out)?;
            self.correct(level, first, (done, columns, count), &extreme, out);
            done += columns;
        }
        Ok(())
    }

    /// Columns of the next block: what fits, and what the device does in a fraction of a second.
    fn block_columns(&self, level: usize, left: usize) -> Result<usize> {
        let rows = self.tile.rows();
        let rows_narrow = narrow(rows)?;
        let fits = (self.plan.block_bytes.saturating_sub(BLOCK_HEADER)) / (4 * wide(rows));
        let mut columns = wide(left).min(fits).min(self.pace.columns(rows_narrow, self.plan.octets));
        if self.resident.levels[level].is_none() {
            columns = columns.min(wide(self.plan.tile_rows));
        }
        match usize::try_from(columns) {
            Ok(columns) if columns > 0 => Ok(columns),
            _ => Err(defect("pairwise was called on a job that doesn't ask for it")),
        }
    }

    /// Computes the columns `centroid .. centroid + columns` into `out` from column `place.0` of `place.1` on. Returns the
    /// columns, counted from `centroid`, that are left to the host.
    fn distance_block(
        &mut self,
        level: usize,
        centroid: usize,
        columns: usize,
        place: (usize, usize),
        out: &mut [f32],
    ) -> Result<Vec<usize>> {
        let rows = self.tile.rows();
        let (extreme, first_centroid, staged) = self.bring_centroids(level, centroid, columns)?;
        let stamp = self.next_stamp();
        let block =
            Block { rows: narrow(rows)?, count: narrow(columns)?, first_centroid, octets: self.plan.octets, stamp };
        let (Some((pipeline, bindings)), Some((distances, readback))) =
            (&self.levels[level].pairwise, &self.buffers.block)
        else {
            return Err(defect("pairwise was called on a job that doesn't ask for it"));
        };
        let mut recorder = Recorder::new(self.gpu, &self.buffers.uniforms);
        if let (true, Some((high, rest))) = (staged, &self.buffers.gathered) {
            let gathered = &self.levels[level].gathered;
            let inputs = &self.buffers.inputs_staging.buffer;
            let bytes = wide(size_of_val(gathered.high.as_slice()));
            recorder.copy((inputs, 0), (high, 0), bytes);
            if let Some(rest) = rest {
                recorder.copy((inputs, bytes), (rest, 0), wide(size_of_val(gathered.rest.as_slice())));
            }
        }
        let bound: (&Pipeline, &wgpu::BindGroup) = (pipeline, bindings);
        pairwise::record(&mut recorder, bound, block)?;
        let bytes = BLOCK_HEADER + wide(rows) * wide(columns) * 4;
        recorder.copy((distances, 0), (readback, 0), bytes);
        self.pace.start(block.rows, columns, block.octets);
        let submission = recorder.submit();
        if staged {
            self.buffers.inputs_staging.recycle(self.gpu, &submission);
        }
        read(self.gpu, readback, bytes, &submission, |bytes| {
            let words: &[u32] = cast(bytes)?;
            let (header, values) = words.split_at(4);
            if header[0] != stamp {
                return Err(not_computed());
            }
            let values: &[f32] = bytemuck::cast_slice(values);
            let (from, stride) = place;
            for (to, row) in out.chunks_exact_mut(stride).zip(values.chunks_exact(columns)) {
                to[from..from + columns].copy_from_slice(row);
            }
            Ok(())
        })?;
        self.pace.stop();
        Ok(extreme)
    }

    /// Makes sure that the block's centroids are on the device: the columns left to the host, the place of the first
    /// centroid, and whether they were staged for this block.
    fn bring_centroids(&mut self, level: usize, centroid: usize, columns: usize) -> Result<(Vec<usize>, u32, bool)> {
        if let Some(resident) = &self.resident.levels[level] {
            let extreme = resident.extreme.iter().map(|&cluster| cluster as usize);
            let extreme = extreme.filter(|cluster| (centroid..centroid + columns).contains(cluster));
            return Ok((extreme.map(|cluster| cluster - centroid).collect(), narrow(centroid)?, false));
        }
        let gathered = &mut self.levels[level].gathered;
        gathered.clear();
        let mut extreme = Vec::new();
        for column in 0..columns {
            let largest = gathered.push(&self.job.levels[level], centroid + column, self.plan.octets);
            if !self.plan.computable(largest) {
                extreme.push(column);
            }
        }
        let (high, rest): (&[u8], &[u8]) = (bytemuck::cast_slice(&gathered.high), bytemuck::cast_slice(&gathered.rest));
        self.buffers.inputs_staging.write(self.gpu, wide(high.len() + rest.len()), |mut memory| {
            memory.slice(..high.len()).copy_from_slice(high);
            memory.slice(high.len()..high.len() + rest.len()).copy_from_slice(rest);
            Ok(())
        })?;
        Ok((extreme, 0, true))
    }

    /// Takes again what float32 can't tell, and marks rows with a non-finite value.
    fn correct(
        &mut self,
        level: usize,
        first: usize,
        (done, columns, count): (usize, usize, usize),
        extreme: &[usize],
        out: &mut [f32],
    ) {
        for (row, out) in out.chunks_exact_mut(count).enumerate() {
            let out = &mut out[done..done + columns];
            let largest = self.tile.largest(row);
            if !largest.is_finite() {
                out.fill(f32::NAN);
                continue;
            }
            let floor = self.exact.floor(level, largest).sqrt();
            let whole_row = !self.plan.computable(largest);
            for (column, value) in out.iter_mut().enumerate() {
                let exact_enough = f64::from(*value) >= floor && !whole_row;
                if !exact_enough || extreme.binary_search(&column).is_ok() {
                    *value = round(self.exact.squared(&self.tile, row, level, first + done + column).sqrt());
                }
            }
        }
    }
}

/// A count of rows or clusters as the kernels take it.
pub(super) fn narrow(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| defect("more than 2^32 rows or clusters"))
}
