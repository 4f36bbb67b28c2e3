//! The nearest two centroids of a tile's rows: candidates by score on the device, then the nearest of them by direct
//! difference, and a scan on the host for the few rows whose scores can't tell.

use std::ops::Range;

use super::GpuBackend;
use super::KernelShape;
use super::buffers::{Buffers, read};
use super::centroids::Resident;
use super::kernels::Pipeline;
use super::lane::{GpuLane, cast};
use super::matrix_block::narrow;
use super::observe::not_computed;
use super::pairwise::Pace;
use super::plan::{BEST_BYTES, Plan, wide};
use super::rescore::{Candidates, Nearest, Open, ScoreError, direct_error, in_order};
use super::searched::{CentredRows, Searched};
use super::submit::{Recorder, defect};
use super::top2::{self, Best, Pass};
use crate::backend::{Top2, UNLABELLED};
use crate::base::error::Result;
use crate::base::numeric::to_usize;

/// Candidates of a row.
const CANDIDATES: usize = 4;

/// The kernel, bound to each level's blocks of centroids.
pub(super) struct Search {
    pipeline: Pipeline,
    entry: usize,
    /// Per level: one for each resident block; the lane's own block where the level is streamed.
    blocks: Vec<Vec<wgpu::BindGroup>>,
    pace: Pace,
    best: Vec<Best>,
    packed: CentredRows,
}

impl Search {
    /// `None` where the job searches nothing.
    pub(super) fn new(gpu: &GpuBackend, plan: &Plan, buffers: &Buffers, resident: &Resident) -> Result<Option<Search>> {
        let (Some(search), Some(centred)) = (&buffers.search, &buffers.centred) else { return Ok(None) };
        let entry = usize::from(gpu.options.kernel_shape == KernelShape::Group);
        let pipeline = gpu.pipelines.get(&gpu.device, &top2::KERNEL, entry, 0)?;
        let bind = |centroids: &wgpu::Buffer, norms: &wgpu::Buffer| {
            let storage = [centred, centroids, norms, &search.best];
            pipeline.bind(&gpu.device, &top2::KERNEL, &storage, &buffers.uniforms)
        };
        let blocks = resident.searched.iter().zip(&plan.search_resident).map(|(searched, &stays)| match searched {
            Some(searched) if stays => {
                searched.blocks.iter().map(|block| bind(&block.centroids, &block.norms)).collect()
            }
            Some(_) => search.stream.iter().map(|stream| bind(&stream.block.centroids, &stream.block.norms)).collect(),
            None => Vec::new(),
        });
        let blocks = blocks.collect();
        let (best, packed) = (Vec::new(), CentredRows::default());
        Ok(Some(Search { pipeline, entry, blocks, pace: Pace::new(), best, packed }))
    }
}

/// A row that is searched for.
#[derive(Debug, Clone, Copy)]
struct Row {
    row: usize,
    clusters: [u32; CANDIDATES],
    squared: [f64; CANDIDATES],
    /// How many of them can be among the nearest two.
    open: usize,
    /// Whether the last two are the nearest, as the host has found.
    scanned: bool,
}

impl Row {
    fn new(row: usize) -> Row {
        let clusters = [UNLABELLED; CANDIDATES];
        Row { row, clusters, squared: [f64::INFINITY; CANDIDATES], open: 0, scanned: false }
    }
}

