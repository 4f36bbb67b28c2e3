//! What is known of all points before the first centroid is chosen: how many there are, their mean, the sum of squared
//! distances to it, and that all are finite.

use std::ops::Range;

use ndarray::Array2;

use super::Fit;
use super::points::widen;
use super::sums::{Sums, real, whole};
use super::team::Team;
use super::tiles::{Cursor, Pass, Sweep, Tile};
use crate::backend::{Job, UNLABELLED};
use crate::crew::Absorb;
use crate::error::{Error, Finding, Result};
use crate::matrix::MatrixView;

/// Points of each member whose mean stands in for the mean of all until that is known.
const SAMPLED: u64 = 256;

/// How many points with a NaN or an infinity are named.
const NAMED: usize = 10;

/// Who has which points.
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// This member's among those of all.
    pub(super) own: Range<u64>,
    /// Those of all.
    pub(super) points: u64,
}

impl Members {
    /// Asks everyone.
    pub(super) fn meet(team: &dyn Team, points: u64) -> Result<Members> {
        let mut counts = vec![0.0; team.size()];
        counts[team.rank()] = real(points);
        team.sum(&mut counts)?;
        let start = counts[..team.rank()].iter().copied().map(whole).sum();
        Ok(Members { own: start..start + points, points: counts.into_iter().map(whole).sum() })
    }
}

/// What is known of all points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Survey {
    /// Their mean, nearly: subtracted from everything before it is summed.
    pub(super) centre: Vec<f64>,
    /// Sum of squared distances to it.
    pub(super) total: f64,
}

/// Sums around the stand-in for the mean.
struct Around {
    cursor: Cursor,
    sums: Sums,
    squares: f64,
    broken: Broken,
}

impl Absorb for Around {
    type Tile = Tile;

    fn absorb(&mut self, tile: &Tile) {
        let level = tile.observation.levels.first();
        let (runs, squared) = level.map_or((&[][..], &[][..]), |level| (&level.runs, &level.squared));
        self.squares += match runs {
            // NaN: a point that is refused
            [] => squared.iter().filter(|squared| !squared.is_nan()).sum::<f64>(),
            runs => runs.iter().map(|run| run.inertia).sum::<f64>(),
        };
        self.sums.add(&tile.came);
        self.broken.extend(tile);
    }
}

impl Pass for Around {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        self.cursor.cut(rows, tile, |_| true)
    }
}

impl Survey {
    /// Goes over all points once.
    pub(super) fn of(fit: &Fit<'_>, members: &Members) -> Result<Survey> {
        let (points, dim) = (fit.points, fit.points.dim());
        let near = stand_in(fit)?;
        let levels = vec![MatrixView::F64(near.view())];
        let centre = near.row(0).to_vec();
        let job = Job { centre, sums: true, ..Job::new(dim, points.dtype(), points.len(), levels) };
        let progress = fit.watch.begin("survey", points.len(), points.row_bytes() as u64);
        let sweep =
            Sweep { points, backend: fit.backend, job: &job, watch: fit.watch, progress: progress.as_ref(), units: 1 };
        let cursor = Cursor::new(0..points.len());
        let around = Around { cursor, sums: Sums::none(1, dim)?, squares: 0.0, broken: Broken::default() };
        let (around, outcome) = sweep.run(around, |lane, tile| {
            measure_broken(lane, tile)?;
            lane.cluster_sums(&tile.labels, &mut tile.came)
        });
        outcome?;
        around.broken.refuse(fit.team, points.len())?;
        let mut found = around.sums.values().to_vec();
        found.push(around.squares);
        fit.team.sum(&mut found)?;
        let squares = found.pop().unwrap_or_default();
        let n = real(members.points);
        let shifts = found.iter().map(|sum| sum / n);
        let centre: Vec<f64> = shifts.clone().zip(near.row(0)).map(|(shift, near)| near + shift).collect();
        // to where the centre came to lie after rounding
        let shifted: f64 = centre.iter().zip(near.row(0)).map(|(centre, near)| (centre - near).powi(2)).sum();
        let cross: f64 = centre.iter().zip(near.row(0)).zip(&found).map(|((c, near), sum)| (c - near) * sum).sum();
        Ok(Survey { centre, total: (squares - 2.0 * cross + n * shifted).max(0.0) })
    }
}

/// The mean of a few points of every member, the same everywhere.
fn stand_in(fit: &Fit<'_>) -> Result<Array2<f64>> {
    let (points, dim) = (fit.points, fit.points.dim());
    let taken = points.len().min(SAMPLED);
    let place = |number: u64| u128::from(number) * u128::from(points.len()) / u128::from(taken);
    let positions: Vec<u64> = (0..taken).map(|number| u64::try_from(place(number)).unwrap_or(u64::MAX)).collect();
    let mut bytes = vec![0; positions.len() * points.row_bytes()];
    points.gather(&positions, &mut bytes)?;
    let mut row = vec![0.0; dim];
    let mut sum = vec![0.0; dim + 1];
    for bytes in bytes.chunks_exact(points.row_bytes().max(1)) {
        widen(points.dtype(), bytes, &mut row);
        // points that are to be refused are refused later, with their numbers
        if row.iter().all(|value| value.is_finite()) {
            sum.iter_mut().zip(&row).for_each(|(sum, value)| *sum += value);
            sum[dim] += 1.0;
        }
    }
    fit.team.sum(&mut sum)?;
    let count = sum.pop().unwrap_or_default().max(1.0);
    Ok(Array2::from_shape_fn((1, dim), |(_, column)| sum[column] / count))
}

/// Points with a NaN or an infinity.
#[derive(Debug, Default)]
pub(super) struct Broken {
    first: Vec<u64>,
    count: u64,
}

/// Measures the distances of a tile's points to the job's one centroid, and leaves a label (0) to those that are finite.
pub(super) fn measure_broken(lane: &mut dyn crate::backend::Lane, tile: &mut Tile) -> Result<()> {
    tile.labels.clear();
    tile.labels.resize(tile.positions.len(), 0);
    lane.own_distances(&[&tile.labels], &mut tile.observation)?;
    tile.observation.nonfinite.iter().for_each(|&row| tile.labels[row as usize] = UNLABELLED);
    Ok(())
}

impl Broken {
    /// Those of one more tile.
    pub(super) fn extend(&mut self, tile: &Tile) {
        let bad = &tile.observation.nonfinite;
        self.count += bad.len() as u64;
        let room = NAMED.saturating_sub(self.first.len());
        self.first.extend(bad.iter().take(room).map(|&row| tile.positions[row as usize]));
    }

    /// Refuses them, on all members where one has some.
    pub(super) fn refuse(&self, team: &dyn Team, points: u64) -> Result<()> {
        let mut counts = vec![0.0; team.size()];
        counts[team.rank()] = real(self.count);
        team.sum(&mut counts)?;
        let all: u64 = counts.into_iter().map(whole).sum();
        if all == 0 {
            return Ok(());
        }
        let named: Vec<String> = self.first.iter().map(u64::to_string).collect();
        let more = if self.count > named.len() as u64 { ", ..." } else { "" };
        let found = match self.count {
            0 => format!("{all} such points among those of other members"),
            count => format!("{count} such points among {points}: {}{more}", named.join(", ")),
        };
        let finding = Finding::new("the points to be clustered hold NaN or infinite values")
            .expected("finite values")
            .found(found)
            .hint("repair those rows, or leave them out with a subset");
        Err(Error::input(finding))
    }
}
