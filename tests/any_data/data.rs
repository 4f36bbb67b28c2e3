//! Small data sets of every kind, each with a two-level clustering of it.

use crate::common::{Clustering, Draw, Dtype, stored};
use crate::kmeans::count_distinct;

/// What is special about a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Plain,
    /// Few distinct rows, in order or shuffled.
    Repeats,
    /// One distinct row.
    AllEqual,
    /// Every value times a power of ten from 1e-30 to 1e30.
    Scale,
    /// A common offset that is large beside the spread.
    Offset,
    /// Two groups of blobs whose distance is large beside the blobs.
    TwoScales,
    /// Some columns hold one value, which may be large.
    ConstantColumns,
    /// One row is far from all others.
    FarRow,
    /// Every row is a cluster.
    OwnClusters,
    /// All rows are one cluster.
    OneCluster,
    /// Values whose squares float32 does not hold, and float64 does.
    Huge,
    /// Values whose squares float64 does not hold.
    Beyond,
}

pub(crate) const KINDS: [Kind; 12] = [
    Kind::Plain,
    Kind::Repeats,
    Kind::AllEqual,
    Kind::Scale,
    Kind::Offset,
    Kind::TwoScales,
    Kind::ConstantColumns,
    Kind::FarRow,
    Kind::OwnClusters,
    Kind::OneCluster,
    Kind::Huge,
    Kind::Beyond,
];

/// A data set.
pub(crate) struct Set {
    pub(crate) kind: Kind,
    pub(crate) clustering: Clustering,
    /// Whether the centroids are stored as float32; they are rounded to it then.
    pub(crate) single_centroids: bool,
    /// Clusters that a k-means is asked for.
    pub(crate) wanted: usize,
    /// Different rows.
    pub(crate) distinct: usize,
}

impl Set {
    pub(crate) fn about(&self, number: usize) -> String {
        let Clustering { points, dtype, levels, .. } = &self.clustering;
        let (n, d, k) = (points.len(), points[0].len(), levels[0].1.len());
        let centroids = if self.single_centroids { "f4" } else { "f8" };
        format!("set {number}: {n} x {d} {dtype:?}, {k} clusters, centroids {centroids}, {} wanted", self.wanted)
    }
}

const SIZES: [usize; 12] = [1, 2, 3, 5, 8, 17, 33, 63, 64, 65, 100, 129];
const DIMS: [usize; 8] = [1, 2, 3, 7, 8, 16, 33, 64];

/// Blobs before they are scaled: which blob every row is of, and the rows.
struct Blobs {
    centres: Vec<Vec<f64>>,
    of: Vec<usize>,
    rows: Vec<Vec<f64>>,
}

impl Blobs {
    fn draw(random: &mut Draw, n: usize, dim: usize, groups: usize) -> Blobs {
        let centres: Vec<Vec<f64>> = (0..groups).map(|_| (0..dim).map(|_| 3.0 * random.value()).collect()).collect();
        let of: Vec<usize> = (0..n).map(|_| random.below(groups)).collect();
        let rows = of.iter().map(|&blob| centres[blob].iter().map(|c| c + random.value()).collect()).collect();
        Blobs { centres, of, rows }
    }

    /// Changes every column of rows and centres.
    fn each(&mut self, change: impl Fn(usize, f64) -> f64) {
        for row in self.centres.iter_mut().chain(&mut self.rows) {
            row.iter_mut().enumerate().for_each(|(column, value)| *value = change(column, *value));
        }
    }
}

/// A power of ten between two others, anywhere in between.
fn magnitude(random: &mut Draw, low: f64, high: f64) -> f64 {
    10f64.powf(low + (high - low) * (random.bits() % 10_001) as f64 / 10_000.0)
}

/// Data set `number`; the same in every run.
pub(crate) fn draw(number: usize) -> Set {
    let mut random = Draw(number as u64 * 7919 + 17);
    let kind = KINDS[number % KINDS.len()];
    let dtype = match kind {
        Kind::Beyond => Dtype::F8,
        Kind::Huge => [Dtype::F4, Dtype::F8][random.below(2)],
        _ => [Dtype::F2, Dtype::F4, Dtype::F4, Dtype::F8][random.below(4)],
    };
    let many = number % 83 == 1;
    let n = if many { 1031 } else { SIZES[random.below(SIZES.len())] };
    let n = if matches!(kind, Kind::TwoScales | Kind::FarRow) { n.max(8) } else { n };
    let dim = if many { DIMS[random.below(4)] } else { DIMS[random.below(DIMS.len())] };
    let groups = 1 + random.below(n.min(9));
    let mut blobs = Blobs::draw(&mut random, n, dim, groups);
    shape(&mut random, kind, dtype, &mut blobs);
    let (members, centroids) = level_of(&mut random, kind, &blobs, dtype);
    let single_centroids = !matches!(kind, Kind::Beyond) && dtype != Dtype::F8 && random.below(2) == 0;
    let rounded = |rows: Vec<Vec<f64>>, dtype| -> Vec<Vec<f64>> {
        rows.into_iter().map(|row: Vec<f64>| row.into_iter().map(|value| stored(value, dtype)).collect()).collect()
    };
    let of_centroids = if single_centroids { Dtype::F4 } else { Dtype::F8 };
    let centroids = rounded(centroids, of_centroids);
    let above = 1 + random.below(3);
    let mut parents = vec![Vec::new(); above];
    (0..centroids.len() as u64).for_each(|child| parents[random.below(above)].push(child));
    let tops = parents.iter().map(|children: &Vec<u64>| {
        centroids[children.first().map_or(0, |&child| usize::try_from(child).expect("small"))].clone()
    });
    let tops: Vec<Vec<f64>> = tops.collect();
    let points = rounded(blobs.rows, dtype);
    let distinct = count_distinct(&points);
    let wanted = match random.below(4) {
        0 => distinct.min(n),
        1 => (distinct + 1 + random.below(3)).min(n),
        _ => 1 + random.below(n.min(12)),
    };
    let wanted = if kind == Kind::OwnClusters { n } else { wanted }.min(200);
    let clustering = Clustering { points, dtype, levels: vec![(members, centroids), (parents, tops)], subset: None };
    Set { kind, clustering, single_centroids, wanted, distinct }
}

