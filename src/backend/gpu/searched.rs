//! Centroids as searches read them: less the job's centre, in float32, in blocks that a binding holds.

use super::GpuBackend;
use super::buffers::{Staging, make};
use super::plan::{OCTET, Plan, wide};
use super::split::{largest_f64, round};
use super::top2::{LANE_CENTROIDS, NOTHING};
use crate::backend::Job;
use crate::base::matrix::MatrixView;

/// Bytes packed on the host before they are handed over.
const CHUNK_BYTES: u64 = 4 << 20;

/// What a search of one level knows of its centroids. A place is a position among them.
#[derive(Debug)]
pub(super) struct Searched {
    /// Cluster of each place, ascending.
    pub(super) clusters: Vec<u32>,
    /// Length of each place's centred centroid.
    pub(super) lengths: Vec<f64>,
    /// The largest of them.
    pub(super) longest: f64,
    /// Clusters (ascending) that have no place, since float32 can't hold the squares of their centred centroid.
    pub(super) extreme: Vec<u32>,
    /// All places in their order; empty where the level doesn't stay on the device.
    pub(super) blocks: Vec<Block>,
}

/// Centroids on the device, padded to what a dispatch does at a time.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) centroids: wgpu::Buffer,
    pub(super) norms: wgpu::Buffer,
}

impl Block {
    fn new(gpu: &GpuBackend, plan: &Plan, places: usize) -> Block {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let padded = wide(places.next_multiple_of(LANE_CENTROIDS as usize));
        Block {
            centroids: make(gpu, "centred centroids", padded * plan.centroid_row, usage),
            norms: make(gpu, "norms", padded * 4, usage),
        }
    }
}

/// The block of a lane whose level doesn't stay on the device: filled again and again.
pub(super) struct Stream {
    pub(super) block: Block,
    pub(super) staging: Staging,
}

impl Stream {
    pub(super) fn new(gpu: &GpuBackend, plan: &Plan) -> Stream {
        let bytes = wide(plan.search_block) * (plan.centroid_row + 4);
        Stream {
            block: Block::new(gpu, plan, plan.search_block),
            staging: Staging::new(gpu, "centred centroids, staging", bytes),
        }
    }
}

/// Centred rows on the host.
#[derive(Debug, Default)]
pub(super) struct CentredRows {
    /// `[places, octets * 8]`, padded with zeros.
    pub(super) rows: Vec<f32>,
    /// Squared lengths; [`NOTHING`] for padding.
    pub(super) norms: Vec<f32>,
    row: Vec<f64>,
}

impl CentredRows {
    /// The centroid of a cluster less the centre.
    fn centred(&mut self, view: &MatrixView<'_>, centre: &[f64], cluster: u32) -> &[f64] {
        self.row.resize(view.cols(), 0.0);
        view.copy_row(cluster as usize, &mut self.row);
        self.row.iter_mut().zip(centre).for_each(|(value, centre)| *value -= centre);
        &self.row
    }

    /// Replaces what is here by the centroids of `clusters`.
    pub(super) fn fill(&mut self, view: &MatrixView<'_>, centre: &[f64], clusters: &[u32], octets: u32) {
        let stride = octets as usize * OCTET;
        let padded = clusters.len().next_multiple_of(LANE_CENTROIDS as usize);
        self.rows.clear();
        self.norms.clear();
        for &cluster in clusters {
            let start = self.rows.len();
            self.centred(view, centre, cluster);
            self.rows.extend(self.row.iter().map(|&value| round(value)));
            self.norms.push(round(squared_length(&self.rows[start..])));
            self.rows.resize(start + stride, 0.0);
        }
        self.rows.resize(padded * stride, 0.0);
        self.norms.resize(padded, NOTHING);
    }
}

fn squared_length(row: &[f32]) -> f64 {
    row.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
}

impl GpuBackend {
    /// What searches of one level share; uploads the centroids where they stay.
    pub(super) fn searched(&self, job: &Job<'_>, plan: &Plan, level: usize) -> Option<Searched> {
        let wanted = job.searched.get(level).filter(|wanted| !wanted.is_empty())?;
        let view = &job.levels[level];
        let mut packed = CentredRows::default();
        let mut searched = Searched {
            clusters: Vec::new(),
            lengths: Vec::new(),
            longest: 0.0,
            extreme: Vec::new(),
            blocks: Vec::new(),
        };
        for &cluster in wanted {
            let row = packed.centred(view, &job.centre, cluster);
            if !plan.computable(largest_f64(bytemuck::cast_slice(row))) {
                searched.extreme.push(cluster);
                continue;
            }
            let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            searched.clusters.push(cluster);
            searched.lengths.push(length);
            searched.longest = searched.longest.max(length);
        }
        if plan.search_resident[level] && plan.search_block > 0 {
            searched.blocks = self.upload_blocks(job, plan, level, &searched.clusters, &mut packed);
        }
        Some(searched)
    }

    fn upload_blocks(
        &self,
        job: &Job<'_>,
        plan: &Plan,
        level: usize,
        clusters: &[u32],
        packed: &mut CentredRows,
    ) -> Vec<Block> {
        let at_once = usize::try_from(CHUNK_BYTES / plan.centroid_row).unwrap_or(1);
        let at_once = at_once.next_multiple_of(LANE_CENTROIDS as usize).max(LANE_CENTROIDS as usize);
        let upload = |places: &[u32]| {
            let block = Block::new(self, plan, places.len());
            for (number, chunk) in places.chunks(at_once).enumerate() {
                packed.fill(&job.levels[level], &job.centre, chunk, plan.octets);
                let first = wide(number * at_once);
                self.queue.write_buffer(
                    &block.centroids,
                    first * plan.centroid_row,
                    bytemuck::cast_slice(&packed.rows),
                );
                self.queue.write_buffer(&block.norms, first * 4, bytemuck::cast_slice(&packed.norms));
                // Each write goes through memory of its own, freed when it is submitted.
                self.queue.submit([]);
            }
            block
        };
        clusters.chunks(plan.search_block).map(upload).collect()
    }
}
