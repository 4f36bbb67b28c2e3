//! What the search and the silhouettes say of every row, compared with the definitions in float64.

use std::path::Path;

use serde_json::Value;

use crate::common::{self, Clustering, devices, distance, files_below, judged, metrics, program, scratch};
use crate::fixtures::{Row, cell, clustering, has, read, real, succeeded};

const EVERY: [&str; 9] =
    ["--allow-unassigned", "--nonfinite", "skip", "--metrics", "all", "--yes", "--parquet", "--map", "none"];

/// Second cluster, margin, simplified silhouette and silhouette.
type Found = [f64; 4];

const COLUMNS: [&str; 4] = ["second", "margin", "simplified_silhouette", "silhouette"];

/// By the definitions; `None` for rows in no cluster and rows that are not finite.
fn naive(clustering: &Clustering, level: usize) -> Vec<Option<Found>> {
    let labels = &clustering.labels()[level];
    let centroids = &clustering.levels[level].1;
    let counts = |row: usize| clustering.points[row].iter().all(|value| value.is_finite());
    let members = |cluster: usize| -> Vec<usize> {
        (0..labels.len()).filter(|&row| labels[row] == Some(cluster) && counts(row)).collect()
    };
    let members: Vec<Vec<usize>> = (0..centroids.len()).map(members).collect();
    let of_row = |row: usize| {
        let own = labels[row].filter(|_| counts(row))?;
        let point = &clustering.points[row];
        let others = || (0..centroids.len()).filter(|&other| other != own && !members[other].is_empty());
        let to = |cluster: usize| distance(point, &centroids[cluster]);
        let second = others().min_by(|&a, &b| to(a).total_cmp(&to(b)))?;
        let mean = |rows: &[usize], count: usize| {
            rows.iter().map(|&other| distance(point, &clustering.points[other])).sum::<f64>() / count as f64
        };
        let nearest = others().map(|other| mean(&members[other], members[other].len())).fold(f64::INFINITY, f64::min);
        let silhouette = |a: f64, b: f64| if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 };
        let exact = match members[own].len() {
            1 => 0.0,
            size => silhouette(mean(&members[own], size - 1), nearest),
        };
        Some([second as f64, to(second) - to(own), silhouette(to(own), to(second)), exact])
    };
    (0..labels.len()).map(of_row).collect()
}

/// The first difference between the rows and the definitions, or the number of values compared. Of silhouettes, those that are
/// there are compared.
fn compare(rows: &[Row], clustering: &Clustering) -> Result<usize, String> {
    let mut compared = 0;
    for level in 0..clustering.levels.len() {
        let want = naive(clustering, level);
        assert_eq!(rows.len(), want.len());
        for (number, (row, want)) in rows.iter().zip(&want).enumerate() {
            for (at, column) in COLUMNS.into_iter().enumerate() {
                let got = real(row, &format!("level{}_{column}", level + 1));
                let same = match (got, want) {
                    (Some(got), Some(want)) => (got - want[at]).abs() <= 1e-5,
                    (None, Some(_)) => column == "silhouette",
                    (got, None) => got.is_none(),
                };
                if !same {
                    return Err(format!("{column} of row {number} on level {}: {got:?}, not {want:?}", level + 1));
                }
                compared += usize::from(got.is_some());
            }
        }
    }
    Ok(compared)
}

/// Sums over the exported points must be the figures of the clusters.
fn adds_up(rows: &[Row], record: &Value) {
    for level in record["levels"].as_array().expect("levels") {
        let name = format!("level{}", level["level"]);
        for cluster in 0..level["clusters"]["size"].as_array().expect("sizes").len() {
            let members = || rows.iter().filter(|row| real(row, &name) == Some(cluster as f64));
            for column in ["simplified_silhouette", "silhouette"] {
                let values: Vec<f64> = members().filter_map(|row| real(row, &format!("{name}_{column}"))).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                match level["clusters"][column][cluster].as_f64() {
                    Some(want) => assert!((mean - want).abs() < 1e-6, "{name} {column} of {cluster}: {mean}, {want}"),
                    None => assert!(values.is_empty(), "{name} {column} of {cluster}"),
                }
            }
            let misassigned =
                members().filter(|row| real(row, &format!("{name}_margin")).is_some_and(|margin| margin < 0.0)).count();
            assert_eq!(level["clusters"]["misassigned"][cluster], misassigned, "{name} of {cluster}");
        }
    }
}

