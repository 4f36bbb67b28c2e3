//! Every metric by its definition, in float64, of values that a power of two has brought to about 1; shares no code with the
//! program.

use crate::common::{Clustering, distance};
use crate::means::{Mean, exact_sum};

/// What a metric has to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Want {
    /// That value.
    Is(f64),
    /// Null.
    Null,
    /// A count: comparisons that float64 can't decide may go either way.
    Between(f64, f64),
    /// One of these.
    OneOf(Vec<f64>),
    /// Anything: rounding in float64 decides.
    Any,
}

/// What a level's metrics have to be, by name.
pub(crate) struct Definition {
    pub(crate) level: Vec<(&'static str, Want)>,
    pub(crate) clusters: Vec<(&'static str, Vec<Want>)>,
}

/// Distances that differ by less are equal as far as float64 goes.
const TIE: f64 = 1e-12;

/// A level in the unit in which its largest value is about 1.
struct Level {
    points: Vec<Vec<f64>>,
    labels: Vec<usize>,
    centroids: Vec<Vec<f64>>,
    members: Vec<Vec<usize>>,
    filled: Vec<usize>,
    /// What a length is in the unit of the data, a power of two.
    unit: f64,
}

fn preference(own: f64, other: f64) -> f64 {
    let larger = own.max(other);
    if larger > 0.0 { (other - own) / larger } else { 0.0 }
}

/// Mean of some values; 0 of none.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len().max(1) as f64;
    exact_sum(values) / n
}

impl Level {
    fn of(clustering: &Clustering, number: usize) -> Level {
        let rows = clustering.levels.iter().flat_map(|(_, centroids)| centroids).chain(&clustering.points);
        let largest = rows.flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
        let unit = if largest > 0.0 { largest.log2().floor().exp2() } else { 1.0 };
        let scaled = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
            rows.iter().map(|row| row.iter().map(|value| value / unit).collect()).collect()
        };
        let labels: Vec<usize> =
            clustering.labels()[number].iter().map(|label| label.expect("every row has one")).collect();
        let centroids = scaled(&clustering.levels[number].1);
        let of = |cluster: usize| (0..labels.len()).filter(|&i| labels[i] == cluster).collect::<Vec<_>>();
        let members: Vec<Vec<usize>> = (0..centroids.len()).map(of).collect();
        let filled = (0..members.len()).filter(|&cluster| !members[cluster].is_empty()).collect();
        Level { points: scaled(&clustering.points), labels, centroids, members, filled, unit }
    }

    fn rows(&self, cluster: usize) -> Vec<&[f64]> {
        self.members[cluster].iter().map(|&i| self.points[i].as_slice()).collect()
    }

    fn own(&self) -> Vec<f64> {
        self.points.iter().zip(&self.labels).map(|(x, &c)| distance(x, &self.centroids[c])).collect()
    }

    /// The nearest other centroid of every point: its distance and whether it is the own one's equal.
    fn nearest_other(&self) -> Vec<(f64, bool)> {
        let nearest = |(x, &own): (&Vec<f64>, &usize)| {
            let others = self.filled.iter().filter(|&&c| c != own);
            let nearest = others.map(|&c| (distance(x, &self.centroids[c]), c));
            let (d, c) = nearest.fold((f64::INFINITY, own), |best, next| if next.0 < best.0 { next } else { best });
            (d, self.centroids[c] == self.centroids[own])
        };
        self.points.iter().zip(&self.labels).map(nearest).collect()
    }

    fn silhouettes(&self) -> Vec<f64> {
        let one = |i: usize| {
            let to = |cluster: usize| exact_sum(self.rows(cluster).iter().map(|x| distance(&self.points[i], x)));
            let own = self.members[self.labels[i]].len();
            if own == 1 {
                return 0.0;
            }
            let others = self.filled.iter().filter(|&&c| c != self.labels[i]);
            let nearest = others.map(|&c| to(c) / self.members[c].len() as f64).fold(f64::INFINITY, f64::min);
            preference(to(self.labels[i]) / (own - 1) as f64, nearest)
        };
        (0..self.points.len()).map(one).collect()
    }

    fn per_cluster(
        &self,
        of_points: &[f64],
        metric: impl Fn(&mut dyn ExactSizeIterator<Item = f64>) -> f64,
    ) -> Vec<Option<f64>> {
        let of =
            |members: &Vec<usize>| (!members.is_empty()).then(|| metric(&mut members.iter().map(|&i| of_points[i])));
        self.members.iter().map(of).collect()
    }

    /// A length, in the unit of the data.
    fn length(&self, value: f64) -> Want {
        represented(value, value * self.unit)
    }

    /// A sum of squares, in the unit of the data.
    fn square(&self, value: f64) -> Want {
        represented(value, value * self.unit * self.unit)
    }

    /// Davies-Bouldin of spreads and distances; pairs at distance 0 are left out.
    fn davies_bouldin(&self, spread: &[f64], apart: impl Fn(usize, usize) -> f64) -> f64 {
        let worst = |&i: &usize| {
            let others = self.filled.iter().filter(|&&j| j != i).map(|&j| (j, apart(i, j))).filter(|&(_, d)| d > 0.0);
            others.map(|(j, d)| (spread[i] + spread[j]) / d).fold(0.0, f64::max)
        };
        mean(self.filled.iter().map(worst))
    }

