//! Compares the results of a tile's operations with the definitions.

use std::collections::BTreeMap;

use super::data::Data;
use crate::backend::{Observation, RunSums, Top2, UNLABELLED};
use crate::base::double_double;

/// Largest relative error of sums (the crate's accuracy contract).
pub(super) const SUMS: f64 = 1e-6;
/// Largest relative error of single distances, which are stored as float32.
pub(super) const DISTANCES: f64 = 1e-5;

/// Accuracy of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Name of the backend's operation, or of the sum computed from it.
    pub operation: &'static str,
    /// Largest relative error; infinite if a value is missing or NaN.
    pub error: f64,
    /// Largest allowed relative error.
    pub allowed: f64,
}

impl Outcome {
    /// Whether the error is within the allowed one; false for NaN.
    pub fn passed(&self) -> bool {
        self.error <= self.allowed
    }
}

/// Size, inertia, sum of distances and largest squared distance of every run, or of every row if there are no runs.
pub(super) fn runs_of(labels: &[u32], seen: &Observation) -> Vec<(u32, [f64; 4])> {
    if seen.runs.is_empty() {
        let rows = labels.iter().zip(&seen.squared).filter(|(label, _)| **label != UNLABELLED);
        return rows.map(|(&label, &s)| (label, [1.0, s, s.sqrt(), s])).collect();
    }
    let of = |r: &RunSums| (r.cluster, [f64::from(r.count), r.inertia, r.distance, r.max_squared]);
    seen.runs.iter().map(of).collect()
}

pub(super) fn rows(data: &Data, squared: &[f64]) -> Outcome {
    let mut error = if squared.len() == data.labels.len() { 0.0 } else { f64::INFINITY };
    for (row, (&label, &got)) in data.labels.iter().zip(squared).enumerate() {
        let this = match label {
            UNLABELLED if got.is_nan() => 0.0,
            UNLABELLED => f64::INFINITY,
            label => relative(got.sqrt(), data.squared(row, label as usize).sqrt()),
        };
        error = worse(error, this);
    }
    Outcome { operation: "own_distances", error, allowed: DISTANCES }
}

pub(super) fn sums(data: &Data, sums: &BTreeMap<u32, [f64; 4]>) -> Outcome {
    let mut want: BTreeMap<u32, [f64; 4]> = BTreeMap::new();
    for (row, &label) in data.labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED) {
        let s = data.squared(row, label as usize);
        let sum = want.entry(label).or_default();
        *sum = [sum[0] + 1.0, sum[1] + s, sum[2] + s.sqrt(), sum[3].max(s)];
    }
    let mut error = if want.keys().eq(sums.keys()) { 0.0 } else { f64::INFINITY };
    for (want, got) in want.values().zip(sums.values()) {
        error = want.iter().zip(got).fold(error, |error, (&want, &got)| worse(error, relative(got, want)));
    }
    Outcome { operation: "partial_inertia", error, allowed: SUMS }
}

pub(super) fn matrix(data: &Data, matrix: &[f32]) -> Outcome {
    let clusters = data.case.clusters;
    let mut error = if matrix.len() == data.case.rows * clusters { 0.0 } else { f64::INFINITY };
    for (i, &got) in matrix.iter().enumerate() {
        error = worse(error, relative(f64::from(got), data.squared(i / clusters, i % clusters).sqrt()));
    }
    Outcome { operation: "pairwise", error, allowed: DISTANCES }
}

/// The larger error; NaN counts as infinite.
pub(super) fn worse(a: f64, b: f64) -> f64 {
    if b.is_nan() { f64::INFINITY } else { a.max(b) }
}

pub(super) fn relative(got: f64, want: f64) -> f64 {
    if got == want { 0.0 } else { (got - want).abs() / want.abs().max(f64::MIN_POSITIVE) }
}

/// Both winners must match the definition, except for ties.
pub(super) fn nearest(data: &Data, nearest: &[Top2]) -> Outcome {
    let mut error = if nearest.len() == data.labels.len() { 0.0 } else { f64::INFINITY };
    let searched = data.searched();
    for (row, (&label, got)) in data.labels.iter().zip(nearest).enumerate() {
        if label == UNLABELLED {
            error = if *got == Top2::NONE { error } else { f64::INFINITY };
            continue;
        }
        let mut all: Vec<(f64, u32)> = searched.iter().map(|&c| (data.squared(row, c as usize), c)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (at, want) in all.iter().take(2).enumerate() {
            let found = got.clusters[at];
            let named = if found == want.1 { 0.0 } else { tie(data, row, found, want.0) };
            error = worse(worse(error, named), relative(got.squared[at].sqrt(), want.0.sqrt()));
        }
        let none = all.len() < 2 && got.clusters[1] != UNLABELLED;
        error = if none { f64::INFINITY } else { error };
    }
    Outcome { operation: "top2", error, allowed: DISTANCES }
}

/// 0 if another cluster is as near as the expected one, as far as float32 distances can tell; infinite otherwise.
fn tie(data: &Data, row: usize, found: u32, want: f64) -> f64 {
    let there = (found as usize) < data.case.clusters;
    if there && relative(data.squared(row, found as usize), want) < 1e-6 { 0.0 } else { f64::INFINITY }
}

/// Sums of the points of each label. Errors are relative to the sum of the distances from the centre, not to the points' offset.
pub(super) fn points(data: &Data, got: &BTreeMap<u32, (Vec<f64>, Vec<f64>)>) -> Outcome {
    let centre = data.centre();
    let mut want: BTreeMap<u32, Vec<[f64; 3]>> = BTreeMap::new();
    for (row, &label) in data.labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED) {
        let sums = want.entry(label).or_insert_with(|| vec![[0.0; 3]; centre.len()]);
        for ((sum, value), centre) in sums.iter_mut().zip(data.points.row(row)).zip(&centre) {
            let mut exact = ([sum[0]], [sum[1]]);
            double_double::add((&mut exact.0, &mut exact.1), (&[*value], &[0.0]));
            *sum = [exact.0[0], exact.1[0], sum[2] + (value - centre).abs()];
        }
    }
    let mut error = if want.keys().eq(got.keys()) { 0.0 } else { f64::INFINITY };
    for (want, (sums, rests)) in want.values().zip(got.values()) {
        for (&[sum, rest, magnitude], (got, got_rest)) in want.iter().zip(sums.iter().zip(rests)) {
            let off = ((got - sum) + (got_rest - rest)).abs();
            error = worse(error, off / magnitude.max(f64::MIN_POSITIVE));
        }
    }
    Outcome { operation: "cluster_sums", error, allowed: SUMS }
}
