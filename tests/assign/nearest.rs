//! Winners, distances and margins against a naive search in float64 that shares no code with the program.

use crate::common::{Dtype, devices, npy, python};
use crate::fixtures::{CLUSTERS, Place, Rows, labels, nearest, reals, refused, succeeded};

/// Whether an output agrees with a naive search.
fn agrees(place: &Place, out: &str, centroids: &[Rows; 2], each: bool) -> Result<(), String> {
    let out = place.at(out);
    let near = |got: f32, want: f64| (f64::from(got) - want).abs() <= 2e-6 * want.max(1e-3);
    for (index, level) in [1, 2].into_iter().enumerate() {
        let (found, distances) = (labels(&out, level), reals(&out, level, "distances"));
        let margins = (level == 1 || each).then(|| reals(&out, level, "margins"));
        assert_eq!((found.len(), distances.len()), (place.points.len(), place.points.len()));
        for (row, point) in place.points.iter().enumerate() {
            let (mut cluster, mut distance, second) = nearest(point, &centroids[index]);
            if index == 1 && !each {
                cluster = place.parents[nearest(point, &centroids[0]).0];
                distance = crate::common::distance(point, &centroids[1][cluster]);
            }
            if usize::try_from(found[row]) != Ok(cluster) {
                return Err(format!("level {level}, row {row}: {} and not {cluster}", found[row]));
            }
            if !near(distances[row], distance) {
                return Err(format!("level {level}, row {row}: distance {} and not {distance}", distances[row]));
            }
            // a difference is as accurate as its terms
            let margin = margins.as_ref().map_or(second - distance, |margins| f64::from(margins[row]));
            if (margin - (second - distance)).abs() > 2e-6 * second {
                return Err(format!("level {level}, row {row}: margin {margin} and not {}", second - distance));
            }
        }
    }
    Ok(())
}

#[test]
fn winners_are_exact_on_every_device_and_for_every_type() {
    for (dtype, offset) in [(Dtype::F2, 0.0), (Dtype::F4, 100.0), (Dtype::F8, 0.0)] {
        let place = Place::new(1201, dtype, offset);
        for device in devices() {
            let what = format!("{dtype:?}, {device}");
            let record = place.assigned(device, &["--device", device]);
            agrees(&place, device, &place.centroids, false).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
            assert!(!place.at(device).join("level2/margins.npy").exists(), "level 2 was not searched");
            let each = format!("{device}-each");
            place.assigned(&each, &["--device", device, "--each-level"]);
            agrees(&place, &each, &place.centroids, true).unwrap_or_else(|wrong| panic!("{what}, each: {wrong}"));
            // the repeated centroid loses all ties
            let sizes = record["levels"][0]["sizes"].as_array().expect("sizes");
            assert!(
                sizes.len() == CLUSTERS[0] && sizes[CLUSTERS[0] - 1] == 0 && sizes[2].as_u64() > Some(60),
                "{sizes:?}"
            );
            assert_eq!(record["levels"][0]["empty_clusters"], 1);
            // control: another centroid changes some winners, another parent some labels of level 2
            let mut other = place.centroids.clone();
            other[0][4] = place.points[0].clone();
            assert!(agrees(&place, device, &other, false).is_err(), "{what}: the comparison can't fail");
            assert!(agrees(&place, &each, &place.centroids, false).is_err(), "{what}: levels of their own differ");
        }
    }
}

#[test]
fn bare_centroids_are_levels_of_their_own() {
    let place = Place::new(300, Dtype::F4, 0.0);
    for (name, rows) in [("c1.npy", &place.centroids[0]), ("c2.npy", &place.centroids[1])] {
        std::fs::write(place.at(name), npy(rows, Dtype::F8)).expect("writes");
    }
    let both = format!("{},{}", place.at("c1.npy").display(), place.at("c2.npy").display());
    let mut command = crate::common::program();
    command.args(["assign", "--device", "cpu", "--centroids", &both, "--embeddings"]).arg(&place.new);
    succeeded(&command.arg("--out").arg(place.at("bare")).output().expect("starts"));
    agrees(&place, "bare", &place.centroids, true).expect("as the clustering with --each-level");
    // one centroid has no second
    std::fs::write(place.at("one.npy"), npy(&place.centroids[0][..1], Dtype::F4)).expect("writes");
    let mut command = crate::common::program();
    command.args(["assign", "--device", "cpu", "--centroids"]).arg(place.at("one.npy")).arg("--embeddings");
    succeeded(&command.arg(&place.new).arg("--out").arg(place.at("one")).output().expect("starts"));
    assert!(labels(&place.at("one"), 1).iter().all(|&label| label == 0));
    assert!(reals(&place.at("one"), 1, "margins").iter().all(|margin| margin.is_nan()));
}

