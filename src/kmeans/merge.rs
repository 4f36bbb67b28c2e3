//! Twice as many first centroids as wanted, merged to as many as are.
//!
//! Points drawn by D^2 miss groups and take several of others. The usual remedy is greedy: to draw 2 + ln k candidates for
//! each centroid and to keep the one that lowers the objective most, which compares all points with each of them. Here twice
//! as many centroids are drawn, in cells around them points are averaged, and the cells are merged, those first whose
//! merging costs least (Ward 1963): of the nearest pairs of cells the cheaper half of what is too many, round after round.
//! That is two of Lloyd's passes instead of 2 + ln k, and mostly ends in lower objectives or about as low ones; docs/benchmarks
//! has figures, and where it does not. To draw more than is needed and to reduce that by its weights is due to Bahmani et al.
//! (k-means||, VLDB 2012).

use ndarray::{Array2, Axis};

use super::bounds::Bounds;
use super::fit::defect;
use super::search::at;
use super::state::State;
use super::sums::Sums;
use super::{Fit, plus_plus};
use crate::backend::{Job, Top2, UNLABELLED};
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::base::numeric::as_real;
use crate::engine::points::{MatrixPoints, Points as _};
use crate::engine::progress::StageProgress;
use crate::engine::tile_pipeline::Reduce;
use crate::engine::tiles::{Cursor, Pass, Sweep, Tile};

/// What of the cells that are too many is merged in a round: fewer change what is found by less than one seed does.
const SHARE: usize = 2;

/// The sums of cells.
struct Cells<'a> {
    cursor: Cursor,
    bounds: &'a Bounds,
    sums: Sums,
}

impl Pass for Cells<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let some = self.cursor.cut(rows, tile, |_| true);
        tile.labels.clear();
        tile.labels.extend(tile.positions.iter().map(|&position| self.bounds.labels[at(position)]));
        some
    }
}

impl Reduce for Cells<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        self.sums.add(&tile.came);
        tile.labels.iter().for_each(|&label| self.sums.count_in(label));
    }
}

/// As many centroids as `fit` wants, of the state's, whose cells all points are labelled with. The same on all members.
pub(super) fn merged(fit: &Fit<'_>, state: &State, progress: &dyn StageProgress) -> Result<Array2<f64>> {
    let (means, counts) = cells(fit, state, progress)?;
    let mut merged = match fit.communicator.rank() {
        0 => {
            let (means, weights) = without_weightless(means, &counts, fit.clusters);
            let merged = merge(fit, means, weights, progress)?;
            without_empty(fit, &state.centroids, merged, progress)?
        }
        // devices differ in the last place, so that one member says what the others take
        _ => Array2::zeros((fit.clusters, state.centroids.ncols())),
    };
    let values = merged.as_slice_mut().ok_or_else(|| defect("centroids are not row-major"))?;
    fit.communicator.all_reduce(values)?;
    Ok(merged)
}

/// The means of all cells, and how many points each has.
fn cells(fit: &Fit<'_>, state: &State, progress: &dyn StageProgress) -> Result<(Array2<f64>, Vec<u64>)> {
    let (points, centre) = (fit.points, &state.centre);
    let job = Job {
        centre: centre.clone(),
        sums: true,
        ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(state.centroids.view())])
    };
    let sweep = Sweep { points, backend: fit.backend, job: &job, watch: fit.watch, progress, units: 0 };
    let sums = Sums::none(state.centroids.nrows(), points.dim())?;
    let cells = Cells { cursor: Cursor::new(0..points.len()), bounds: &state.bounds, sums };
    let (cells, outcome) = sweep.run(cells, |lane, tile| lane.cluster_sums(&tile.labels, &mut tile.came));
    outcome?;
    let all = cells.sums.over(fit.communicator)?;
    Ok((all.means(centre, &state.centroids), all.counts().to_vec()))
}

/// Merges weighted means until there are as many as wanted.
fn merge(
    fit: &Fit<'_>,
    mut means: Array2<f64>,
    mut weights: Vec<f64>,
    progress: &dyn StageProgress,
) -> Result<Array2<f64>> {
    while means.nrows() > fit.clusters {
        let nearest = others(fit, &means, progress)?;
        let excess = means.nrows() - fit.clusters;
        let gone = merge_round(&mut means, &mut weights, &nearest, excess.div_ceil(SHARE));
        let left: Vec<usize> = (0..weights.len()).filter(|&cell| !gone[cell]).collect();
        means = means.select(Axis(0), &left);
        weights = left.into_iter().map(|cell| weights[cell]).collect();
    }
    Ok(means)
}

/// Leaves out cells without points, as many as there are too many.
fn without_weightless(means: Array2<f64>, counts: &[u64], wanted: usize) -> (Array2<f64>, Vec<f64>) {
    let mut excess = counts.len() - wanted;
    let mut kept = |&cell: &usize| {
        let gone = counts[cell] == 0 && excess > 0;
        excess -= usize::from(gone);
        !gone
    };
    let cells: Vec<usize> = (0..counts.len()).filter(|cell| kept(cell)).collect();
    let weights = cells.iter().map(|&cell| as_real(counts[cell])).collect();
    (means.select(Axis(0), &cells), weights)
}

