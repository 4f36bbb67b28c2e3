//! Cosine silhouettes by their definition, from all pairs of rows in float64; shares no code with the program.

use crate::common::Clustering;
use crate::data::unit;

/// Silhouettes of a level: of all points, and of each cluster; `None` where undefined.
pub(crate) struct Silhouettes {
    pub(crate) level: Option<f64>,
    pub(crate) clusters: Vec<Option<f64>>,
}

/// The cosine distance of two rows of norm 1: half of their squared distance, which cancels less than 1 - x.y.
fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / 2.0
}

/// Silhouettes of a level. Distances below `equal` are those of equal rows.
pub(crate) fn silhouettes(clustering: &Clustering, level: usize, equal: f64) -> Silhouettes {
    let points = unit(&clustering.points);
    let labels: Vec<usize> = clustering.labels()[level].iter().map(|label| label.expect("assigned")).collect();
    let k = clustering.levels[level].1.len();
    let size = |cluster: usize| labels.iter().filter(|&&label| label == cluster).count();
    let sizes: Vec<usize> = (0..k).map(size).collect();
    let one = |row: usize| {
        let mut sums = vec![0.0; k];
        for (other, &label) in labels.iter().enumerate() {
            let apart = distance(&points[row], &points[other]);
            sums[label] += if apart < equal { 0.0 } else { apart };
        }
        let own = labels[row];
        if sizes[own] == 1 {
            return 0.0;
        }
        let a = sums[own] / (sizes[own] - 1) as f64;
        let others = (0..k).filter(|&c| c != own && sizes[c] > 0).map(|c| sums[c] / sizes[c] as f64);
        let b = others.fold(f64::INFINITY, f64::min);
        if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
    };
    let filled = sizes.iter().filter(|&&size| size > 0).count();
    if filled < 2 {
        return Silhouettes { level: None, clusters: vec![None; k] };
    }
    let each: Vec<f64> = (0..points.len()).map(one).collect();
    let mean = |rows: Vec<f64>| (!rows.is_empty()).then(|| rows.iter().sum::<f64>() / rows.len() as f64);
    let of = |cluster: usize| mean(each.iter().zip(&labels).filter(|(_, l)| **l == cluster).map(|(s, _)| *s).collect());
    Silhouettes { clusters: (0..k).map(of).collect(), level: mean(each.clone()) }
}