#[test]
fn rows_that_are_not_finite_are_refused_or_have_no_label() {
    let mut place = Place::new(700, Dtype::F8, 0.0);
    let before = place.points.clone();
    place.write_new(
        |points| {
            points[3][0] = f64::NAN;
            points[698][5] = f64::NEG_INFINITY;
            points[400][1] = 1e39;
        },
        Dtype::F8,
    );
    refused(&mut place.assign("out", &[]), 3, &["3 such rows among the 700 read: 3, 400, 698", "--nonfinite skip"]);
    assert!(!place.at("out").exists(), "a refused run leaves nothing");
    for device in devices() {
        let record = place.assigned(device, &["--nonfinite", "skip", "--device", device]);
        assert_eq!((&record["skipped_rows"], &record["first_skipped"]), (&3.into(), &serde_json::json!([3, 400, 698])));
        for level in [1, 2] {
            let found = labels(&place.at(device), level);
            let distances = reals(&place.at(device), level, "distances");
            for row in 0..700 {
                let is_skipped = [3, 400, 698].contains(&row);
                assert_eq!(
                    (found[row] == -1, distances[row].is_nan()),
                    (is_skipped, is_skipped),
                    "{device}, row {row}"
                );
            }
        }
        assert!(reals(&place.at(device), 1, "margins")[400].is_nan());
        let whole = nearest(&before[9], &place.centroids[0]).0;
        assert_eq!(labels(&place.at(device), 1)[9], whole as i32);
    }
}

#[test]
fn a_centroid_that_is_not_finite_is_never_the_nearest() {
    let place = Place::new(200, Dtype::F4, 0.0);
    let mut centroids = place.centroids[0].clone();
    centroids[0][3] = f64::NAN;
    std::fs::write(place.at("hier/level1/centroids.npy"), npy(&centroids, Dtype::F8)).expect("writes");
    let record = place.assigned("out", &[]);
    assert!(record["warnings"][0].as_str().is_some_and(|text| text.contains("1 of 37 centroids")), "{record}");
    centroids[0] = vec![1e9; centroids[0].len()];
    agrees(&place, "out", &[centroids, place.centroids[1].clone()], false).expect("as if it were far away");
}

/// scikit-learn's labels of rows that it was not fitted to.
#[test]
fn labels_are_those_of_scikit_learn() {
    let Some(mut python) = python() else { return };
    let place = Place::new(900, Dtype::F8, 3.0);
    let script = "import sys, numpy as np\nfrom sklearn.cluster import KMeans\nx = np.load(sys.argv[1])\n\
        model = KMeans(23, n_init=1, random_state=0).fit(x[:500])\nnp.save(sys.argv[2], model.cluster_centers_)\n\
        np.save(sys.argv[3], model.predict(x).astype(np.int32))\nnp.save(sys.argv[4], model.transform(x).min(axis=1))\n";
    let [centroids, expected, distances] = ["c.npy", "labels.npy", "distances.npy"].map(|name| place.at(name));
    let made = python.args(["-c", script]).arg(&place.new).args([&centroids, &expected, &distances]).output();
    succeeded(&made.expect("starts"));
    let mut command = crate::common::program();
    command.arg("assign").arg("--centroids").arg(&centroids).arg("--embeddings").arg(&place.new);
    succeeded(&command.arg("--out").arg(place.at("out")).output().expect("starts"));
    let expected: ndarray::Array1<i32> = ndarray_npy::read_npy(&expected).expect("labels");
    let theirs: ndarray::Array1<f64> = ndarray_npy::read_npy(&distances).expect("distances");
    assert_eq!(labels(&place.at("out"), 1), expected.to_vec());
    for (ours, theirs) in reals(&place.at("out"), 1, "distances").into_iter().zip(theirs) {
        assert!((f64::from(ours) - theirs).abs() <= 1e-6 * theirs, "{ours} and not {theirs}");
    }
    // control: labels of the other clustering differ
    place.assigned("other", &[]);
    assert_ne!(labels(&place.at("other"), 1), expected.to_vec());
}
