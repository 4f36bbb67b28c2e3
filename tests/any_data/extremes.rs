//! Two scales in one data set, and values whose squares float32 or float64 does not hold.

use crate::common::{Clustering, Draw, Dtype, EVERY_FIGURE, judged, metrics, program, scratch, stored};
use crate::fixtures::{Place, evaluated, from_program, none_of, said, wrong};
use crate::means::{Mean, exact_sum};

/// Six blobs of spread 1, three on either side of 0 and `apart` from the others, as they were made.
fn two_groups(apart: f64, dtype: Dtype) -> Clustering {
    let (n, dim) = (600, 16);
    let mut random = Draw(23);
    let centre = |blob: usize, random: &mut Draw| -> Vec<f64> {
        let side = if blob < 3 { 0.5 } else { -0.5 };
        (0..dim).map(|_| side * apart + 12.0 * random.value()).collect()
    };
    let centres: Vec<Vec<f64>> = (0..6).map(|blob| centre(blob, &mut random)).collect();
    let row = |number: usize, random: &mut Draw| -> Vec<f64> {
        centres[number % 6].iter().map(|value| stored(value + random.value(), dtype)).collect()
    };
    let points: Vec<Vec<f64>> = (0..n).map(|number| row(number, &mut random)).collect();
    let members = (0..6).map(|blob| (blob..n as u64).step_by(6).collect()).collect();
    Clustering { points, dtype, levels: vec![(members, centres)], subset: None }
}

/// Sum of squared distances to the means of the clusters as they were made.
fn as_made(clustering: &Clustering) -> f64 {
    let within = |members: &Vec<u64>| {
        let rows: Vec<&[f64]> = members.iter().map(|&row| clustering.points[row as usize].as_slice()).collect();
        let mean = Mean::of(&rows);
        exact_sum(rows.iter().map(|row| mean.squared_to(row)))
    };
    clustering.levels[0].0.iter().map(within).sum()
}

const TWO_SCALES: [(f64, Dtype); 7] = [
    (1e5, Dtype::F4),
    (1e6, Dtype::F4),
    (1e7, Dtype::F4),
    (1e5, Dtype::F8),
    (1e6, Dtype::F8),
    (1e7, Dtype::F8),
    (1e9, Dtype::F8),
];

#[test]
fn metrics_of_two_groups_far_apart_keep_the_contract() {
    let mut faults = Vec::new();
    for (apart, dtype) in TWO_SCALES {
        let clustering = two_groups(apart, dtype);
        for device in crate::common::devices() {
            let record = from_program(&clustering, device, &[]);
            let lines = wrong(&record, &clustering).into_iter();
            faults.extend(lines.map(|line| format!("{device}, {apart:e} apart, {dtype:?}: {line}")));
        }
    }
    none_of(&faults);
}

