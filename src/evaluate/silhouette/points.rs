//! Reads centred rows of the embeddings in hierarchy order.

use bytemuck::cast_slice_mut;
use half::f16;

use crate::backend::PointSet;
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::Dtype;
use crate::evaluate::Evaluation;
use crate::formats::embeddings::Embeddings;

/// Consecutive rows that are read at once.
const MOST_ROWS: usize = 256;

/// Reads `rows` in this order and subtracts the job's centre. Uses one thread per lane.
pub(super) fn read(run: &Evaluation<'_>, rows: &[u64]) -> Result<PointSet> {
    let mut points = PointSet { dim: run.embeddings.dim(), values: Vec::new() };
    append(run, rows, &mut points)?;
    Ok(points)
}

/// As [`read`], but appends to `points`.
pub(super) fn append(run: &Evaluation<'_>, rows: &[u64], points: &mut PointSet) -> Result<()> {
    let PointSet { dim, values } = points;
    let (dim, held) = (*dim, values.len());
    let length = rows.len().checked_mul(dim).filter(|&length| values.try_reserve_exact(length).is_ok());
    let Some(length) = length else {
        return Err(Error::failed(
            Finding::new("the points of the silhouette do not fit into memory")
                .found(format!("{} rows of {dim} columns, as float32", rows.len()))
                .hint("take a smaller sample with --silhouette sample:N, or none with --silhouette off"),
        ));
    };
    values.resize(held + length, 0.0);
    let threads = run.tiling.lanes.max(1);
    let share = rows.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts = rows.chunks(share).zip(values[held..].chunks_mut(share * dim));
        let readers: Vec<_> = parts.map(|(rows, out)| scope.spawn(|| read_part(run, rows, out))).collect();
        readers.into_iter().try_for_each(|reader| match reader.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Reads `rows` into `out`, `[rows.len(), dim]`.
pub(super) fn read_part(run: &Evaluation<'_>, rows: &[u64], out: &mut [f32]) -> Result<()> {
    let (embeddings, dim) = (run.embeddings, run.embeddings.dim());
    let row_bytes = embeddings.row_bytes();
    let mut words = vec![0_u64; (MOST_ROWS.min(rows.len()) * row_bytes).div_ceil(8)];
    // in file order, to minimise seeks
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_unstable_by_key(|&place| rows[place]);
    let mut done = 0;
    while done < places.len() {
        if run.watch.cancelled() {
            return Err(Error::interrupted());
        }
        let first = rows[places[done]];
        let follows = |&at: &usize| rows[places[done + at]] == first + at as u64;
        let count = (0..(places.len() - done).min(MOST_ROWS)).take_while(follows).count();
        let bytes = &mut cast_slice_mut(&mut words)[..count * row_bytes];
        embeddings.read_rows(first, bytes)?;
        for (&place, bytes) in places[done..].iter().zip(bytes.chunks(row_bytes)) {
            centre(embeddings, bytes, &run.job.centre, &mut out[place * dim..][..dim]);
        }
        done += count;
    }
    Ok(())
}

/// Subtracts the centre in float64 and rounds the difference.
#[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is intended")]
fn centre(embeddings: &Embeddings, bytes: &[u8], centre: &[f64], out: &mut [f32]) {
    let centres = centre.iter().cycle();
    let out = out.iter_mut().zip(centres);
    match embeddings.dtype() {
        Dtype::F16 => {
            let values: &[f16] = bytemuck::cast_slice(bytes);
            out.zip(values).for_each(|((out, centre), value)| *out = (value.to_f64() - centre) as f32);
        }
        Dtype::F32 => {
            let values: &[f32] = bytemuck::cast_slice(bytes);
            out.zip(values).for_each(|((out, centre), value)| *out = (f64::from(*value) - centre) as f32);
        }
        Dtype::F64 => {
            let values: &[f64] = bytemuck::cast_slice(bytes);
            out.zip(values).for_each(|((out, centre), value)| *out = (value - centre) as f32);
        }
    }
}