    /// What is told by the true means: Davies-Bouldin, Calinski-Harabasz, explained variance.
    fn by_means(&self) -> [Want; 3] {
        let (n, filled) = (self.points.len(), self.filled.len());
        let means: Vec<Option<Mean>> =
            (0..self.members.len()).map(|c| (!self.members[c].is_empty()).then(|| Mean::of(&self.rows(c)))).collect();
        let of = |cluster: usize| means[cluster].as_ref().expect("filled");
        let squares: Vec<f64> = self.points.iter().zip(&self.labels).map(|(x, &c)| of(c).squared_to(x)).collect();
        let all: Vec<&[f64]> = self.points.iter().map(Vec::as_slice).collect();
        let (centre, within) = (Mean::of(&all), exact_sum(squares.iter().copied()));
        let total = exact_sum(all.iter().map(|x| centre.squared_to(x)));
        let between =
            exact_sum(self.filled.iter().map(|&c| self.members[c].len() as f64 * of(c).squared_between(&centre)));
        let equals: Vec<bool> =
            (0..means.len()).map(|c| means[c].is_some() && Mean::is_of_equals(&self.rows(c))).collect();
        let roots: Vec<f64> = squares.iter().map(|s| s.sqrt()).collect();
        let spread: Vec<f64> = self.per_cluster(&roots, |of| mean(of)).into_iter().map(|s| s.unwrap_or(0.0)).collect();
        let pairs = self.filled.iter().flat_map(|&i| self.filled.iter().filter(move |&&j| j < i).map(move |&j| (i, j)));
        let unsure = |(i, j): (usize, usize)| {
            let apart = of(i).squared_between(of(j)).sqrt();
            !(equals[i] && equals[j]) && apart <= 1e6 * of(i).doubt(of(j))
        };
        let in_doubt = pairs.into_iter().any(unsure);
        let davies_bouldin = match filled {
            0 | 1 => Want::Null,
            _ if in_doubt => Want::Any,
            _ => Want::Is(self.davies_bouldin(&spread, |i, j| of(i).squared_between(of(j)).sqrt())),
        };
        let calinski_harabasz = match filled {
            0 | 1 => Want::Null,
            _ if filled == n => Want::Null,
            _ if within == 0.0 => Want::Is(1.0),
            _ if between <= 1e-20 * total => Want::Any,
            _ => Want::Is(between * (n - filled) as f64 / (within * (filled - 1) as f64)),
        };
        let explained = if total > 0.0 { Want::Is(between / (between + within)) } else { Want::Null };
        [davies_bouldin, calinski_harabasz, explained]
    }
}

/// Null if restoring turns a value into infinity, or one that isn't 0 into 0.
fn represented(value: f64, restored: f64) -> Want {
    if restored.is_finite() && (restored != 0.0 || value == 0.0) { Want::Is(restored) } else { Want::Null }
}

/// Shares of the parent's points and of its inertia.
fn shares(clustering: &Clustering, number: usize, level: &Level) -> [Vec<Want>; 2] {
    let nothing = vec![Want::Null; level.centroids.len()];
    if clustering.levels.len() == number + 1 {
        return [nothing.clone(), nothing];
    }
    let above = Level::of(clustering, number + 1);
    let squares: Vec<f64> = above.own().into_iter().map(|d| d * d).collect();
    let whole: Vec<f64> = above.members.iter().map(|of| exact_sum(of.iter().map(|&i| squares[i]))).collect();
    let of = |members: &Vec<usize>| {
        let Some(&first) = members.first() else { return [Want::Null, Want::Null] };
        let parent = above.labels[first];
        let points = members.len() as f64 / above.members[parent].len() as f64;
        let inertia = exact_sum(members.iter().map(|&i| squares[i])) / whole[parent];
        [Want::Is(points), if whole[parent] > 0.0 { Want::Is(inertia) } else { Want::Null }]
    };
    let both: Vec<[Want; 2]> = level.members.iter().map(of).collect();
    [0, 1].map(|which| both.iter().map(|of| of[which].clone()).collect())
}

/// `-sum p ln p / ln K`, the Gini coefficient and the largest share of the sizes.
fn balance(level: &Level) -> [Want; 3] {
    let mut sizes: Vec<f64> = level.filled.iter().map(|&c| level.members[c].len() as f64).collect();
    sizes.sort_by(f64::total_cmp);
    let (n, k) = (level.points.len() as f64, sizes.len() as f64);
    let entropy = -sizes.iter().map(|size| size / n * (size / n).ln()).sum::<f64>() / k.ln();
    // half the mean difference of two sizes over their mean
    let differences: f64 = sizes.iter().flat_map(|a| sizes.iter().map(move |b| (a - b).abs())).sum();
    let gini = Want::Is(differences / (2.0 * k * n));
    let largest = Want::Is(sizes.last().copied().unwrap_or(0.0) / n);
    [if k > 1.0 { Want::Is(entropy) } else { Want::Null }, gini, largest]
}