/// All rows of one cluster are not finite, nor is a row of another: that cluster is empty, and the search is repeated.
fn with_nan() -> Clustering {
    let mut clustering = clustering();
    for row in (0..30).filter(|row| row % 5 == 3).chain([10]) {
        clustering.points[row][1] = f64::NAN;
    }
    clustering
}

#[test]
fn every_row_has_what_the_definitions_say() {
    for device in devices() {
        for (clustering, rows) in [(clustering(), 30), (with_nan(), 23)] {
            let folder = scratch();
            let (hier, embeddings) = clustering.write(folder.path());
            let out = folder.path().join("out");
            let record = judged(&hier, &embeddings, &out, &[&EVERY[..], &["--device", device]].concat());
            let found = read(&out.join("points.parquet"));
            assert_eq!(compare(&found, &clustering), Ok(2 * 4 * rows), "{device}");
            adds_up(&found, &record);
            let leftover: Vec<String> = files_below(&out)
                .into_iter()
                .filter(|file| file.ends_with(".npy") && !file.contains("inertia"))
                .collect();
            assert!(leftover.is_empty(), "{leftover:?}");
        }
    }
}

#[test]
fn a_wrong_value_is_noticed() {
    let folder = scratch();
    let clustering = clustering();
    let (hier, embeddings) = clustering.write(folder.path());
    let out = folder.path().join("out");
    judged(&hier, &embeddings, &out, &[&EVERY[..], &["--device", "cpu"]].concat());
    let found = read(&out.join("points.parquet"));
    let mut moved = found.clone();
    moved.rotate_left(5);
    assert!(compare(&moved, &clustering).is_err(), "rows of the same clusters, in another order");
    for column in COLUMNS {
        let mut wrong = found.clone();
        let (name, other) = (format!("level2_{column}"), cell(&found[0], "level2_distance").clone());
        wrong[7].iter_mut().filter(|(there, _)| *there == name).for_each(|(_, cell)| *cell = other.clone());
        assert!(compare(&wrong, &clustering).is_err_and(|why| why.contains(column)), "{column}");
    }
    // without the repeated search, some rows would have an empty cluster as their second
    let mut whole = with_nan();
    whole.points.clone_from(&clustering.points);
    let differs =
        |(before, after): (&Option<Found>, &Option<Found>)| before.zip(*after).is_some_and(|(b, a)| b[0] != a[0]);
    assert!(naive(&whole, 0).iter().zip(&naive(&with_nan(), 0)).any(differs));
}

