//! Every metric by its definition, in plain float64. Shares no code with the program.

use crate::common::{Clustering, distance};

/// The counted points of a level, with their cluster and parent cluster.
pub(crate) struct Level<'a> {
    pub(crate) points: Vec<&'a [f64]>,
    pub(crate) labels: Vec<usize>,
    pub(crate) centroids: &'a [Vec<f64>],
    parent: Option<(Vec<usize>, &'a [Vec<f64>])>,
}

/// Expected metrics of a level, by name; `None` if undefined.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) figures: Vec<(&'static str, Option<f64>)>,
    pub(crate) clusters: Vec<(&'static str, Vec<Option<f64>>)>,
}

/// Squared Euclidean distance.
fn squared(x: &[f64], c: &[f64]) -> f64 {
    x.iter().zip(c).map(|(x, c)| (x - c) * (x - c)).sum()
}

/// Mean of points; empty for no points.
fn mean_point(points: &[&[f64]]) -> Vec<f64> {
    let columns = points.first().map_or(0, |point| point.len());
    (0..columns).map(|j| points.iter().map(|point| point[j]).sum::<f64>() / points.len() as f64).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// `(other - own) / max(own, other)`; 0 if both are 0.
fn preference(own: f64, other: f64) -> f64 {
    let larger = own.max(other);
    if larger > 0.0 { (other - own) / larger } else { 0.0 }
}

impl<'a> Level<'a> {
    /// Level `number` (from 0): the assigned rows with only finite values.
    pub(crate) fn of(clustering: &'a Clustering, number: usize) -> Self {
        let labels = clustering.labels();
        let finite = |row: &usize| clustering.points[*row].iter().all(|value| value.is_finite());
        let rows: Vec<usize> =
            (0..clustering.points.len()).filter(|&row| labels[number][row].is_some()).filter(finite).collect();
        let on = |level: usize| rows.iter().map(|&row| labels[level][row].expect("a label")).collect();
        Level {
            points: rows.iter().map(|&row| clustering.points[row].as_slice()).collect(),
            labels: on(number),
            centroids: &clustering.levels[number].1,
            parent: clustering.levels.get(number + 1).map(|(_, centroids)| (on(number + 1), centroids.as_slice())),
        }
    }

    pub(crate) fn members(&self, cluster: usize) -> Vec<usize> {
        (0..self.labels.len()).filter(|&i| self.labels[i] == cluster).collect()
    }

    pub(crate) fn filled(&self) -> Vec<usize> {
        (0..self.centroids.len()).filter(|&cluster| self.labels.contains(&cluster)).collect()
    }

    /// A metric of every cluster, from the values of its points; `None` for empty clusters.
    pub(crate) fn per_cluster(&self, of_points: &[f64], figure: impl Fn(&[f64]) -> f64) -> Vec<Option<f64>> {
        let of = |cluster: usize| -> Option<f64> {
            let values: Vec<f64> = self.members(cluster).into_iter().map(|i| of_points[i]).collect();
            (!values.is_empty()).then(|| figure(&values))
        };
        (0..self.centroids.len()).map(of).collect()
    }

    /// Own distances.
    pub(crate) fn own(&self) -> Vec<f64> {
        self.points.iter().zip(&self.labels).map(|(x, &c)| distance(x, &self.centroids[c])).collect()
    }

    /// Distances to the nearest other stored centroid among `searched`; infinite without one.
    pub(crate) fn nearest_other(&self, searched: &[usize]) -> Vec<f64> {
        let nearest = |(x, own): (&&[f64], &usize)| {
            let others = searched.iter().filter(|&c| c != own).map(|&c| distance(x, &self.centroids[c]));
            others.fold(f64::INFINITY, f64::min)
        };
        self.points.iter().zip(&self.labels).map(nearest).collect()
    }

    /// (b' - a') / max(a', b') of every point, with the nearest other centroid among `searched`.
    pub(crate) fn simplified(&self, searched: &[usize]) -> Vec<f64> {
        self.own().into_iter().zip(self.nearest_other(searched)).map(|(own, other)| preference(own, other)).collect()
    }

    /// Silhouette of every point (Rousseeuw 1987); a point alone in its cluster counts `alone`.
    pub(crate) fn silhouettes(&self, alone: f64) -> Vec<f64> {
        let members: Vec<Vec<usize>> = (0..self.centroids.len()).map(|cluster| self.members(cluster)).collect();
        let one = |i: usize| {
            let to = |cluster: &[usize]| cluster.iter().map(|&j| distance(self.points[i], self.points[j])).sum::<f64>();
            let own = &members[self.labels[i]];
            if own.len() == 1 {
                return alone;
            }
            let others = (0..members.len()).filter(|&c| c != self.labels[i] && !members[c].is_empty());
            let nearest = others.map(|c| to(&members[c]) / members[c].len() as f64).fold(f64::INFINITY, f64::min);
            preference(to(own) / (own.len() - 1) as f64, nearest)
        };
        (0..self.points.len()).map(one).collect()
    }

    /// True means of the clusters; empty for empty clusters.
    pub(crate) fn means(&self) -> Vec<Vec<f64>> {
        let of = |cluster: usize| self.members(cluster).into_iter().map(|i| self.points[i]).collect::<Vec<_>>();
        (0..self.centroids.len()).map(|cluster| mean_point(&of(cluster))).collect()
    }

    /// Davies-Bouldin index for given centres, without pairs of coincident centres.
    pub(crate) fn davies_bouldin(&self, centres: &[Vec<f64>]) -> f64 {
        let to_centre: Vec<f64> =
            self.points.iter().zip(&self.labels).map(|(x, &c)| distance(x, &centres[c])).collect();
        let spread: Vec<f64> = self.per_cluster(&to_centre, mean).into_iter().map(|s| s.unwrap_or(0.0)).collect();
        let filled = self.filled();
        let worst = |&i: &usize| {
            let apart = filled.iter().map(|&j| (j, distance(&centres[i], &centres[j]))).filter(|&(_, d)| d > 0.0);
            apart.map(|(j, d)| (spread[i] + spread[j]) / d).fold(0.0, f64::max)
        };
        mean(&filled.iter().map(worst).collect::<Vec<_>>())
    }

    /// Sum of squared distances to the own centre.
    pub(crate) fn within(&self, centres: &[Vec<f64>]) -> f64 {
        self.points.iter().zip(&self.labels).map(|(x, &c)| squared(x, &centres[c])).sum()
    }

    /// Sum of squared distances to the mean of all points.
    pub(crate) fn total(&self) -> f64 {
        let mean = mean_point(&self.points);
        self.points.iter().map(|x| squared(x, &mean)).sum()
    }

    /// Calinski-Harabasz index for given centres. As in scikit-learn, 1 if no point differs from its centre.
    pub(crate) fn calinski_harabasz(&self, centres: &[Vec<f64>]) -> Option<f64> {
        let mean = mean_point(&self.points);
        let between: f64 = self.labels.iter().map(|&c| squared(&centres[c], &mean)).sum();
        let (within, filled) = (self.within(centres), self.filled().len());
        let (above, below) = ((filled - 1) as f64, (self.points.len() - filled) as f64);
        if filled == self.points.len() {
            return None;
        }
        Some(if within == 0.0 { 1.0 } else { between / above / (within / below) })
    }

    /// Nearest other centroid of every non-empty cluster among the non-empty ones; ties go to the lower index.
    fn neighbours(&self) -> Vec<Option<(usize, f64)>> {
        let filled = self.filled();
        let nearest = |cluster: usize| {
            let others = filled.iter().filter(|&&other| other != cluster && filled.contains(&cluster));
            let apart = others.map(|&other| (other, distance(&self.centroids[cluster], &self.centroids[other])));
            apart.min_by(|a, b| a.1.total_cmp(&b.1))
        };
        (0..self.centroids.len()).map(nearest).collect()
    }

    /// Shares of the parent's points and of its inertia.
    fn shares(&self) -> [Vec<Option<f64>>; 2] {
        let nothing = vec![None; self.centroids.len()];
        let Some((above, centroids)) = &self.parent else { return [nothing.clone(), nothing] };
        let to_parent: Vec<f64> = self.points.iter().zip(above).map(|(x, &p)| squared(x, &centroids[p])).collect();
        let share = |cluster: usize, of_point: &dyn Fn(usize) -> f64| {
            let members = self.members(cluster);
            let parent = above[*members.first()?];
            let whole: f64 = (0..above.len()).filter(|&i| above[i] == parent).map(of_point).sum();
            (whole > 0.0).then(|| members.into_iter().map(of_point).sum::<f64>() / whole)
        };
        let column = |of_point: &dyn Fn(usize) -> f64| (0..nothing.len()).map(|c| share(c, of_point)).collect();
        [column(&|_| 1.0), column(&|i| to_parent[i])]
    }
}

impl Definition {
    /// Metrics of a level whose parent level is evaluated too.
    pub(crate) fn of(level: &Level) -> Self {
        let filled = level.filled();
        let several = |value: f64| (filled.len() > 1).then_some(value);
        let inertia = level.within(level.centroids);
        let means = level.means();
        let [simplified, silhouettes] = [level.simplified(&filled), level.silhouettes(0.0)];
        let figures = vec![
            ("points", Some(level.points.len() as f64)),
            ("clusters", Some(level.centroids.len() as f64)),
            ("empty_clusters", Some((level.centroids.len() - filled.len()) as f64)),
            ("inertia", Some(inertia)),
            ("average_inertia", Some(inertia / level.centroids.len() as f64)),
            ("simplified_silhouette", several(mean(&simplified))),
            ("misassigned", Some(misassigned(level, &filled).iter().sum())),
            ("davies_bouldin", several(level.davies_bouldin(level.centroids))),
            ("davies_bouldin_means", several(level.davies_bouldin(&means))),
            ("calinski_harabasz", if filled.len() > 1 { level.calinski_harabasz(&means) } else { None }),
            ("explained_variance", (level.total() > 0.0).then(|| 1.0 - level.within(&means) / level.total())),
            ("silhouette", several(mean(&silhouettes))),
        ];
        let all_or_none = |column: Vec<Option<f64>>| column.into_iter().map(|value| value.and_then(several)).collect();
        let own = level.own();
        let squares: Vec<f64> = own.iter().map(|d| d * d).collect();
        let or_zero = |column: Vec<Option<f64>>| column.into_iter().map(|value| value.or(Some(0.0))).collect();
        let neighbours = level.neighbours();
        let [points_share, inertia_share] = level.shares();
        let clusters = vec![
            ("size", or_zero(level.per_cluster(&own, |of| of.len() as f64))),
            ("inertia", or_zero(level.per_cluster(&squares, |of| of.iter().sum()))),
            ("mean_inertia", level.per_cluster(&squares, mean)),
            ("mean_distance", level.per_cluster(&own, mean)),
            ("max_distance", level.per_cluster(&own, |of| of.iter().copied().fold(0.0, f64::max))),
            ("simplified_silhouette", all_or_none(level.per_cluster(&simplified, mean))),
            ("misassigned", or_zero(level.per_cluster(&misassigned(level, &filled), |of| of.iter().sum()))),
            ("nearest_cluster", neighbours.iter().map(|n| n.map(|(cluster, _)| cluster as f64)).collect()),
            ("nearest_distance", neighbours.iter().map(|n| n.map(|(_, apart)| apart)).collect()),
            ("silhouette", all_or_none(level.per_cluster(&silhouettes, mean))),
            ("parent_points_share", points_share),
            ("parent_inertia_share", inertia_share),
        ];
        Definition { figures, clusters }
    }
}

/// 1 for every point with a searched centroid strictly nearer than its own.
fn misassigned(level: &Level, searched: &[usize]) -> Vec<f64> {
    let other = level.nearest_other(searched);
    level.own().into_iter().zip(other).map(|(own, other)| if other < own { 1.0 } else { 0.0 }).collect()
}
