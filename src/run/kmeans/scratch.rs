//! Which rows a process of a k-means copies to the machine's own disk: those that it fits, which every iteration reads.

use std::ops::Range;

use super::inputs::Inputs;
use crate::backend::{Backend, PointShape};
use crate::base::error;
use crate::base::numeric::to_usize;
use crate::base::signals;
use crate::engine::share::Shard;
use crate::plan::record::Staging;
use crate::plan::settings::KmeansSettings;
use crate::plan::staging;

/// A subset or sample is copied together with the rows between its own, up to this many times as many rows in all.
const MOST_SPREAD: u64 = 2;

/// Reads this process's rows from copies from now on, if `--scratch` is set and it pays. Returns what was done, `None` without
/// `--scratch`. What stands in the way becomes a warning.
///
/// # Errors
/// If a copy can't be written; `Paused` if the process is asked to stop.
pub(super) fn stage(
    settings: &mut KmeansSettings,
    inputs: &mut Inputs,
    backend: &dyn Backend,
    shard: Shard,
) -> error::Result<Option<Staging>> {
    let Some(scratch) = &settings.scratch else { return Ok(None) };
    let rows = worth_copying(inputs, backend, shard);
    let (staging, warning) = staging::stage(scratch, &mut inputs.embeddings, rows, &signals::go_on)?;
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
        settings.warnings.push(warning);
    }
    Ok(Some(staging))
}

/// The rows of this process's points, or why they are not copied.
fn worth_copying(inputs: &Inputs, backend: &dyn Backend, shard: Shard) -> Result<Range<u64>, String> {
    let (embeddings, subset, fitted) = (&inputs.embeddings, inputs.subset.as_deref(), inputs.fitted.as_deref());
    let points = fitted.or(subset).map_or(embeddings.rows(), |some| some.len() as u64);
    let own = shard.rows(points);
    let count = own.end - own.start;
    let (dim, dtype) = (embeddings.dim(), embeddings.dtype());
    if backend.keep(PointShape { dim, dtype, rows: count, tile_rows: 1 }).is_some() {
        return Err("the device keeps the points after the first pass".to_owned());
    }
    if fitted.is_none() && subset.is_none() {
        return Ok(own);
    }
    let row = |point: u64| {
        let point = fitted.map_or(point, |fitted| fitted[to_usize(point)]);
        subset.map_or(point, |subset| subset[to_usize(point)])
    };
    let rows = spread_of(own.map(row));
    if rows.end - rows.start > count.saturating_mul(MOST_SPREAD) {
        return Err(format!("the {count} rows that are read again and again lie among {}", rows.end - rows.start));
    }
    Ok(rows)
}

/// From the first to the last of some rows, in any order.
fn spread_of(rows: impl Iterator<Item = u64>) -> Range<u64> {
    let spread = rows.fold(None, |spread: Option<Range<u64>>, row| match spread {
        Some(spread) => Some(spread.start.min(row)..spread.end.max(row + 1)),
        None => Some(row..row + 1),
    });
    spread.unwrap_or(0..0)
}

#[cfg(test)]
mod tests {
    use super::spread_of;

    #[test]
    fn rows_spread_from_the_first_to_the_last() {
        assert_eq!(spread_of([7, 3, 4].into_iter()), 3..8);
        assert_eq!((spread_of([5].into_iter()), spread_of(std::iter::empty())), (5..6, 0..0));
    }
}
