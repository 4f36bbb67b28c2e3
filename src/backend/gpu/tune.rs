//! Times every shape of the search on made-up tiles.

use std::time::{Duration, Instant};

use ndarray::ArrayView2;

use super::backend::GpuBackend;
use super::engine::options::{GpuOptions, KernelShape, nominal_rate};
use super::engine::tuning::ShapeClass;
use super::engine::units::{OCTET, wide};
use crate::backend::select::TimedShape;
use crate::backend::{Backend, DeviceInfo, Job, Top2, Tuning};
use crate::base::error::Result;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::{as_real, to_f32, to_usize};

/// Columns and clusters of the classes.
const COLUMNS: [usize; 4] = [128, 384, 768, 1024];
const CLUSTERS: [usize; 3] = [256, 1024, 8192];

/// Those of a software rasterizer, which takes long for others.
const SOFTWARE: [(usize, usize); 2] = [(128, 256), (768, 1024)];

/// Most rows of a tile: as many as fill a large GPU.
const ROWS: usize = 1 << 14;

/// How long a shape is timed if it isn't settled before.
const LONGEST: Duration = Duration::from_secs(1);

/// Times all shapes on adapter `index`, checks that they agree, and keeps the fastest as `tuning` says. Calls `go_on` between
/// them.
///
/// # Errors
/// As [`GpuBackend::open`]; device errors; the error of `go_on`.
pub fn tune(index: usize, tuning: &Tuning, go_on: &dyn Fn() -> Result<()>) -> Result<(DeviceInfo, Vec<TimedShape>)> {
    let keeper = GpuBackend::open(index, GpuOptions { tuning: tuning.clone(), ..GpuOptions::default() })?;
    let open =
        |shape| GpuBackend::open(index, GpuOptions { search_shapes: Some(vec![shape]), ..GpuOptions::default() });
    let backends = KernelShape::EVERYWHERE.into_iter().map(open).collect::<Result<Vec<_>>>()?;
    let info = keeper.describe();
    let software = info.kind == "software";
    let classes: Vec<(usize, usize)> = match software {
        true => SOFTWARE.to_vec(),
        false => COLUMNS.iter().flat_map(|&dim| CLUSTERS.map(|k| (dim, k))).collect(),
    };
    let values = values(classes.iter().map(|&(dim, k)| dim * k.max(ROWS)).max().unwrap_or(0) + SHIFT);
    let mut timed = Vec::new();
    for (dim, k) in classes {
        let rows = rows(info.kind, dim, k);
        let class = Class { dim, k, rows, points: &values[..rows * dim], centroids: &values[SHIFT..][..k * dim] };
        let mut seen: Vec<(TimedShape, Vec<Top2>)> = Vec::new();
        for (backend, shape) in backends.iter().zip(KernelShape::EVERYWHERE) {
            go_on()?;
            seen.push(class.time(backend, shape)?);
        }
        timed.extend(judged(&keeper, &class, seen));
    }
    Ok((info, timed))
}

/// Where the centroids begin among the values: no multiple of any number of columns, so that none is a point.
const SHIFT: usize = 12_347;

/// Rows that a common device of the kind searches in hundredths of a second.
fn rows(kind: &str, dim: usize, k: usize) -> usize {
    let seconds = match kind {
        "discrete" => return ROWS,
        "software" => 0.01,
        _ => 0.05,
    };
    let row = 2.0 * as_real(wide(dim * k));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let rows = (nominal_rate(kind) * seconds / row) as u64;
    to_usize(rows).clamp(256, ROWS)
}

/// The tiles of one class.
struct Class<'a> {
    dim: usize,
    k: usize,
    rows: usize,
    points: &'a [f32],
    centroids: &'a [f32],
}

impl Class<'_> {
    /// Searches the tile until the backend knows how long that takes.
    fn time(&self, backend: &GpuBackend, shape: KernelShape) -> Result<(TimedShape, Vec<Top2>)> {
        let centroids = ArrayView2::from_shape((self.k, self.dim), self.centroids);
        let levels = centroids.into_iter().map(MatrixView::F32).collect();
        let job = Job {
            tile_rows: self.rows,
            centre: vec![0.0; self.dim],
            searched: vec![(0..).take(self.k).collect()],
            ..Job::new(self.dim, Dtype::F32, wide(self.rows), levels)
        };
        let mut lane = backend.lane(&job, backend.tiling(&job)?)?;
        lane.staging(self.rows).copy_from_slice(bytemuck::cast_slice(self.points));
        lane.upload()?;
        let (labels, mut nearest) = (vec![0; self.rows], Vec::new());
        let started = Instant::now();
        let rate = loop {
            lane.top2(0, &labels, &mut nearest)?;
            let tuned = backend.tuned_class(self.class());
            if tuned.is_some_and(|(_, settled)| settled) || started.elapsed() > LONGEST {
                break tuned.map_or(0.0, |(rate, _)| rate);
            }
        };
        let operations = 2.0 * as_real(wide(self.rows * self.dim)) * as_real(wide(self.k));
        let timed = TimedShape {
            columns: self.dim,
            clusters: self.k,
            rows: self.rows,
            shape: shape.name(),
            seconds: (rate > 0.0).then(|| operations / rate),
            rate: (rate > 0.0).then_some(rate),
            agrees: false,
            chosen: false,
        };
        Ok((timed, nearest))
    }

    fn class(&self) -> ShapeClass {
        let octets = u32::try_from(self.dim.div_ceil(OCTET)).unwrap_or(u32::MAX);
        ShapeClass { octets, clusters: wide(self.k.next_power_of_two()), dtype: Dtype::F32 }
    }
}

/// Compares the shapes of a class. Those that agree with the first one may be chosen; the fastest is kept.
fn judged(keeper: &GpuBackend, class: &Class<'_>, seen: Vec<(TimedShape, Vec<Top2>)>) -> Vec<TimedShape> {
    let first = seen.first().map(|(_, nearest)| nearest.clone()).unwrap_or_default();
    let judge = |(shape, nearest): (TimedShape, Vec<Top2>)| TimedShape { agrees: nearest == first, ..shape };
    let mut seen: Vec<TimedShape> = seen.into_iter().map(judge).collect();
    let all_agree = seen.iter().all(|shape| shape.agrees);
    let may = seen.iter_mut().zip(KernelShape::EVERYWHERE).filter(|_| all_agree);
    let fastest = may.max_by(|(a, _), (b, _)| a.rate.unwrap_or(0.0).total_cmp(&b.rate.unwrap_or(0.0)));
    if let Some((fastest, shape)) = fastest
        && let Some(rate) = fastest.rate
    {
        fastest.chosen = true;
        keeper.keep_choice(class.class(), shape, rate);
    }
    seen
}

/// Uniform values in [-1, 1), the same each time.
fn values(count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        to_f32(as_real(state >> 40) / f64::from(1 << 23) - 1.0)
    };
    (0..count).map(|_| draw()).collect()
}