/// Makes blobs what the kind says.
fn shape(random: &mut Draw, kind: Kind, dtype: Dtype, blobs: &mut Blobs) {
    let (n, groups) = (blobs.rows.len(), blobs.centres.len());
    match kind {
        Kind::Plain | Kind::OwnClusters | Kind::OneCluster => {}
        Kind::Repeats => {
            let distinct = 1 + random.below(n.min(12));
            let shuffled = random.below(2) == 0;
            let sources: Vec<Vec<f64>> = blobs.rows[..distinct].to_vec();
            for row in 0..n {
                let source = if shuffled { random.below(distinct) } else { row * distinct / n };
                blobs.rows[row].clone_from(&sources[source]);
                blobs.of[row] = source % groups;
            }
        }
        Kind::AllEqual => {
            let one = blobs.rows[0].clone();
            blobs.rows.iter_mut().for_each(|row| row.clone_from(&one));
        }
        Kind::Scale => {
            let (low, high) = if dtype == Dtype::F2 { (-4.0, 3.5) } else { (-30.0, 30.0) };
            let scale = magnitude(random, low, high);
            blobs.each(|_, value| scale * value);
        }
        Kind::Huge => {
            let scale = if dtype == Dtype::F4 { magnitude(random, 31.0, 37.0) } else { magnitude(random, 31.0, 140.0) };
            blobs.each(|_, value| scale * value);
        }
        Kind::Beyond => {
            let scale = magnitude(random, 156.0, 300.0);
            blobs.each(|_, value| scale * value);
        }
        Kind::Offset => {
            let high = [3.0, 5.0, 9.0][dtype as usize];
            let offset = magnitude(random, 2.0, high) * [1.0, -1.0][random.below(2)];
            blobs.each(|_, value| value + offset);
        }
        Kind::TwoScales => {
            let high = [4.4, 7.0, 9.0][dtype as usize];
            let apart = magnitude(random, 3.0, high);
            let direction: Vec<f64> = (0..blobs.centres[0].len()).map(|_| random.value().signum() * apart).collect();
            let side = |blob: usize| if blob.is_multiple_of(2) { 0.5 } else { -0.5 };
            for (blob, centre) in blobs.centres.iter_mut().enumerate() {
                centre.iter_mut().zip(&direction).for_each(|(value, apart)| *value += side(blob) * apart);
            }
            for (row, &blob) in blobs.rows.iter_mut().zip(&blobs.of) {
                row.iter_mut().zip(&direction).for_each(|(value, apart)| *value += side(blob) * apart);
            }
        }
        Kind::ConstantColumns => {
            let high = [4.5, 9.0, 9.0][dtype as usize];
            let value = magnitude(random, -3.0, high);
            let every = 2 + random.below(2);
            blobs.each(|column, own| if column % every == 0 { value } else { own });
        }
        Kind::FarRow => {
            let high = [4.4, 36.0, 60.0][dtype as usize];
            let far = magnitude(random, 3.0, high);
            let row = random.below(n);
            blobs.rows[row].iter_mut().for_each(|value| *value += far);
        }
    }
}

/// The members and stored centroids of level 1.
fn level_of(random: &mut Draw, kind: Kind, blobs: &Blobs, dtype: Dtype) -> (Vec<Vec<u64>>, Vec<Vec<f64>>) {
    let (n, groups) = (blobs.rows.len(), blobs.centres.len());
    let more = [0, 0, 1, 5, 40][random.below(5)];
    let k = match kind {
        Kind::OwnClusters => n,
        Kind::OneCluster => 1,
        _ => groups + more,
    };
    let mixed = random.below(3) == 0;
    let single = k > 2 && n > 3 && random.below(3) == 0;
    let label = |random: &mut Draw, row: usize| match kind {
        Kind::OwnClusters => (row * 7 + 3) % n,
        Kind::OneCluster => 0,
        _ if single && row == n / 2 => k - 1,
        _ if mixed && random.below(8) == 0 => random.below(k),
        _ => blobs.of[row],
    };
    // a step that has no divisor in common with n leaves no cluster out
    let labels: Vec<usize> = match kind {
        Kind::OwnClusters if n % 7 == 0 => (0..n).rev().collect(),
        _ => (0..n).map(|row| label(random, row)).collect(),
    };
    let mut members = vec![Vec::new(); k];
    labels.iter().enumerate().for_each(|(row, &cluster)| members[cluster].push(row as u64));
    let on_rows = matches!(kind, Kind::Repeats | Kind::AllEqual) || random.below(4) == 0;
    let spread = |row: &[f64]| row.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let centroids = (0..k).map(|cluster| match members[cluster].first() {
        Some(&row) if on_rows || kind == Kind::FarRow => {
            blobs.rows[usize::try_from(row).expect("small")].iter().map(|&value| stored(value, dtype)).collect()
        }
        _ => {
            let centre = &blobs.centres[cluster % groups];
            let unit = if matches!(kind, Kind::Scale | Kind::Huge | Kind::Beyond) { 0.1 * spread(centre) } else { 0.2 };
            centre.iter().map(|value| value + unit * random.value()).collect()
        }
    });
    let centroids = centroids.collect();
    (members, centroids)
}
