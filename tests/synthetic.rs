//! Unusual hierarchies, compared with the definition in float64: four levels, subsets, empty and single-point clusters, odd
//! sizes, a large common offset.

mod common;

use common::{Clustering, Draw, Dtype, compare_level, devices, judged, scratch, stored};
use proptest::prelude::*;
use serde_json::Value;

/// Relative tolerance of sums and means.
const TOLERANCE: f64 = 1e-6;

/// Parameters of a random clustering.
#[derive(Debug, Clone)]
struct Shape {
    rows: usize,
    dim: usize,
    clusters: Vec<usize>,
    dtype: Dtype,
    offset: f64,
    seed: u64,
}

fn shape(rows: usize, dim: usize, clusters: &[usize], dtype: Dtype, offset: f64) -> Shape {
    Shape { rows, dim, clusters: clusters.to_vec(), dtype, offset, seed: 7 }
}

/// Draws random points and centroids. Every point and every cluster joins a random cluster of the level above, so some stay
/// empty.
fn draw(shape: &Shape) -> Clustering {
    let mut random = Draw(shape.seed);
    let points = (0..shape.rows)
        .map(|_| (0..shape.dim).map(|_| stored(shape.offset + random.value(), shape.dtype)).collect())
        .collect();
    let mut levels = Vec::new();
    let mut below = shape.rows;
    for &k in &shape.clusters {
        let mut members = vec![Vec::new(); k];
        (0..below as u64).for_each(|member| members[random.below(k)].push(member));
        let centroids = (0..k).map(|_| (0..shape.dim).map(|_| shape.offset + random.value()).collect()).collect();
        levels.push((members, centroids));
        below = k;
    }
    Clustering { points, dtype: shape.dtype, levels, subset: None }
}

/// Runs the program and compares every level. Returns the record.
fn hold(clustering: &Clustering, device: &str, more: &[&str]) -> Result<Value, String> {
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    let subset = folder.path().join("subset.npy").display().to_string();
    let mut options = vec!["--device", device];
    if clustering.subset.is_some() {
        options.extend(["--subset-indices", &subset]);
    }
    options.extend(more);
    let record = judged(&hier, &embeddings, &folder.path().join("out"), &options);
    for level in 0..clustering.levels.len() {
        compare_level(&record["levels"][level], &clustering.figures(level), TOLERANCE)
            .map_err(|wrong| format!("{device}, level {}: {wrong}", level + 1))?;
    }
    Ok(record)
}

#[test]
fn odd_sizes_types_and_offsets_agree_with_the_definition() {
    let shapes = [
        shape(1, 1, &[1], Dtype::F4, 0.0),
        shape(3, 2, &[2, 1], Dtype::F8, 0.0),
        shape(63, 33, &[7, 3, 2, 1], Dtype::F4, 0.0),
        shape(65, 64, &[2], Dtype::F2, 0.0),
        shape(1031, 3, &[1031, 40], Dtype::F4, 100.0),
        shape(1031, 768, &[31, 5], Dtype::F4, 100.0),
        shape(1031, 768, &[31, 5], Dtype::F8, 1000.0),
        shape(8193, 2, &[100, 10, 3, 2], Dtype::F4, 0.0),
    ];
    for device in devices() {
        for shape in &shapes {
            hold(&draw(shape), device, &[]).unwrap_or_else(|wrong| panic!("{shape:?}: {wrong}"));
        }
    }
}

#[test]
fn tiles_of_any_size_give_the_same_metrics() {
    let clustering = draw(&shape(1031, 33, &[20, 4], Dtype::F4, 0.0));
    for device in devices() {
        for tile_rows in ["1", "64", "1030", "1031", "5000"] {
            hold(&clustering, device, &["--tile-rows", tile_rows])
                .unwrap_or_else(|wrong| panic!("{tile_rows}: {wrong}"));
        }
    }
}

#[test]
fn single_points_on_their_own_centroid_have_no_inertia() {
    let mut clustering = draw(&shape(300, 16, &[300, 300], Dtype::F4, 100.0));
    // one point per cluster; upstream's numpy writes a 2-D array for that, which other tests cover
    clustering.levels[0].0 = (0..300).map(|i| vec![i]).collect();
    clustering.levels[1].0 = (0..300).rev().map(|i| vec![i]).collect();
    clustering.levels[0].1 = clustering.points.clone();
    for device in devices() {
        let record = hold(&clustering, device, &[]).expect("agrees");
        assert_eq!(record["levels"][0]["figures"]["inertia"], 0.0, "{device}");
        assert_eq!(record["levels"][0]["clusters"]["max_distance"][17], 0.0, "{device}");
        assert_eq!(record["levels"][1]["figures"]["size_gini"], 0.0, "{device}");
    }
}

