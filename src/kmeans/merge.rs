//! Merges twice as many initial centroids as wanted.
//!
//! Points drawn by D^2 miss some groups and hit others several times. The usual remedy is greedy k-means++: it draws 2 + ln k
//! candidates per centroid and keeps the one that lowers the objective most, comparing all points with each candidate. Here,
//! twice as many centroids are drawn, the points nearest to each are averaged, and these cells are merged by Ward's criterion
//! (1963). Each round considers every cell with its nearest one, and merges the cheapest pairs, up to a share of the excess.
//! This takes two Lloyd passes instead of 2 + ln k, and mostly reaches an equal or lower objective; docs/benchmarks has the
//! numbers, and the exceptions. Drawing too many centroids and reducing them by weight is due to Bahmani et al. (k-means||,
//! VLDB 2012).

use ndarray::{Array2, Axis};

use super::Fit;
use super::errors::defect;
use super::pass::{Pass, search_finite};
use super::recount::recount;
use super::state::State;
use super::tile::{Cursor, Tile};
use super::words::Words;
use crate::backend::{Job, Top2, UNLABELLED};
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::base::numeric::as_real;
use crate::engine::points::{MatrixPoints, Points as _};
use crate::engine::progress::StageProgress;
use crate::engine::tile_pipeline::{Reduce, TileSource};

/// Inverse share of the excess cells merged per round, from about twice as many as wanted. More rounds change the result by less
/// than another seed does.
const SHARE: usize = 2;

/// The same from many times as many. If a round had to merge half of them, cells of few and crowded groups would not make enough
/// pairs, and cells of different groups would be merged.
const SMALL_SHARE: usize = 8;

/// Merges the state's centroids to `fit.clusters`. The state's labels give the cell of each point. The same on all processes.
pub(super) fn merged(fit: &Fit<'_>, state: &State, progress: &dyn StageProgress) -> Result<Array2<f64>> {
    let (means, counts) = cells(fit, state, progress)?;
    // devices differ in the last place, so rank 0 decides for all
    let mut words = Words::default();
    if fit.communicator.rank() == 0 {
        let (means, weights) = without_weightless(means, &counts, fit.clusters);
        let merged = merge(fit, means, weights, progress)?;
        let merged = without_empty(fit, &state.centroids, merged, progress)?;
        words.push(merged.iter().map(|value| value.to_bits()).collect::<Vec<_>>().into_iter());
    }
    let mut bytes = words.into_bytes();
    fit.communicator.broadcast(&mut bytes)?;
    let mut words = Words::from_bytes(&bytes);
    let values = words.next_list().iter().map(|&bits| f64::from_bits(bits)).collect();
    Array2::from_shape_vec((fit.clusters, state.centroids.ncols()), values)
        .map_err(|_| defect("rank 0 has other numbers of clusters or columns"))
}

/// Means of all cells, `[cells, d]`, and their sizes.
fn cells(fit: &Fit<'_>, state: &State, progress: &dyn StageProgress) -> Result<(Array2<f64>, Vec<u64>)> {
    let (sums, _) = recount(fit, state, &state.centroids, false, progress)?;
    let all = sums.over(fit.communicator)?;
    Ok((all.means(&state.centroids), all.counts().to_vec()))
}

/// Merges weighted means until `fit.clusters` are left.
fn merge(
    fit: &Fit<'_>,
    mut means: Array2<f64>,
    mut weights: Vec<f64>,
    progress: &dyn StageProgress,
) -> Result<Array2<f64>> {
    let share = if means.nrows() > 3 * fit.clusters { SMALL_SHARE } else { SHARE };
    while means.nrows() > fit.clusters {
        let nearest = others(fit, &means, progress)?;
        let excess = means.nrows() - fit.clusters;
        let gone = merge_round(&mut means, &mut weights, &nearest, excess.div_ceil(share));
        let left: Vec<usize> = (0..weights.len()).filter(|&cell| !gone[cell]).collect();
        means = means.select(Axis(0), &left);
        weights = left.into_iter().map(|cell| weights[cell]).collect();
    }
    Ok(means)
}

/// Removes cells without points, at most as many as there are too many.
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

/// Ensures that no initial cluster is empty. The seeds are distinct points, so a centroid that is the nearest of a seed has a
/// point. A centroid that is the nearest of none is replaced by a seed, the one farthest from all centroids first.
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
        // each round turns at least one more centroid into a seed, which it stays
        empty.into_iter().zip(far).for_each(|(cluster, seed)| centroids.row_mut(cluster).assign(&seeds.row(seed)));
    }
}

/// Merges the `most` cheapest pairs without a common cell. Returns which cells are gone.
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

/// For each row, its nearest other row and the squared distance to it.
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
    let pass = Pass {
        points: &points,
        backend: fit.backend,
        job: &job,
        checks_finite: false,
        watch: fit.watch,
        progress,
        units: 0,
    };
    let nearest = Nearest { cursor: Cursor::new(&points, 0), found: Vec::new() };
    let (nearest, outcome) = pass.run(nearest, search_finite);
    outcome?;
    Ok(nearest.found)
}

struct Nearest {
    cursor: Cursor,
    found: Vec<Top2>,
}

impl TileSource for Nearest {
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

/// The nearest of the two that is not the row itself.
fn other(row: usize, nearest: &Top2) -> (usize, f64) {
    let first = nearest.clusters[0] as usize;
    // equal rows are at distance 0 in any order
    let slot = usize::from(first == row && nearest.clusters[1] != UNLABELLED);
    (nearest.clusters[slot] as usize, nearest.squared[slot])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_cheapest_disjoint_pairs_are_merged() {
        let mut means = array![[0.0], [1.0], [10.0], [10.5], [30.0]];
        let mut weights = [3.0, 1.0, 1.0, 1.0, 9.0];
        // 0-1: 3/4, 2-3: 1/8, 4-3: 9/10 * 380
        let nearest = [(1, 1.0), (0, 1.0), (3, 0.25), (2, 0.25), (3, 380.25)];
        let gone = merge_round(&mut means, &mut weights, &nearest, 9);
        assert_eq!(gone, [true, false, true, false, false], "each cell is merged once");
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
