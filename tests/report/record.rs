//! What the report takes from the record: the map, the members, the size of it all.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Clustering, distance, record};
use crate::fixtures::{grainy, judged, synthetic};

fn numbers(column: &Value) -> Vec<f64> {
    column.as_array().expect("a column").iter().filter_map(Value::as_f64).collect()
}

/// The largest difference between distances on the map and distances in space, over the largest distance.
fn distortion(clustering: &Clustering, map: &Value, level: usize) -> f64 {
    let places = &map["levels"][level];
    let (x, y) = (numbers(&places["x"]), numbers(&places["y"]));
    // empty clusters have no place
    let shown = numbers(&places["clusters"]);
    let centroids: Vec<_> = shown.iter().map(|&cluster| &clustering.levels[level].1[cluster as usize]).collect();
    let full = clustering.levels[level].0.iter().filter(|members| !members.is_empty()).count();
    assert_eq!((x.len(), y.len(), centroids.len()), (full, full, full));
    let (mut worst, mut largest) = (0.0, 0.0);
    for i in 0..x.len() {
        for j in 0..i {
            let there = distance(centroids[i], centroids[j]);
            worst = f64::max(worst, ((x[i] - x[j]).hypot(y[i] - y[j]) - there).abs());
            largest = f64::max(largest, there);
        }
    }
    worst / largest
}

/// A plane of two dimensions loses nothing.
#[test]
fn with_two_columns_the_map_is_a_rotation_of_the_data() {
    let flat = synthetic(&[40, 7], 5, 2);
    let map = record(&judged(&flat, &["--metrics", "fast"], None).out)["map"].clone();
    for level in 0..2 {
        assert!(distortion(&flat, &map, level) < 1e-6, "level {}: {}", level + 1, distortion(&flat, &map, level));
    }
    assert!((numbers(&map["explained"]).iter().sum::<f64>() - 1.0).abs() < 1e-9, "{}", map["explained"]);
    // points lie where their rows do, and know their clusters
    let points = &map["points"];
    let (x, y, rows) = (numbers(&points["x"]), numbers(&points["y"]), numbers(&points["rows"]));
    assert_eq!(rows.len(), 200);
    for i in 1..200 {
        let there = distance(&flat.points[i], &flat.points[0]);
        assert!(((x[i] - x[0]).hypot(y[i] - y[0]) - there).abs() < 1e-4 * there.max(1.0));
    }
    assert_eq!(points["labels"][0][199], 39);
    // the control: of eight columns, a plane can't keep all distances
    let deep = synthetic(&[40, 7], 5, 8);
    let map = record(&judged(&deep, &["--metrics", "fast"], None).out)["map"].clone();
    assert!(distortion(&deep, &map, 0) > 0.05);
}

/// t-SNE keeps neighbours together for any number of columns, and upper levels lie among their clusters.
#[test]
fn tsne_keeps_near_centroids_together() {
    let clustering = synthetic(&[60, 6], 5, 30);
    let run = judged(&clustering, &["--metrics", "fast"], None);
    let map = record(&run.out)["map"].clone();
    let near = &map["tsne"];
    assert_eq!(near["points"]["rows"].as_array().map(Vec::len), Some(300));
    let lowest = &near["levels"][0];
    let (clusters, x, y) = (numbers(&lowest["clusters"]), numbers(&lowest["x"]), numbers(&lowest["y"]));
    let parents: Vec<f64> = numbers(&record(&run.out)["levels"][0]["parent"]);
    // the nearest cluster on the map has the same parent, as it has in space
    let kept = |x: &[f64], y: &[f64]| {
        let nearest = |i: usize| {
            let away = |j: &usize| (x[i] - x[*j]).hypot(y[i] - y[*j]);
            (0..x.len()).filter(|&j| j != i).min_by(|a, b| away(a).total_cmp(&away(b))).expect("others")
        };
        let parent = |i: usize| parents[clusters[i] as usize];
        (0..x.len()).filter(|&i| parent(nearest(i)) == parent(i)).count()
    };
    assert_eq!(kept(&x, &y), clusters.len());
    // the control: places of others, of another parent mostly
    let mixed = |of: &[f64]| (0..60).map(|i| of[(i + i / 6) % 60]).collect::<Vec<f64>>();
    assert!(kept(&mixed(&x), &mixed(&y)) < 30, "{}", kept(&mixed(&x), &mixed(&y)));
    // equal sizes: the mean of its own
    let above = &near["levels"][1];
    for (i, cluster) in numbers(&above["clusters"]).into_iter().enumerate() {
        let own: Vec<f64> = (0..x.len()).filter(|&i| parents[clusters[i] as usize] == cluster).map(|i| x[i]).collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        assert!((numbers(&above["x"])[i] - mean).abs() < 1e-4, "{cluster}");
    }
    // the same to the bit, and only on request
    let again = record(&judged(&clustering, &["--metrics", "fast", "--threads", "1"], None).out)["map"].clone();
    assert_eq!(again, map);
    let plane = record(&judged(&clustering, &["--metrics", "fast", "--map", "pca"], None).out)["map"].clone();
    assert!(plane["tsne"].is_null() && plane["levels"] == map["levels"]);
}

/// Samples are members, closest first, those of small clusters too, and the record names their images.
#[test]
fn samples_are_members_of_their_clusters() {
    let clustering = synthetic(&[30, 5], 12, 6);
    let rows = clustering.points.len();
    let names = |folder: &Path| {
        let list: String = (0..rows).map(|row| format!("of-{row}.png\n")).collect();
        fs::write(folder.join("names.txt"), list).expect("writes");
        folder.join("names.txt")
    };
    let record = record(&judged(&clustering, &["--metrics", "fast"], Some(&names)).out);
    let labels = clustering.labels();
    for (level, labels) in labels.iter().enumerate() {
        let centroids = &clustering.levels[level].1;
        let samples = &record["levels"][level]["samples"];
        for (cluster, chosen) in
            samples["clusters"].as_array().expect("clusters").iter().zip(samples["rows"].as_array().expect("rows"))
        {
            let cluster = usize::try_from(cluster.as_u64().expect("a number")).expect("small");
            let chosen: Vec<usize> = numbers(chosen).into_iter().map(|row| row as usize).collect();
            assert!(chosen.len() >= 8 && chosen.iter().all(|&row| labels[row] == Some(cluster)));
            let away = |row: &usize| distance(&clustering.points[*row], &centroids[cluster]);
            assert!(chosen.windows(2).all(|pair| away(&pair[0]) <= away(&pair[1]) + 1e-5));
        }
    }
    let images = &record["images"];
    for (row, path) in images["rows"].as_array().expect("rows").iter().zip(images["paths"].as_array().expect("paths")) {
        assert_eq!(path.as_str(), Some(format!("of-{row}.png").as_str()));
    }
}

/// Grain can't be compressed: a page with all of it would be twice as large.
#[test]
fn a_page_of_many_pictures_stays_small_and_says_so() {
    let page = grainy().html();
    assert!(page.len() < 15_000_000, "{} bytes", page.len());
    assert!(page.matches("data:image/").count() > 700, "{}", page.matches("data:image/").count());
    assert!(page.contains("sample images, to keep it small"));
}