#[test]
fn empty_clusters_and_parents_without_points_are_null_and_never_ranked() {
    let mut clustering = draw(&shape(60, 5, &[6, 3], Dtype::F4, 0.0));
    let all: Vec<u64> = (0..60).collect();
    clustering.levels[0].0 = vec![all[..30].to_vec(), vec![], all[30..45].to_vec(), vec![], all[45..].to_vec(), vec![]];
    // cluster 1 of level 2 has children and no points
    clustering.levels[1].0 = vec![vec![0, 2], vec![1, 3, 5], vec![4]];
    for device in devices() {
        let record = hold(&clustering, device, &["--montage-min-size", "0"]).expect("agrees");
        let [below, above] = [&record["levels"][0], &record["levels"][1]];
        assert_eq!((&below["figures"]["empty_clusters"], &above["figures"]["empty_clusters"]), (&3.into(), &1.into()));
        assert!(below["clusters"]["mean_distance"][1].is_null() && above["clusters"]["mean_inertia"][1].is_null());
        assert_eq!(
            (below["clusters"]["inertia"][1].as_f64(), below["ranking"]["ranked"].as_u64()),
            (Some(0.0), Some(3))
        );
        let ranked = [&below["ranking"]["best"], &below["ranking"]["worst"]];
        assert!(ranked.iter().all(|list| {
            list.as_array().is_some_and(|l| l.iter().all(|c| [0, 2, 4].contains(&c.as_u64().expect("a number"))))
        }));
    }
}

#[test]
fn a_subset_maps_members_to_rows() {
    let mut clustering = draw(&shape(50, 9, &[4, 2], Dtype::F4, 0.0));
    let rows: Vec<u64> = (0..50).filter(|row| row % 3 != 1).rev().collect();
    clustering.levels[0].0 = vec![vec![]; 4];
    (0..rows.len() as u64).for_each(|member| clustering.levels[0].0[(member % 4) as usize].push(member));
    let n = rows.len();
    clustering.subset = Some(rows);
    for device in devices() {
        let record = hold(&clustering, device, &["--distances", "own"]).expect("agrees");
        assert_eq!(record["levels"][1]["figures"]["points"], n);
    }
}

#[test]
fn equal_points_and_coincident_centroids_are_handled() {
    let mut clustering = draw(&shape(70, 12, &[3, 2], Dtype::F4, 0.0));
    let point = clustering.points[0].clone();
    clustering.points.iter_mut().for_each(|p| p.clone_from(&point));
    clustering.levels[0].1.iter_mut().for_each(|c| c.clone_from(&point));
    for device in devices() {
        let record = hold(&clustering, device, &[]).expect("agrees");
        assert_eq!(record["levels"][0]["figures"]["inertia"], 0.0, "{device}");
    }
}

#[test]
fn very_wide_rows_keep_the_accuracy() {
    // equal differences are the worst case: every rounding of a long float32 sum has the same sign
    let dim = 65_536;
    let points: Vec<Vec<f64>> = (0..3).map(|i| vec![f64::from(i) * 0.1; dim]).collect();
    let points = points.into_iter().map(|p| p.into_iter().map(|v| stored(v, Dtype::F4)).collect()).collect();
    let levels = vec![(vec![vec![0, 2], vec![1]], vec![vec![-1.1; dim], vec![0.7; dim]])];
    let clustering = Clustering { points, dtype: Dtype::F4, levels, subset: None };
    for device in devices() {
        hold(&clustering, device, &[]).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn non_finite_rows_have_no_distances() {
    let mut clustering = draw(&shape(20, 5, &[3], Dtype::F4, 0.0));
    clustering.points[4][2] = f64::INFINITY;
    clustering.points[11][0] = f64::NAN;
    for device in devices() {
        let folder = scratch();
        let (hier, embeddings) = clustering.write(folder.path());
        let out = folder.path().join("out");
        let options = ["--nonfinite", "skip", "--distances", "all", "--device", device];
        let record = judged(&hier, &embeddings, &out, &options);
        assert_eq!(record["skipped_rows"], 2);
        let bytes = std::fs::read(out.join("level1/distances_all.npy")).expect("written");
        let values: Vec<f32> =
            bytes[bytes.len() - 20 * 3 * 4..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().expect("4"))).collect();
        for (row, distances) in values.chunks(3).enumerate() {
            let expected_nan = row == 4 || row == 11;
            assert!(
                distances.iter().all(|d| d.is_nan() == expected_nan && !d.is_infinite()),
                "{device}, row {row}: {distances:?}"
            );
        }
    }
}

#[test]
fn a_wrong_centroid_is_noticed() {
    let clustering = draw(&shape(500, 8, &[9], Dtype::F4, 0.0));
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    let record = judged(&hier, &embeddings, &folder.path().join("out"), &["--device", "cpu"]);
    let mut other = clustering.clone();
    other.levels[0].1[4][3] += 1e-4;
    assert!(compare_level(&record["levels"][0], &clustering.figures(0), TOLERANCE).is_ok());
    assert!(compare_level(&record["levels"][0], &other.figures(0), TOLERANCE).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_hierarchy_agrees_with_the_definition(
        rows in 1usize..200, dim in 1usize..20, levels in prop::collection::vec(1usize..30, 1..5), double in any::<bool>(),
        offset in prop::sample::select(vec![0.0, 100.0]), seed in any::<u64>(),
    ) {
        let dtype = if double { Dtype::F8 } else { Dtype::F4 };
        let shape = Shape { rows, dim, clusters: levels, dtype, offset, seed };
        hold(&draw(&shape), "cpu", &[]).map_err(TestCaseError::fail)?;
    }
}