#[test]
fn a_sampled_silhouette_of_two_groups_far_apart_is_that_of_all_points_but_one() {
    let mut faults = Vec::new();
    for (apart, dtype) in [(1e7, Dtype::F4), (1e9, Dtype::F8)] {
        let clustering = two_groups(apart, dtype);
        for device in crate::common::devices() {
            let options = ["--device", device, "--metrics", "silhouette", "--yes"];
            let folder = scratch();
            let (hier, embeddings) = clustering.write(folder.path());
            let of = |sampling: &str| {
                let options = [&options[..], &["--silhouette", sampling]].concat();
                let record = judged(&hier, &embeddings, &folder.path().join(sampling.replace(':', "-")), &options);
                record["levels"][0]["figures"]["silhouette"].as_f64().unwrap_or(f64::NAN)
            };
            let (sampled, exact) = (of("sample:599"), of("exact"));
            // about 0.9043; without one of 600 points, whose own value is within 0.1 of that
            let fine = (exact - 0.9043).abs() < 1e-3 && (sampled - exact).abs() < 0.1 / 599.0;
            if !fine {
                faults.push(format!("{device}, {apart:e} apart, {dtype:?}: {sampled} of 599 points, {exact} of all"));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn a_k_means_of_two_groups_far_apart_finds_all_blobs() {
    let mut faults = Vec::new();
    for (apart, dtype) in TWO_SCALES {
        let clustering = two_groups(apart, dtype);
        let right = as_made(&clustering);
        for device in crate::common::devices() {
            let place = Place::with(&clustering.points, dtype);
            let made = place.made("out", &["--n-clusters", "6", "--dtype", "float64", "--device", device]);
            let (objective, _) = evaluated(&place, "out", &clustering.points);
            let told = made["steps"][0]["mean_squared_distance"].as_f64().unwrap_or(f64::NAN) * 600.0;
            let line = format!("{device}, {apart:e} apart, {dtype:?}: {objective}, said to be {told}, not {right}");
            let fine = (objective - right).abs() <= 1e-6 * right && (told - objective).abs() <= 1e-6 * objective;
            if !fine {
                faults.push(line);
            }
        }
    }
    none_of(&faults);
}

/// Three blobs of 40 rows in 5 columns, times `scale`.
fn three_blobs(scale: f64, dtype: Dtype) -> Clustering {
    let mut random = Draw(31);
    let centres: Vec<Vec<f64>> = (0..3).map(|_| (0..5).map(|_| 4.0 * random.value()).collect()).collect();
    let row = |number: usize, random: &mut Draw| -> Vec<f64> {
        centres[number % 3].iter().map(|value| stored(scale * (value + random.value()), dtype)).collect()
    };
    let points: Vec<Vec<f64>> = (0..120).map(|number| row(number, &mut random)).collect();
    let members = (0..3).map(|blob| (blob..120_u64).step_by(3).collect()).collect();
    let centroids = centres.iter().map(|centre| centre.iter().map(|value| scale * value).collect()).collect();
    Clustering { points, dtype, levels: vec![(members, centroids)], subset: None }
}

#[test]
fn values_whose_squares_float64_cant_hold_have_every_metric() {
    let mut far = three_blobs(1.0, Dtype::F8);
    far.points[7].fill(1e39);
    let sets = [
        ("float32 to 1e37", three_blobs(2e36, Dtype::F4)),
        ("float64 at 1e39", three_blobs(1e39, Dtype::F8)),
        ("float64 at 1e60", three_blobs(1e60, Dtype::F8)),
        ("float64 at 1e120", three_blobs(1e120, Dtype::F8)),
        ("float64 at 1e151", three_blobs(1e151, Dtype::F8)),
        ("float64 at 1e160", three_blobs(1e160, Dtype::F8)),
        ("float64 at 1e300", three_blobs(1e300, Dtype::F8)),
        ("float64 at 1e-60", three_blobs(1e-60, Dtype::F8)),
        ("float64 at 1e-130", three_blobs(1e-130, Dtype::F8)),
        ("float64 at 1e-170", three_blobs(1e-170, Dtype::F8)),
        ("float64 at 1e-300", three_blobs(1e-300, Dtype::F8)),
        ("a row of 1e39", far),
    ];
    let mut faults = Vec::new();
    for (name, clustering) in &sets {
        for device in crate::common::devices() {
            let record = from_program(clustering, device, &[]);
            faults.extend(wrong(&record, clustering).into_iter().map(|line| format!("{device}, {name}: {line}")));
        }
    }
    none_of(&faults);
}

#[test]
fn extreme_values_have_the_metrics_of_the_same_values_at_a_usual_scale() {
    let (usual, power) = (three_blobs(1.0, Dtype::F8), 2.0_f64.powi(565));
    let mut faults = Vec::new();
    for device in crate::common::devices() {
        let right = from_program(&usual, device, &[]);
        let silhouette = right["levels"][0]["figures"]["silhouette"].as_f64().unwrap_or(f64::NAN);
        assert!((0.4..0.5).contains(&silhouette), "{silhouette}: blobs that touch");
        for scale in [power, power.recip()] {
            let clustering = three_blobs(scale, Dtype::F8);
            let record = from_program(&clustering, device, &[]);
            let mut note = |what: String| faults.push(format!("{device}, times {scale:e}: {what}"));
            for name in SCALE_FREE {
                let [got, want] = [&record, &right].map(|of| of["levels"][0]["figures"][name].as_f64());
                if got.zip(want).is_none_or(|(got, want)| (got - want).abs() > 1e-6 * want.abs()) {
                    note(format!("{name} is {got:?} instead of {want:?}"));
                }
            }
            // control: those alone don't depend on the scale
            let of_usual = wrong(&right, &clustering);
            for name in ["inertia", "clusters.mean_distance", "clusters.nearest_distance"] {
                if !of_usual.iter().any(|line| line.starts_with(&format!("{name}:"))) {
                    note(format!("{name} of the usual scale passes for this one"));
                }
            }
        }
    }
    none_of(&faults);
}

const SCALE_FREE: [&str; 7] = [
    "simplified_silhouette",
    "misassigned",
    "davies_bouldin",
    "explained_variance",
    "calinski_harabasz",
    "davies_bouldin_means",
    "silhouette",
];

#[test]
fn parts_of_extreme_values_merge_to_what_one_run_finds() {
    let mut faults = Vec::new();
    for scale in [1e160, 1e-170] {
        let clustering = three_blobs(scale, Dtype::F8);
        let folder = scratch();
        let (hier, embeddings) = clustering.write(folder.path());
        let (out, copies) = (folder.path().join("out"), folder.path().join("copies"));
        std::fs::create_dir(&copies).expect("a folder");
        let copies = copies.display().to_string();
        for _round in 0..2 {
            for part in [&["--shard", "1/2", "--scratch", &copies][..], &["--shard", "2/2"]] {
                let output =
                    metrics(&hier, &embeddings, &out, &[&["--device", "cpu"], &EVERY_FIGURE[..], part].concat());
                assert!(output.status.success(), "{}", said(&output));
            }
        }
        let output = program().arg("merge").arg(&out).output().expect("starts");
        assert!(output.status.success(), "{}", said(&output));
        let text = std::fs::read_to_string(out.join("record.json")).expect("a record");
        let record = serde_json::from_str(&text).expect("JSON");
        faults.extend(wrong(&record, &clustering).into_iter().map(|line| format!("{scale:e}: {line}")));
    }
    none_of(&faults);
}

#[test]
fn what_float64_does_not_hold_is_null_with_a_reason_a_warning_and_failing_gates() {
    let mut faults = Vec::new();
    for (scale, word) in [(1e160, "overflows"), (1e-170, "underflows")] {
        let clustering = three_blobs(scale, Dtype::F8);
        for device in crate::common::devices() {
            let lines = without_squares(&clustering, device, word).into_iter();
            faults.extend(lines.map(|line| format!("{device}, {scale:e}: {line}")));
        }
    }
    none_of(&faults);
}

/// What is wrong with the null metrics of a clustering. Their reasons must contain `word`.
fn without_squares(clustering: &Clustering, device: &str, word: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let record = from_program(clustering, device, &[]);
    faults.extend(wrong(&record, clustering));
    let level = &record["levels"][0];
    for name in ["inertia", "average_inertia"] {
        let reason = level["undefined"][name].as_str().unwrap_or_default();
        if !level["figures"][name].is_null() || !reason.contains(word) {
            faults.push(format!("{name} is {}, for `{reason}`", level["figures"][name]));
        }
    }
    let warnings = record["warnings"].to_string();
    if !warnings.contains("inertia") || !warnings.contains(word) {
        faults.push(format!("no warning names the metrics that are null: {warnings}"));
    }
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    for gate in ["level1.inertia < 0", "level1.average_inertia < 0"] {
        let options = [&["--device", device, "--fail-if", gate], &EVERY_FIGURE[..]].concat();
        let output = metrics(&hier, &embeddings, &folder.path().join(&gate[7..10]), &options);
        let words = said(&output) + &String::from_utf8_lossy(&output.stdout);
        if output.status.code() != Some(5) || !words.contains(word) {
            faults.push(format!("`{gate}` ends with {:?}: {words}", output.status.code()));
        }
    }
    faults
}

#[test]
fn a_far_row_is_misassigned_where_another_centroid_is_nearer_to_it() {
    let mut faults = Vec::new();
    for far in [1e6, 1e8, 1e10, 1e12] {
        for dtype in [Dtype::F4, Dtype::F8] {
            let mut clustering = three_blobs(1.0, dtype);
            let last = clustering.points.len() as u64;
            clustering.points.push(vec![stored(far, dtype); 5]);
            // to the cluster whose centroid is farthest in that direction
            let along = |centroid: &Vec<f64>| centroid.iter().sum::<f64>();
            let centroids = &clustering.levels[0].1;
            let farthest = (0..3).min_by(|&a, &b| along(&centroids[a]).total_cmp(&along(&centroids[b])));
            clustering.levels[0].0[farthest.expect("three")].push(last);
            for device in crate::common::devices() {
                let record = from_program(&clustering, device, &[]);
                let lines = wrong(&record, &clustering).into_iter();
                faults.extend(lines.map(|line| format!("{device}, {far:e}, {dtype:?}: {line}")));
            }
        }
    }
    none_of(&faults);
}