/// Both rounds of two shards.
fn shards(clustering: &(std::path::PathBuf, std::path::PathBuf), out: &Path, more: &[&str]) {
    for _round in 0..2 {
        for shard in ["1/2", "2/2"] {
            let ended = metrics(&clustering.0, &clustering.1, out, &[more, &["--shard", shard]].concat());
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
    }
}

#[test]
fn merged_parts_have_what_the_definitions_say() {
    let scratch_folder = scratch();
    let scratch_folder = scratch_folder.path().to_str().expect("UTF-8").to_owned();
    for (clustering, rows) in [(clustering(), 30), (with_nan(), 23)] {
        for local in [&[][..], &["--scratch", scratch_folder.as_str()]] {
            let folder = scratch();
            let written = clustering.write(folder.path());
            let out = folder.path().join("out");
            shards(&written, &out, &[&EVERY[..], &["--device", "cpu", "--silhouette", "exact"], local].concat());
            succeeded(program().arg("merge").arg(&out));
            let found = read(&out.join("points.parquet"));
            assert_eq!(compare(&found, &clustering), Ok(2 * 4 * rows));
            adds_up(&found, &common::record(&out));
        }
    }
}

#[test]
fn what_parts_did_not_keep_is_absent_with_a_warning() {
    let folder = scratch();
    let written = clustering().write(folder.path());
    let out = folder.path().join("out");
    let plain: Vec<&str> = EVERY.into_iter().filter(|word| *word != "--parquet").collect();
    shards(&written, &out, &[&plain[..], &["--device", "cpu", "--silhouette", "exact"]].concat());
    let kept = |out: &Path| files_below(out).into_iter().filter(|file| file.ends_with(".npy")).collect::<Vec<_>>();
    assert!(kept(&out).is_empty(), "nothing is stored for a run without exports: {:?}", kept(&out));
    succeeded(program().arg("merge").arg(&out).arg("--parquet"));
    let warnings = common::record(&out)["warnings"].to_string();
    assert!(warnings.contains("kept no distances") && warnings.contains("no second clusters"), "{warnings}");
    let rows = read(&out.join("points.parquet"));
    for column in ["distance", "second", "margin", "simplified_silhouette"] {
        assert!(!has(&rows[0], &format!("level1_{column}")), "{column}");
    }
    assert!(real(&rows[0], "level1_silhouette").is_some(), "these come together in the merge");
    // the control: parts with exports keep them
    let other = folder.path().join("other");
    shards(&written, &other, &[&EVERY[..], &["--device", "cpu"]].concat());
    assert!(kept(&other).iter().any(|file| file.ends_with("level2-margin.npy")), "{:?}", kept(&other));
}

#[test]
fn only_sampled_points_have_a_silhouette() {
    let folder = scratch();
    let clustering = clustering();
    let (hier, embeddings) = clustering.write(folder.path());
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--silhouette", "sample:11"];
    judged(&hier, &embeddings, &out, &[&EVERY[..], &more].concat());
    let rows = read(&out.join("points.parquet"));
    // three values of each of 30 rows on two levels, and the silhouettes
    assert_eq!(compare(&rows, &clustering), Ok(2 * (3 * 30 + 11)));
}

#[test]
fn metrics_that_are_not_computed_have_no_column() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--allow-unassigned", "--parquet", "--metrics", "fast", "--map", "none"];
    judged(&hier, &embeddings, &out, &more);
    let rows = read(&out.join("points.parquet"));
    let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["row", "level1", "level1_distance", "level2", "level2_distance"]);
}

#[test]
fn a_level_of_one_cluster_has_no_other() {
    let folder = scratch();
    let mut clustering = clustering();
    clustering.levels[1] = (vec![vec![0, 1, 2, 3, 4]], vec![vec![0.0; 3]]);
    let (hier, embeddings) = clustering.write(folder.path());
    let out = folder.path().join("out");
    judged(&hier, &embeddings, &out, &[&EVERY[..], &["--device", "cpu"]].concat());
    for row in read(&out.join("points.parquet")) {
        for column in COLUMNS {
            assert_eq!(real(&row, &format!("level2_{column}")), None, "{column}");
        }
    }
}

#[test]
fn exports_compute_no_further_distances() {
    let folder = scratch();
    let (hier, embeddings) = with_nan().write(folder.path());
    let plain: Vec<&str> = EVERY.into_iter().filter(|word| *word != "--parquet").collect();
    let run = |name: &str, more: &[&str]| {
        judged(&hier, &embeddings, &folder.path().join(name), &[more, &["--device", "cpu"]].concat())
    };
    let (with, without) = (run("with", &EVERY), run("without", &plain));
    assert_eq!(with["distances"], without["distances"]);
    assert_eq!(with["levels"], without["levels"]);
    assert!(with["distances"]["search"]["searched"].as_u64() > Some(0), "{}", with["distances"]);
}
