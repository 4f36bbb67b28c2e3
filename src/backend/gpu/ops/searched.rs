//! Centroids in the form that searches read: centred, in float32 or float16, in blocks that fit a binding.

use half::f16;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSliceMut as _;

use crate::backend::Job;
use crate::backend::gpu::engine::buffers::CentroidBlock;
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::exact::squared_norm;
use crate::backend::gpu::engine::memory::{UPLOAD_CHUNK_BYTES, make};
use crate::backend::gpu::engine::plan::TilePlan;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::units::{OCTET, SEARCH_STEP, wide};
use crate::backend::gpu::kernels::search::NOTHING;
use crate::backend::gpu::kernels::top2_half;
use crate::base::magnitude;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::{to_f32, to_usize};

/// The searched centroids of one level. A *place* is a position among them.
#[derive(Debug)]
pub(crate) struct SearchedLevel {
    /// Cluster of each place, ascending.
    pub(crate) clusters: Vec<u32>,
    /// Norm of the centred centroid at each place.
    pub(crate) lengths: Vec<f64>,
    /// Largest of these norms.
    pub(crate) longest: f64,
    /// Clusters (ascending) without a place: float32 can't hold the squares of their centred centroids.
    pub(crate) extreme: Vec<u32>,
    /// All places in order; empty if the level doesn't stay on the device.
    pub(crate) blocks: Vec<CentroidBlock>,
    /// The same in float16; `None` if the level isn't searched in float16.
    pub(crate) halves: Option<HalfCentroids>,
}

/// Centred centroids of a level in float16, multiplied by a power of two.
#[derive(Debug)]
pub(crate) struct HalfCentroids {
    /// The centroids of each of the level's blocks.
    pub(crate) blocks: Vec<DeviceBuffer>,
    pub(crate) scale: f64,
    /// Largest norm of the change of a centroid by rounding to float16.
    pub(crate) rounding: f64,
}

/// Fewest centroids that are searched in float16: with fewer, a row may get fewer than four candidates.
const FEWEST_HALVES: usize = 128;

/// Smallest magnitude that float16 holds with full precision. Smaller ones are replaced by 0, because devices may do so.
pub(crate) const SMALLEST_HALF: f64 = 1.0 / (1 << 14) as f64;

/// The power of two that scales values up to `largest` to at most 2^14, where float16 holds them and float32 their products.
pub(crate) fn half_scale(largest: f64) -> f64 {
    if largest > 0.0 && largest.is_finite() { (14.0 - largest.log2().ceil()).clamp(-60.0, 60.0).exp2() } else { 1.0 }
}

/// A scaled value in float16.
fn to_half(value: f64) -> f16 {
    if value.abs() < SMALLEST_HALF { f16::ZERO } else { f16::from_f64(value) }
}

impl HalfCentroids {
    /// Uploads the centroids at all places; `None` if there are too few, or a block is too large for a binding.
    fn upload(
        gpu: &GpuDevice,
        job: &Job<'_>,
        plan: &TilePlan,
        level: usize,
        clusters: &[u32],
        packed: &mut CentredCentroids,
    ) -> Option<HalfCentroids> {
        let row_bytes = top2_half::row_bytes(plan.octets);
        if clusters.len() < FEWEST_HALVES || wide(plan.search_block) * row_bytes > plan.binding {
            return None;
        }
        let view = &job.levels[level];
        let mut largest = 0.0_f64;
        for &cluster in clusters {
            largest = largest
                .max(magnitude::largest(Dtype::F64, bytemuck::cast_slice(packed.centred(view, &job.centre, cluster))));
        }
        let scale = half_scale(largest);
        let mut rounding = 0.0_f64;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let columns = to_usize(row_bytes) / 2;
        let at_once = to_usize(UPLOAD_CHUNK_BYTES / row_bytes).max(1);
        let mut halves: Vec<u16> = Vec::new();
        let blocks = clusters.chunks(plan.search_block).map(|places| {
            let block = make(gpu, "centred centroids in float16", wide(places.len()) * row_bytes, usage);
            for (number, chunk) in places.chunks(at_once).enumerate() {
                halves.clear();
                for &cluster in chunk {
                    let end = halves.len() + columns;
                    let mut off = 0.0;
                    for value in packed.centred(view, &job.centre, cluster) {
                        let half = to_half(value * scale);
                        off += (value * scale - f64::from(half)).powi(2);
                        halves.push(half.to_bits());
                    }
                    halves.resize(end, 0);
                    rounding = rounding.max(off.sqrt() / scale);
                }
                gpu.write(&block, wide(number * at_once) * row_bytes, bytemuck::cast_slice(&halves));
                // Each write allocates memory that is freed by the next submission.
                gpu.submit(None);
            }
            block
        });
        let blocks = blocks.collect();
        Some(HalfCentroids { blocks, scale, rounding })
    }
}

