//! What a k-means finds, beside float64.

use clustrata::backend::Backend;
use clustrata::base::error::Kind as ErrorKind;
use clustrata::base::matrix::Dtype as Stored;
use clustrata::kmeans::{Assigned, Init, assign};

use crate::common::Dtype;
use crate::compare::Wrong;
use crate::data::{Kind, Set};
use crate::means::{Mean, exact_sum};
use crate::points::{self, NoProgress, squared};

/// Everything about a k-means of the set that is wrong.
pub(crate) fn clustered(set: &Set, backend: &dyn Backend, seed: u64) -> Vec<Wrong> {
    let rows = &set.clustering.points;
    let dtype = [Stored::F16, Stored::F32, Stored::F64][set.clustering.dtype as usize];
    let points = points::Stored::new(dtype, rows[0].len(), rows.concat());
    let mut wrong = Vec::new();
    let mut note = |metric: &str, what: String| wrong.push(Wrong { metric: format!("kmeans {metric}"), what });
    let mut fit = points::fit(&points, backend, set.wanted, 25);
    fit.seed = seed;
    fit.init = if seed.is_multiple_of(4) { Init::Random } else { Init::KmeansPlusPlus };
    let iterations = std::mem::take(&mut fit.iterations);
    if let Ok(start) = fit.run() {
        let (different, possible) = (count_distinct(&points::rows(&start.centroids)), set.wanted.min(set.distinct));
        if different < possible {
            note("start", format!("{different} distinct centroids; {} of {} distinct rows", set.wanted, set.distinct));
        }
    }
    fit.iterations = iterations;
    let found = match fit.run() {
        Ok(found) => found,
        Err(error) => {
            // distances that float32 does not hold may be refused
            let far = rows.iter().flatten().any(|value| value.abs() > 1e36);
            if !far || error.kind() != ErrorKind::Input {
                note("fails", error.to_string());
            }
            return wrong;
        }
    };
    if !found.centroids.iter().all(|value| value.is_finite()) {
        note("centroids", "not all are finite".to_owned());
        return wrong;
    }
    let assigned = match assign(&points, backend, &found.centroids, &NoProgress) {
        Ok(assigned) => assigned,
        Err(error) => {
            note("assignment fails", error.to_string());
            return wrong;
        }
    };
    if set.kind == Kind::Beyond {
        return wrong;
    }
    let centroids = points::rows(&found.centroids);
    if let Some(what) = wrong_assignment(rows, &centroids, &assigned) {
        note("assignment", what);
    }
    let objective = exact_sum(rows.iter().map(|row| least(row, &centroids)));
    if !near(assigned.inertia(), objective) {
        note("objective", format!("{} of the final assignment, not {objective}", assigned.inertia()));
    }
    let all: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let centre = Mean::of(&all);
    let one_cluster = exact_sum(all.iter().map(|row| centre.squared_to(row)));
    // a mean of equal rows is rounded, and float32 sums go by the spread
    let largest = rows.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    let cells = (rows.len() * rows[0].len()) as f64;
    let nothing = 1e-12 * one_cluster + 16.0 * cells * (f64::EPSILON * largest).powi(2);
    if objective > one_cluster * (1.0 + 1e-6) + nothing {
        note("above one cluster", format!("{objective}; one cluster gives {one_cluster}"));
    }
    let Set { wanted, distinct, .. } = *set;
    if wanted >= distinct && objective > nothing {
        note(
            "not 0",
            format!("{objective} with {wanted} clusters of {distinct} distinct rows; {one_cluster} with one"),
        );
    }
    if wanted >= distinct && found.empty != (wanted - distinct) as u64 {
        note("empty", format!("{} empty of {wanted} clusters, {distinct} distinct rows", found.empty));
    }
    let last = *found.objectives.last().expect("an iteration");
    if found.moved.last() == Some(&0) && !near(last, objective) && (last - objective).abs() > nothing {
        note("last objective", format!("{last} at the end, not {objective}; one cluster gives {one_cluster}"));
    }
    wrong
}

/// How many rows differ.
pub(crate) fn count_distinct(rows: &[Vec<f64>]) -> usize {
    let mut bits: Vec<Vec<u64>> =
        rows.iter().map(|row| row.iter().map(|value| (value + 0.0).to_bits()).collect()).collect();
    bits.sort_unstable();
    bits.dedup();
    bits.len()
}

fn least(row: &[f64], centroids: &[Vec<f64>]) -> f64 {
    centroids.iter().map(|centroid| squared(row, centroid)).fold(f64::INFINITY, f64::min)
}

fn near(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-6 * want
}

/// The first row whose cluster is not its nearest, or whose distance is wrong.
pub(crate) fn wrong_assignment(rows: &[Vec<f64>], centroids: &[Vec<f64>], assigned: &Assigned) -> Option<String> {
    let found = assigned.labels.iter().zip(&assigned.squared);
    rows.iter().zip(found).enumerate().find_map(|(number, (row, (&label, &given)))| {
        let (own, best) = (squared(row, &centroids[label as usize]), least(row, centroids));
        let fine = own <= best * (1.0 + 1e-6) && near(given, own);
        (!fine).then(|| format!("row {number}: cluster {label} at {own} (given as {given}), the nearest at {best}"))
    })
}

/// Element types by their numbers in both places.
const _: () = assert!(Dtype::F2 as usize == 0 && Dtype::F8 as usize == 2);