impl GpuLane<'_> {
    /// `Lane::top2`.
    pub(super) fn search_tile(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()> {
        self.gpu.fault.check()?;
        let resident = self.resident.clone();
        let searched = resident.searched.get(level).and_then(Option::as_ref);
        if labels.len() != self.tile.rows() {
            return Err(defect("labels don't have the shape of the tile"));
        }
        out.clear();
        out.resize(labels.len(), Top2::NONE);
        let Some(searched) = searched else {
            return Err(defect("top2 was called on a level that the job doesn't search"));
        };
        let labelled = labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED);
        let mut rows: Vec<Row> = labelled.map(|(row, _)| Row::new(row)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.find_candidates(level, searched, &mut rows)?;
        self.evaluate(level, 0..2, &mut rows)?;
        for row in &mut rows {
            self.close(level, searched, row);
        }
        self.evaluate(level, 2..CANDIDATES, &mut rows)?;
        let error = direct_error(self.job.dim);
        for row in &rows {
            out[row.row] = self.nearest_of(level, row, error);
        }
        Ok(())
    }

    /// Gives every row the four centroids with the lowest scores, as far as the device can tell.
    fn find_candidates(&mut self, level: usize, searched: &Searched, rows: &mut [Row]) -> Result<()> {
        let on_device = !searched.clusters.is_empty()
            && self.device_columns(level)? > 0
            && ScoreError::holds(self.job.dim)
            && rows.iter().any(|row| self.centred_computable(row.row));
        if !on_device {
            return Ok(());
        }
        self.score(level, searched)?;
        let Some(search) = &self.search else { return Ok(()) };
        for row in rows.iter_mut().filter(|row| self.centred_computable(row.row)) {
            let found = search.best[row.row].places.iter().zip(&mut row.clusters);
            for (&place, cluster) in found {
                if let Some(&known) = searched.clusters.get(place as usize) {
                    *cluster = known;
                    row.open += 1;
                }
            }
        }
        Ok(())
    }

    /// Centroids that one dispatch may do; 0 where rows are too wide for the kernel.
    fn device_columns(&self, level: usize) -> Result<u32> {
        let Some(search) = &self.search else {
            return Err(defect("top2 was called on a job that doesn't ask for it"));
        };
        let bound = !search.blocks[level].is_empty() && self.plan.search_block > 0;
        Ok(if bound { top2::most_centroids(search.entry, self.plan.octets).unwrap_or(0) } else { 0 })
    }

    /// Runs the kernel over all blocks of a level and reads what it found.
    fn score(&mut self, level: usize, searched: &Searched) -> Result<()> {
        let (places, block) = (searched.clusters.len(), self.plan.search_block);
        for (number, first) in (0..places).step_by(block).enumerate() {
            let end = places.min(first + block);
            let streamed = searched.blocks.is_empty();
            if streamed {
                self.stage_block(level, &searched.clusters[first..end])?;
            }
            let mut begin = 0;
            while first + begin < end {
                let left = end - first - begin;
                let fits = (self.device_columns(level)? as usize).min(left);
                let paced = self.search.as_ref().map_or(0, |search| self.columns_now(search, fits));
                let pass = Pass {
                    rows: narrow(self.tile.rows())?,
                    octets: self.plan.octets,
                    begin: narrow(begin)?,
                    end: narrow(begin + paced)?,
                    first_place: narrow(first)?,
                    fresh: first + begin == 0,
                    // one more each time, as the kernel counts
                    stamp: self.next_stamp(),
                };
                let last = first + begin + paced == places;
                let load = (begin == 0 && streamed).then_some(end - first);
                self.submit_search(level, (number, load), pass, last)?;
                begin += paced;
            }
        }
        Ok(())
    }

    /// How many of at most `fits` centroids the next submission does: what the device does in a fraction of a second.
    fn columns_now(&self, search: &Search, fits: usize) -> usize {
        let rows = u32::try_from(self.tile.rows()).unwrap_or(u32::MAX);
        let paced = to_usize(search.pace.columns(rows, self.plan.octets));
        // a multiple of what either shape does at a time, so that only the last dispatch of a block is ragged
        if paced >= fits { fits } else { (paced / 128 * 128).max(128).min(fits) }
    }

    /// Packs the next block of a level that doesn't stay on the device.
    fn stage_block(&mut self, level: usize, clusters: &[u32]) -> Result<()> {
        let stream = self.buffers.search.as_mut().and_then(|search| search.stream.as_mut());
        let (Some(stream), Some(search)) = (stream, &mut self.search) else {
            return Err(defect("a searched level's centroids are nowhere on the device"));
        };
        search.packed.fill(&self.job.levels[level], &self.job.centre, clusters, self.plan.octets);
        let rows: &[u8] = bytemuck::cast_slice(&search.packed.rows);
        let norms: &[u8] = bytemuck::cast_slice(&search.packed.norms);
        stream.staging.write(self.gpu, wide(rows.len() + norms.len()), |mut memory| {
            memory.slice(..rows.len()).copy_from_slice(rows);
            memory.slice(rows.len()..rows.len() + norms.len()).copy_from_slice(norms);
            Ok(())
        })
    }

    /// Submits one dispatch and waits for it. `load` is the number of centroids that were staged for the block and are
    /// to be brought first. All rows are read after the last dispatch, the first row's stamp after any other.
    fn submit_search(
        &mut self,
        level: usize,
        (block, load): (usize, Option<usize>),
        pass: Pass,
        last: bool,
    ) -> Result<()> {
        let gpu = self.gpu;
        let uniforms = self.buffers.uniforms.clone();
        let mut recorder = Recorder::new(gpu, &uniforms);
        self.centre_tile(&mut recorder)?;
        let (Some(buffers), Some(search)) = (&mut self.buffers.search, &mut self.search) else {
            return Err(defect("top2 was called on a job that doesn't ask for it"));
        };
        let loaded = load.is_some();
        if let (Some(stream), true) = (&buffers.stream, loaded) {
            let rows = wide(size_of_val(search.packed.rows.as_slice()));
            let norms = wide(size_of_val(search.packed.norms.as_slice()));
            recorder.copy((&stream.staging.buffer, 0), (&stream.block.centroids, 0), rows);
            recorder.copy((&stream.staging.buffer, rows), (&stream.block.norms, 0), norms);
        }
        let bindings = &search.blocks[level];
        let bindings = bindings.get(block).or(bindings.first()).ok_or_else(|| defect("a block is not bound"))?;
        top2::record(&mut recorder, (&search.pipeline, bindings), search.entry, pass)?;
        let bytes = if last { u64::from(pass.rows) * BEST_BYTES } else { BEST_BYTES };
        recorder.copy((&buffers.best, 0), (&buffers.readback, 0), bytes);
        search.pace.start(pass.rows, (pass.end - pass.begin) as usize, pass.octets);
        let submission = recorder.submit();
        if let (Some(stream), true) = (&mut buffers.stream, loaded) {
            stream.staging.recycle(gpu, &submission);
        }
        let best = &mut search.best;
        read(gpu, &buffers.readback, bytes, &submission, |bytes| {
            let found: &[Best] = cast(bytes)?;
            if found.iter().any(|row| row.stamp != pass.stamp) {
                return Err(not_computed());
            }
            best.clear();
            best.extend_from_slice(found);
            Ok(())
        })?;
        search.pace.stop();
        Ok(())
    }

    /// Squared distances of all rows to their candidates number `which`.
    fn evaluate(&mut self, level: usize, which: Range<usize>, rows: &mut [Row]) -> Result<()> {
        let mut labels = vec![UNLABELLED; self.tile.rows()];
        for number in which {
            labels.fill(UNLABELLED);
            rows.iter().for_each(|row| labels[row.row] = row.clusters[number]);
            if labels.iter().all(|&label| label == UNLABELLED) {
                continue;
            }
            let squared = self.squared_to(level, &labels)?;
            for row in rows.iter_mut().filter(|row| row.clusters[number] != UNLABELLED) {
                row.squared[number] = squared[row.row];
            }
        }
        Ok(())
    }

    /// Leaves a row only those candidates that can be its nearest two; scans its centroids where that can't be told.
    fn close(&mut self, level: usize, searched: &Searched, row: &mut Row) {
        let found = row.open;
        let open = match &self.search {
            Some(search) if found == CANDIDATES.min(searched.clusters.len()) && found > 0 => {
                let best = &search.best[row.row];
                let mut lengths = [0.0; CANDIDATES];
                for (length, &place) in lengths.iter_mut().zip(&best.places[..found]) {
                    *length = searched.lengths[place as usize];
                }
                let candidates = Candidates {
                    scores: &best.scores[..found],
                    lengths: &lengths[..found],
                    squared: [row.squared[0], row.squared[1]],
                    floor: (searched.clusters.len() > CANDIDATES).then_some(best.floor),
                    longest: searched.longest,
                };
                candidates.open(&ScoreError::new(&self.job.centre))
            }
            _ => Open::All,
        };
        let nearest = match open {
            Open::First(open) if searched.extreme.is_empty() => {
                row.open = open;
                row.clusters[open..].fill(UNLABELLED);
                return;
            }
            Open::First(open) => {
                let some = row.clusters[..open].iter().chain(&searched.extreme);
                self.exact.nearest(&self.tile, row.row, level, some.copied())
            }
            Open::All => {
                let all = searched.clusters.iter().chain(&searched.extreme);
                self.exact.nearest(&self.tile, row.row, level, all.copied())
            }
        };
        let [first, second] = nearest.0;
        row.scanned = true;
        row.clusters = [UNLABELLED, UNLABELLED, first.1, second.1];
    }

    /// The nearest two of a row whose candidates are evaluated. Where float32 can't tell their order, float64 does.
    fn nearest_of(&mut self, level: usize, row: &Row, error: f64) -> Top2 {
        if row.scanned {
            let [.., first, second] = row.clusters;
            return Top2 { clusters: [first, second], squared: [row.squared[2], row.squared[3]] };
        }
        let open = row.open;
        let mut found = Nearest::NONE;
        let mut ascending = row.squared;
        ascending[..open].sort_unstable_by(f64::total_cmp);
        if in_order(&ascending[..open], error) {
            row.clusters[..open].iter().zip(&row.squared).for_each(|(&cluster, &squared)| found.take(squared, cluster));
        } else {
            found = self.exact.nearest(&self.tile, row.row, level, row.clusters[..open].iter().copied());
        }
        let clusters = found.0.map(|(_, cluster)| cluster);
        let squared = clusters.map(|cluster| {
            let place = row.clusters[..open].iter().position(|&candidate| candidate == cluster);
            place.map_or(f64::INFINITY, |place| row.squared[place])
        });
        Top2 { clusters, squared }
    }
}