/// Centred centroids on the host.
#[derive(Debug, Default)]
pub(crate) struct CentredCentroids {
    /// `[places, octets * 8]`, padded with zeros.
    pub(crate) rows: Vec<f32>,
    /// Squared norms; [`NOTHING`] for padding.
    pub(crate) norms: Vec<f32>,
    row: Vec<f64>,
}

impl CentredCentroids {
    /// The centroid of a cluster minus the centre.
    fn centred(&mut self, view: &MatrixView<'_>, centre: &[f64], cluster: u32) -> &[f64] {
        self.row.resize(view.cols(), 0.0);
        view.copy_row(cluster as usize, &mut self.row);
        self.row.iter_mut().zip(centre).for_each(|(value, centre)| *value -= centre);
        &self.row
    }

    /// Replaces the content with the centroids of `clusters`. All threads of the rayon pool share the work: every lane waits
    /// for it.
    pub(crate) fn fill(&mut self, view: &MatrixView<'_>, centre: &[f64], clusters: &[u32], octets: u32) {
        let stride = octets as usize * OCTET;
        let padded = clusters.len().next_multiple_of(SEARCH_STEP as usize);
        self.rows.clear();
        self.rows.resize(padded * stride, 0.0);
        self.norms.clear();
        self.norms.resize(padded, NOTHING);
        let places = self.rows.par_chunks_mut(stride).zip(&mut self.norms).zip(clusters);
        places.for_each_init(Self::default, |packed, ((row, norm), &cluster)| {
            let centred = packed.centred(view, centre, cluster);
            row.iter_mut().zip(centred).for_each(|(out, &value)| *out = to_f32(value));
            *norm = to_f32(squared_norm(row));
        });
    }
}

impl SearchedLevel {
    /// Collects a level's searched centroids and uploads those that stay on the device; `None` if the level isn't searched.
    pub(crate) fn upload(gpu: &GpuDevice, job: &Job<'_>, plan: &TilePlan, level: usize) -> Option<SearchedLevel> {
        let wanted = job.searched.get(level).filter(|wanted| !wanted.is_empty())?;
        let view = &job.levels[level];
        let mut packed = CentredCentroids::default();
        let mut searched = SearchedLevel {
            clusters: Vec::new(),
            lengths: Vec::new(),
            longest: 0.0,
            extreme: Vec::new(),
            blocks: Vec::new(),
            halves: None,
        };
        let measured = wanted.par_iter().map_init(CentredCentroids::default, |packed, &cluster| {
            let row = packed.centred(view, &job.centre, cluster);
            plan.computable(magnitude::largest(Dtype::F64, bytemuck::cast_slice(row))).then(|| squared_norm(row).sqrt())
        });
        for (&cluster, length) in wanted.iter().zip(measured.collect::<Vec<_>>()) {
            let Some(length) = length else {
                searched.extreme.push(cluster);
                continue;
            };
            searched.clusters.push(cluster);
            searched.lengths.push(length);
            searched.longest = searched.longest.max(length);
        }
        if plan.search_resident[level] && plan.search_block > 0 {
            searched.blocks = upload_blocks(gpu, job, plan, level, &searched.clusters, &mut packed);
            if gpu.searches_in_half() {
                searched.halves = HalfCentroids::upload(gpu, job, plan, level, &searched.clusters, &mut packed);
            }
        }
        Some(searched)
    }
}

/// Uploads the centroids of `clusters` in blocks of `plan.search_block`.
fn upload_blocks(
    gpu: &GpuDevice,
    job: &Job<'_>,
    plan: &TilePlan,
    level: usize,
    clusters: &[u32],
    packed: &mut CentredCentroids,
) -> Vec<CentroidBlock> {
    let at_once = usize::try_from(UPLOAD_CHUNK_BYTES / plan.centroid_row).unwrap_or(1);
    let at_once = at_once.next_multiple_of(SEARCH_STEP as usize).max(SEARCH_STEP as usize);
    let upload = |places: &[u32]| {
        let block = CentroidBlock::new(gpu, plan, places.len());
        for (number, chunk) in places.chunks(at_once).enumerate() {
            packed.fill(&job.levels[level], &job.centre, chunk, plan.octets);
            let first = wide(number * at_once);
            gpu.write(&block.centroids, first * plan.centroid_row, bytemuck::cast_slice(&packed.rows));
            gpu.write(&block.norms, first * 4, bytemuck::cast_slice(&packed.norms));
            // Each write allocates memory that is freed by the next submission.
            gpu.submit(None);
        }
        block
    };
    clusters.chunks(plan.search_block).map(upload).collect()
}
