//! Repeated rows: the clusters that k-means finds, and the metrics of clusters of equal rows.

use clustrata::base::matrix::Dtype as Stored;
use clustrata::kmeans::assign;
use serde_json::Value;

use crate::common::{Clustering, Draw, Dtype};
use crate::fixtures::{Place, evaluated, from_program, none_of};
use crate::kmeans::count_distinct;
use crate::points::{self, NoProgress};

/// Every row so many times, one after another.
fn times(rows: &[Vec<f64>], times: usize) -> Vec<Vec<f64>> {
    rows.iter().flat_map(|row| vec![row.clone(); times]).collect()
}

fn blobs(random: &mut Draw, rows: usize, dim: usize, groups: usize) -> Vec<Vec<f64>> {
    let mut value = |spread: f64| f64::from((spread * random.value()) as f32);
    let centres: Vec<Vec<f64>> = (0..groups).map(|_| (0..dim).map(|_| value(20.0)).collect()).collect();
    let row = |number: usize| centres[number % groups].iter().map(|c| f64::from((c + value(1.0)) as f32)).collect();
    (0..rows).map(row).collect()
}

/// By the program: the objective of what it wrote, the clusters that are not empty, and all that it warned of.
fn clustered(rows: &[Vec<f64>], device: &str, more: &[&str]) -> (f64, usize, String) {
    let place = Place::with(rows, Dtype::F4);
    let made = place.made("out", &[&["--device", device], more].concat());
    let (objective, filled) = evaluated(&place, "out", rows);
    (objective, filled, made["warnings"].to_string())
}