impl Definition {
    /// Of a level, all of whose metrics were asked for.
    pub(crate) fn of(clustering: &Clustering, number: usize) -> Definition {
        let level = Level::of(clustering, number);
        let (k, several) = (level.centroids.len(), level.filled.len() > 1);
        let own = level.own();
        let squares: Vec<f64> = own.iter().map(|d| d * d).collect();
        let others = level.nearest_other();
        let simplified: Vec<f64> = own.iter().zip(&others).map(|(&a, &(b, _))| preference(a, b)).collect();
        let silhouettes = level.silhouettes();
        let inertia = exact_sum(squares.iter().copied());
        let if_several = |value: f64| if several { Want::Is(value) } else { Want::Null };
        let certain = |i: usize| others[i].0 < own[i] * (1.0 - TIE);
        let open = |i: usize| !others[i].1 && (others[i].0 - own[i]).abs() <= TIE * own[i] && own[i] > 0.0;
        let misassigned = |members: &mut dyn Iterator<Item = usize>| {
            let (least, more) = members.fold((0.0, 0.0), |(least, more), i| {
                (least + f64::from(u8::from(certain(i))), more + f64::from(u8::from(open(i))))
            });
            Want::Between(least, least + more)
        };
        let [davies_bouldin_means, calinski_harabasz, explained_variance] = level.by_means();
        let [size_entropy, size_gini, largest_share] = balance(&level);
        let spread: Vec<f64> = level.per_cluster(&own, |of| mean(of)).into_iter().map(|s| s.unwrap_or(0.0)).collect();
        let between = |i: usize, j: usize| distance(&level.centroids[i], &level.centroids[j]);
        let figures = vec![
            ("points", Want::Is(level.points.len() as f64)),
            ("clusters", Want::Is(k as f64)),
            ("empty_clusters", Want::Is((k - level.filled.len()) as f64)),
            ("inertia", level.square(inertia)),
            ("average_inertia", level.square(inertia / k as f64)),
            ("size_entropy", size_entropy),
            ("size_gini", size_gini),
            ("largest_share", largest_share),
            ("simplified_silhouette", if_several(mean(simplified.iter().copied()))),
            ("misassigned", misassigned(&mut (0..own.len()))),
            ("davies_bouldin", if_several(level.davies_bouldin(&spread, between))),
            ("explained_variance", explained_variance),
            ("calinski_harabasz", calinski_harabasz),
            ("davies_bouldin_means", davies_bouldin_means),
            ("silhouette", if_several(mean(silhouettes.iter().copied()))),
        ];
        let nearest = |cluster: usize| {
            let others = level.filled.iter().filter(|&&c| c != cluster && !level.members[cluster].is_empty());
            let apart: Vec<(f64, usize)> = others.map(|&c| (between(cluster, c), c)).collect();
            let least = apart.iter().map(|(d, _)| *d).fold(f64::INFINITY, f64::min);
            let ties =
                apart.iter().filter(|(d, _)| *d <= least * (1.0 + TIE)).map(|(_, c)| *c as f64).collect::<Vec<_>>();
            (ties, least)
        };
        let nearest: Vec<(Vec<f64>, f64)> = (0..k).map(nearest).collect();
        let defined = |column: Vec<Option<f64>>, want: &dyn Fn(f64) -> Want| -> Vec<Want> {
            column.into_iter().map(|value| value.map_or(Want::Null, want)).collect()
        };
        let or_zero =
            |column: Vec<Option<f64>>| -> Vec<Option<f64>> { column.into_iter().map(|v| v.or(Some(0.0))).collect() };
        let [points_share, inertia_share] = shares(clustering, number, &level);
        let clusters = vec![
            ("size", level.members.iter().map(|of| Want::Is(of.len() as f64)).collect()),
            ("inertia", defined(or_zero(level.per_cluster(&squares, |of| exact_sum(of))), &|v| level.square(v))),
            ("mean_inertia", defined(level.per_cluster(&squares, |of| mean(of)), &|v| level.square(v))),
            ("mean_distance", defined(level.per_cluster(&own, |of| mean(of)), &|v| level.length(v))),
            ("max_distance", defined(level.per_cluster(&own, |of| of.fold(0.0, f64::max)), &|v| level.length(v))),
            ("parent_points_share", points_share),
            ("simplified_silhouette", defined(level.per_cluster(&simplified, |of| mean(of)), &if_several)),
            ("misassigned", level.members.iter().map(|of| misassigned(&mut of.iter().copied())).collect()),
            (
                "nearest_cluster",
                nearest
                    .iter()
                    .map(|(ties, _)| if ties.is_empty() { Want::Null } else { Want::OneOf(ties.clone()) })
                    .collect(),
            ),
            (
                "nearest_distance",
                nearest.iter().map(|(_, d)| if d.is_finite() { level.length(*d) } else { Want::Null }).collect(),
            ),
            ("parent_inertia_share", inertia_share),
            ("silhouette", defined(level.per_cluster(&silhouettes, |of| mean(of)), &if_several)),
        ];
        Definition { level: figures, clusters }
    }
}