/// Sees to it that no first centroid is empty. The seeds are distinct points: a centroid that is the nearest of a seed has a
/// point. One that is the nearest of none becomes a seed itself, the farthest one from all centroids first.
fn without_empty(
    fit: &Fit<'_>,
    seeds: &Array2<f64>,
    mut centroids: Array2<f64>,
    progress: &dyn StageProgress,
) -> Result<Array2<f64>> {
    loop {
        let nearest = nearest_of(fit, seeds, &centroids, progress)?;
        let mut empty = vec![true; centroids.nrows()];
        nearest.iter().for_each(|top2| empty[top2.clusters[0] as usize] = false);
        let empty: Vec<usize> = (0..empty.len()).filter(|&cluster| empty[cluster]).collect();
        let mut far: Vec<usize> = (0..nearest.len()).filter(|&seed| nearest[seed].squared[0] > 0.0).collect();
        far.sort_by(|&a, &b| nearest[b].squared[0].total_cmp(&nearest[a].squared[0]).then(a.cmp(&b)));
        if empty.is_empty() || far.is_empty() {
            return Ok(centroids);
        }
        // every round makes at least one more centroid a seed, which it stays
        empty.into_iter().zip(far).for_each(|(cluster, seed)| centroids.row_mut(cluster).assign(&seeds.row(seed)));
    }
}

/// Merges the `most` pairs of lowest cost that have no cell in common; says which cells are gone.
fn merge_round(means: &mut Array2<f64>, weights: &mut [f64], nearest: &[(usize, f64)], most: usize) -> Vec<bool> {
    let cost = |cell: usize| {
        let (other, squared) = nearest[cell];
        let (a, b) = (weights[cell], weights[other]);
        if a + b > 0.0 { a * b / (a + b) * squared } else { 0.0 }
    };
    let mut pairs: Vec<(f64, usize)> = (0..weights.len()).map(|cell| (cost(cell), cell)).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut gone, mut busy, mut merged) = (vec![false; weights.len()], vec![false; weights.len()], 0);
    for (_, cell) in pairs {
        let (other, _) = nearest[cell];
        if merged == most || busy[cell] || busy[other] {
            continue;
        }
        let whole = weights[cell] + weights[other];
        if whole > 0.0 {
            let share = weights[cell] / whole;
            let from = means.row(cell).to_owned();
            means.row_mut(other).iter_mut().zip(from).for_each(|(to, from)| *to += share * (from - *to));
        }
        weights[other] = whole;
        (busy[cell], busy[other], gone[cell]) = (true, true, true);
        merged += 1;
    }
    gone
}

/// The nearest other row of each row, and the squared distance to it.
fn others(fit: &Fit<'_>, means: &Array2<f64>, progress: &dyn StageProgress) -> Result<Vec<(usize, f64)>> {
    let nearest = nearest_of(fit, means, means, progress)?;
    Ok(nearest.iter().enumerate().map(|(row, nearest)| other(row, nearest)).collect())
}

/// The two nearest centroids of each row.
fn nearest_of(
    fit: &Fit<'_>,
    rows: &Array2<f64>,
    centroids: &Array2<f64>,
    progress: &dyn StageProgress,
) -> Result<Vec<Top2>> {
    let points = MatrixPoints { matrix: rows };
    let job = Job {
        centre: centroids.mean_axis(Axis(0)).map_or_else(Vec::new, |mean| mean.to_vec()),
        searched: vec![(0..).take(centroids.nrows()).collect()],
        ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(centroids.view())])
    };
    let sweep = Sweep { points: &points, backend: fit.backend, job: &job, watch: fit.watch, progress, units: 0 };
    let pass = Nearest { cursor: Cursor::new(0..points.len()), found: Vec::new() };
    let (pass, outcome) = sweep.run(pass, plus_plus::compare_all);
    outcome?;
    Ok(pass.found)
}

struct Nearest {
    cursor: Cursor,
    found: Vec<Top2>,
}

impl Pass for Nearest {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        self.cursor.cut(rows, tile, |_| true)
    }
}

impl Reduce for Nearest {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        self.found.extend(&tile.nearest);
    }
}

/// Which of the two nearest a row isn't itself.
fn other(row: usize, nearest: &Top2) -> (usize, f64) {
    let first = nearest.clusters[0] as usize;
    // equal rows are at distance 0, whichever comes first
    let slot = usize::from(first == row && nearest.clusters[1] != UNLABELLED);
    (nearest.clusters[slot] as usize, nearest.squared[slot])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_cheapest_pairs_without_a_common_cell_are_merged() {
        let mut means = array![[0.0], [1.0], [10.0], [10.5], [30.0]];
        let mut weights = [3.0, 1.0, 1.0, 1.0, 9.0];
        // 0-1: 3/4, 2-3: 1/8, 4-3: 9/10 * 380
        let nearest = [(1, 1.0), (0, 1.0), (3, 0.25), (2, 0.25), (3, 380.25)];
        let gone = merge_round(&mut means, &mut weights, &nearest, 9);
        assert_eq!(gone, [true, false, true, false, false], "and each once");
        assert_eq!((means[[1, 0]], means[[3, 0]], means[[4, 0]]), (0.25, 10.25, 30.0));
        assert_eq!((weights[1], weights[3]), (4.0, 2.0));
        let one =
            merge_round(&mut array![[0.0], [1.0], [3.0]], &mut [1.0, 1.0, 1.0], &[(1, 1.0), (0, 1.0), (1, 4.0)], 1);
        assert_eq!(one, [true, false, false]);
    }

    #[test]
    fn a_row_is_not_its_own_neighbour() {
        let two = |clusters, squared| Top2 { clusters, squared };
        assert_eq!(other(3, &two([3, 5], [0.0, 2.0])), (5, 2.0));
        assert_eq!(other(5, &two([3, 5], [0.0, 0.0])), (3, 0.0), "equal rows");
    }
}
