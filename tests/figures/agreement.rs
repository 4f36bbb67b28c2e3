//! Metrics of ordinary hierarchies: sizes, dimensions, element types and common offsets.

use crate::common::{Dtype, devices};
use crate::drawn::{Shape, draw, hold, shape};

#[test]
fn every_metric_agrees_with_the_definition() {
    let shapes = [
        shape(3, 2, [2, 1], 0.0),
        shape(63, 33, [7, 3], 0.0),
        shape(257, 64, [20, 2], 0.0),
        shape(700, 5, [1031, 40], 0.0),
        shape(2500, 2, [100, 10], 0.0),
        Shape { dtype: Dtype::F2, ..shape(300, 16, [12, 4], 0.0) },
        Shape { dtype: Dtype::F8, ..shape(300, 16, [12, 4], 0.0) },
    ];
    for device in devices() {
        for shape in &shapes {
            hold(&draw(shape), device, &[]).unwrap_or_else(|wrong| panic!("{shape:?}: {wrong}"));
        }
    }
}

#[test]
fn a_common_offset_costs_no_accuracy() {
    for device in devices() {
        for (rows, dim, clusters) in [(600, 1, [9, 3]), (600, 2, [30, 4]), (400, 33, [20, 4]), (260, 768, [31, 5])] {
            for offset in [0.0, 100.0, 1000.0] {
                let shape = shape(rows, dim, clusters, offset);
                hold(&draw(&shape), device, &[]).unwrap_or_else(|wrong| panic!("{shape:?}: {wrong}"));
            }
        }
    }
}

#[test]
fn tiles_of_any_size_give_the_same_metrics() {
    let clustering = draw(&shape(400, 33, [20, 4], 100.0));
    for device in devices() {
        for tile_rows in ["1", "64", "399", "5000"] {
            hold(&clustering, device, &["--tile-rows", tile_rows])
                .unwrap_or_else(|wrong| panic!("{tile_rows}: {wrong}"));
        }
    }
}

#[test]
fn metrics_include_the_rows_of_the_subset_only() {
    let mut clustering = draw(&shape(300, 9, [14, 3], 0.0));
    let rows: Vec<u64> = (0..300).filter(|row| row % 3 != 1).rev().collect();
    clustering.levels[0].0.iter_mut().for_each(Vec::clear);
    (0..rows.len() as u64).for_each(|member| clustering.levels[0].0[(member % 13) as usize].push(member));
    clustering.subset = Some(rows);
    for device in devices() {
        let record = hold(&clustering, device, &[]).expect("agrees");
        assert_eq!(record["levels"][1]["figures"]["points"], 200, "{device}");
    }
}

#[test]
fn non_finite_rows_are_left_out_of_every_metric() {
    let mut clustering = draw(&shape(300, 9, [14, 3], 0.0));
    clustering.points[4][2] = f64::INFINITY;
    clustering.points[11][0] = f64::NAN;
    for device in devices() {
        let record = hold(&clustering, device, &["--nonfinite", "skip"]).expect("agrees");
        assert_eq!(record["levels"][0]["figures"]["points"], 298, "{device}");
    }
}

#[test]
fn shares_add_up_to_one_and_are_null_without_the_parent_level() {
    let clustering = draw(&shape(257, 6, [20, 3], 0.0));
    let sums = |share: &serde_json::Value| -> [f64; 3] {
        let mut sums = [0.0; 3];
        for (parent, children) in clustering.levels[1].0.iter().enumerate() {
            sums[parent] =
                children.iter().filter_map(|&child| share[usize::try_from(child).expect("small")].as_f64()).sum();
        }
        sums
    };
    for device in devices() {
        let clusters = &hold(&clustering, device, &[]).expect("agrees")["levels"][0]["clusters"];
        for share in ["parent_points_share", "parent_inertia_share"] {
            let sums = sums(&clusters[share]);
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() <= 1e-6), "{share} on {device}: {sums:?}");
        }
        let record = crate::drawn::judge(&clustering, device, &["--levels", "1"]);
        for share in ["parent_points_share", "parent_inertia_share"] {
            let column = record["levels"][0]["clusters"][share].as_array().expect("a column");
            assert!(column.len() == 20 && column.iter().all(serde_json::Value::is_null), "{share} on {device}");
        }
    }
}
