//! What a run knows of a range of rows.

use std::ops::Range;

use super::kept::Kept;
use crate::base::error::Result;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_f32;
use crate::formats::distances::{Element, RowFile};
use crate::plan::Plan;
use crate::plan::record::{Level, SampledPoints};
use crate::report::map::FittedMap;
use crate::report::points::{LevelPoints, Places, Points};

/// Where the values of rows come from.
pub(super) struct Rows<'a> {
    pub(super) plan: &'a Plan,
    /// The record's levels.
    pub(super) levels: &'a [Level],
    pub(super) kept: &'a Kept<'a>,
    pub(super) mapped: Option<&'a FittedMap>,
}

impl Rows<'_> {
    /// The values of `rows` rows from `first_row` on, without names and images.
    pub(super) fn read(&self, first_row: u64, rows: usize) -> Result<Points> {
        let range = first_row..first_row + rows as u64;
        let labels = self.plan.labels.as_ref();
        let tsne = self.mapped.and_then(|mapped| mapped.map.tsne.as_ref());
        Ok(Points {
            first_row,
            rows,
            labels: labels.map(|labels| range.clone().map(|row| labels.text_of(row)).collect()),
            levels: (0..self.plan.levels.len()).map(|at| self.level(at, &range)).collect(),
            places: self.mapped.map(|mapped| self.places(mapped, first_row, rows)).transpose()?,
            tsne: tsne.map(|tsne| sampled(&tsne.points, &range)),
            ..Points::default()
        })
    }

    /// What the evaluated level `at` says of the rows.
    fn level(&self, at: usize, range: &Range<u64>) -> LevelPoints {
        let level = self.plan.levels[at];
        let mut labels = vec![UNLABELLED; range.clone().count()];
        self.plan.hierarchy.label_rows(level, range.start, &mut labels);
        let cluster = |&label: &u32| (label != UNLABELLED).then_some(i64::from(label));
        let found = self.kept.searched.get(at);
        // a metric that is undefined for the level is undefined for its points
        let defined = |metric: &str| self.levels.get(at).is_some_and(|level| !level.undefined.contains_key(metric));
        let reals = |file: &RowFile<f32>| cells(file, range, |real: &f32| !real.is_nan());
        let silhouettes = self.kept.silhouettes.get(at);
        let silhouette = |file: &RowFile<f32>| match defined("silhouette") {
            true => reals(file),
            false => vec![None; labels.len()],
        };
        LevelPoints {
            number: self.plan.hierarchy.levels[level].number,
            clusters: labels.iter().map(cluster).collect(),
            distance: self.kept.distances.get(at).map(reals),
            second: found.map(|found| {
                let second = cells(&found.second, range, |second: &i32| *second >= 0);
                second.into_iter().map(|second| second.map(i64::from)).collect()
            }),
            margin: found.map(|found| reals(&found.margin)),
            simplified_silhouette: found.map(|found| reals(&found.simplified_silhouette)),
            silhouette: silhouettes.map(silhouette),
        }
    }

    /// Positions of the rows on the map; `None` for coordinates that are not finite.
    fn places(&self, mapped: &FittedMap, first_row: u64, rows: usize) -> Result<Places> {
        let finite = |place: f64| Some(to_f32(place)).filter(|place| place.is_finite());
        let places = mapped.places(&self.plan.embeddings, first_row, rows)?;
        Ok(places.into_iter().map(|[x, y]| (finite(x), finite(y))).unzip())
    }
}

/// The elements of the rows; `None` for those that are not `there`.
fn cells<T: Element>(file: &RowFile<T>, range: &Range<u64>, there: impl Fn(&T) -> bool) -> Vec<Option<T>> {
    range.clone().map(|row| file.get(row).filter(&there)).collect()
}

/// Positions of the rows that were sampled; `None` for the others.
fn sampled(points: &SampledPoints, range: &Range<u64>) -> Places {
    let count = range.clone().count();
    let (mut x, mut y) = (vec![None; count], vec![None; count]);
    let from = points.rows.partition_point(|&row| row < range.start);
    for (at, &row) in points.rows.iter().enumerate().skip(from).take_while(|(_, row)| **row < range.end) {
        if let Ok(place) = usize::try_from(row - range.start) {
            (x[place], y[place]) = (points.x.get(at).copied(), points.y.get(at).copied());
        }
    }
    (x, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_rows_have_a_place_and_others_have_none() {
        let (rows, x, y) = (vec![2, 5, 9], vec![0.2, 0.5, 0.9], vec![2.0, 5.0, 9.0]);
        let points = SampledPoints { rows, x, y, ..SampledPoints::default() };
        let (x, y) = sampled(&points, &(5..10));
        assert_eq!(x, [Some(0.5), None, None, None, Some(0.9)]);
        assert_eq!(y, [Some(5.0), None, None, None, Some(9.0)]);
        assert_eq!(sampled(&points, &(0..2)).0, [None, None]);
    }
}