#[test]
fn three_distinct_rows_among_eight_are_three_clusters() {
    let rows: Vec<Vec<f64>> = [0, 0, 0, 0, 0, 0, 1, 3].map(|value| vec![f64::from(value)]).to_vec();
    let mut faults = Vec::new();
    for device in crate::common::devices() {
        for seed in ["0", "1", "2", "3", "4"] {
            let (objective, filled, _) = clustered(&rows, device, &["--n-clusters", "3", "--seed", seed]);
            if (objective, filled) != (0.0, 3) {
                faults.push(format!("{device}, seed {seed}: objective {objective}, {filled} clusters filled"));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn more_clusters_than_distinct_rows_are_empty_and_a_warning_says_so() {
    let rows = times(&blobs(&mut Draw(5), 12, 3, 4), 50);
    let mut faults = Vec::new();
    for device in crate::common::devices() {
        for init in ["kmeans-plus-plus", "random"] {
            let (objective, filled, said) = clustered(&rows, device, &["--n-clusters", "20", "--init", init]);
            let warned = said.contains("12 distinct") && said.contains("empty");
            if (objective, filled, warned) != (0.0, 12, true) {
                faults.push(format!("{device}, {init}: objective {objective}, {filled} filled, warnings {said}"));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn as_many_clusters_as_distinct_rows_leave_none_empty() {
    let (mut random, mut faults) = (Draw(11), Vec::new());
    for (distinct, repeats, dim) in [(1, 9, 2), (2, 40, 1), (7, 13, 5), (64, 3, 8), (100, 10, 4)] {
        let rows = times(&blobs(&mut random, distinct, dim, 5), repeats);
        for device in crate::common::devices() {
            let (objective, filled, _) = clustered(&rows, device, &["--n-clusters", &distinct.to_string()]);
            if (objective, filled) != (0.0, distinct) {
                let what = format!("{distinct} rows, {repeats} times each");
                faults.push(format!("{device}: {what}: objective {objective}, {filled} filled"));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn a_start_has_no_two_equal_centroids_while_distinct_rows_are_left() {
    for seed in 0..20 {
        let rows = times(&blobs(&mut Draw(seed), 30, 2, 6), 1 + seed as usize);
        let stored = points::Stored::new(Stored::F32, 2, rows.concat());
        for (device, backend) in points::devices() {
            for clusters in [10, 25, 30] {
                let mut fit = points::fit(&stored, backend.as_ref(), clusters, 0);
                fit.seed = seed;
                let start = points::rows(&fit.run().expect("starts").centroids);
                assert_eq!(count_distinct(&start), clusters, "{device}, seed {seed}, {clusters} clusters");
            }
        }
    }
}

#[test]
fn clusters_split_into_as_many_parts_as_they_have_distinct_rows() {
    let rows = times(&blobs(&mut Draw(7), 60, 4, 10), 8);
    for device in crate::common::devices() {
        let (objective, filled, _) = clustered(&rows, device, &["--n-clusters", "10", "--n-splits", "6"]);
        assert_eq!((objective, filled), (0.0, 60), "{device}");
    }
}

#[test]
fn over_fifty_seeds_the_objective_stays_below_that_of_scikit_learn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/repeats/repeats.json");
    let made: Value = serde_json::from_slice(&std::fs::read(path).expect("stored objectives")).expect("JSON");
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
    };
    let iterations = made["iterations"].as_u64().expect("a number") as u32;
    let mut faults = Vec::new();
    for set in made["sets"].as_array().expect("data sets") {
        let distinct: Vec<Vec<f64>> = set["rows"].as_array().expect("rows").iter().map(numbers).collect();
        let order = numbers(&set["order"]);
        let dim = distinct[0].len();
        let values: Vec<f64> = order.iter().flat_map(|&row| distinct[row as usize].clone()).collect();
        let stored = points::Stored::new(Stored::F32, dim, &values);
        let clusters = set["clusters"].as_u64().expect("a number") as usize;
        let theirs = numbers(&set["objectives"]);
        for (device, backend) in points::devices() {
            let objective = |seed: usize| {
                let mut fit = points::fit(&stored, backend.as_ref(), clusters, iterations);
                fit.seed = seed as u64;
                let found = fit.run().expect("clusters");
                assign(&stored, backend.as_ref(), &found.centroids, &NoProgress).expect("assigns").inertia()
            };
            let ours: Vec<f64> = (0..theirs.len()).map(objective).collect();
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let worst = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).fold(0.0, f64::max);
            let said = format!(
                "{device}, {}: mean {:.1}, scikit-learn's {:.1}; at most {worst:.3} times the same seed's",
                set["name"],
                mean(&ours),
                mean(&theirs)
            );
            println!("{said}");
            if worst > 1.05 || mean(&ours) >= mean(&theirs) {
                faults.push(said);
            }
        }
    }
    none_of(&faults);
}

/// Rows that are repeated, clustered by which they are; the means of some clusters are equal.
fn of_repeats(distinct: usize, repeats: usize, split: bool) -> Clustering {
    let mut random = Draw(distinct as u64);
    // values that float32 sums do not hold
    let rows = times(&blobs(&mut random, distinct, 3, 3), repeats);
    let k = if split { 2 * distinct } else { distinct };
    let mut members = vec![Vec::new(); k];
    for row in 0..rows.len() {
        let at = if split { 2 * (row / repeats) + usize::from(row % repeats < 2) } else { row / repeats };
        members[at].push(row as u64);
    }
    let centroids = members.iter().map(|members| rows[members[0] as usize].clone()).collect();
    Clustering { points: rows, dtype: Dtype::F4, levels: vec![(members, centroids)], subset: None }
}

#[test]
fn clusters_of_equal_rows_have_nothing_within_them() {
    let mut faults = Vec::new();
    for device in crate::common::devices() {
        for (distinct, repeats, split) in [(5, 7, false), (12, 50, false), (5, 7, true), (40, 3, false)] {
            let record = from_program(&of_repeats(distinct, repeats, split), device, &[]);
            let figures = &record["levels"][0]["figures"];
            for (name, right) in [
                ("calinski_harabasz", 1.0),
                ("explained_variance", 1.0),
                ("davies_bouldin_means", 0.0),
                ("davies_bouldin", 0.0),
                ("inertia", 0.0),
                ("silhouette", if split { 0.0 } else { 1.0 }),
            ] {
                if figures[name] != right {
                    let what = format!("{distinct} rows, {repeats} times each, split: {split}");
                    faults.push(format!("{device}: {what}: {name} is {}, not {right}", figures[name]));
                }
            }
        }
    }
    none_of(&faults);
}
