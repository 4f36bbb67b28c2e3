//! Clusterings that faiss, scikit-learn and HDBSCAN made have scikit-learn's scores. Without centroids, which are then the
//! means, every score is scikit-learn's.

use serde_json::Value;

use crate::common::scratch;
use crate::fixtures::{SHAPE, data, judged, read_labels};

const ALL: [&str; 4] = ["--metrics", "all", "--silhouette", "exact"];

fn scores() -> Value {
    let text = std::fs::read(data("assignments/scores.json")).expect("scores");
    serde_json::from_slice(&text).expect("JSON")
}

/// A level agrees with scikit-learn.
fn compare(figures: &Value, want: &Value) -> Result<(), String> {
    let pairs = [
        ("silhouette", "silhouette", 1e-5),
        ("davies_bouldin", "davies_bouldin", 1e-5),
        ("davies_bouldin_means", "davies_bouldin", 1e-5),
        ("calinski_harabasz", "calinski_harabasz", 1e-5),
        ("inertia", "inertia", 1e-6),
    ];
    for (metric, of, tolerance) in pairs {
        let (got, want) = (figures[metric].as_f64(), want[of].as_f64().expect("a score"));
        if !got.is_some_and(|got| (got - want).abs() <= tolerance * want.abs()) {
            return Err(format!("{metric}: {got:?} instead of {want}"));
        }
    }
    let points = SHAPE.0 - want["unassigned"].as_u64().expect("a count");
    if figures["points"] != points { Err(format!("{} instead of {points} points", figures["points"])) } else { Ok(()) }
}

fn file(name: &str) -> String {
    data(&format!("assignments/{name}.npy")).to_str().expect("UTF-8").to_owned()
}

#[test]
fn without_centroids_every_score_is_that_of_scikit_learn() {
    let scores = scores();
    for name in ["faiss", "sklearn", "hdbscan"] {
        let out = scratch();
        let record = judged(out.path(), &[&["--assignments", &file(name)][..], &ALL].concat());
        let level = &record["levels"][0]["figures"];
        compare(level, &scores[name]).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert_eq!(level["clusters"], scores[name]["clusters"], "{name}");
        assert_eq!(record["inputs"]["assignments"][0]["unassigned"], scores[name]["unassigned"], "{name}");
        assert_eq!(record["inputs"]["assignments"][0]["centroids_are_means"], true, "{name}");
        assert!(record["stages"].as_array().is_some_and(|stages| stages.iter().any(|s| s["name"] == "centroids")));
        let warnings = record["warnings"].to_string();
        assert!(warnings.contains("the means of the clusters"), "{warnings}");
        assert_eq!(warnings.contains("904 of 1797 rows"), name == "hdbscan", "{warnings}");
        assert!(out.path().join("level1/centroids.npy").is_file());
    }
    // noise as a cluster of its own has other scores, so leaving it out can be told from that
    let noise = &scores["hdbscan"]["with_noise"];
    let out = scratch();
    let record = judged(out.path(), &[&["--assignments", &file("hdbscan")][..], &ALL].concat());
    let mut want = scores["hdbscan"].clone();
    for (name, score) in noise.as_object().expect("scores") {
        want[name] = score.clone();
    }
    assert!(compare(&record["levels"][0]["figures"], &want).is_err());
}

#[test]
fn stored_centroids_change_the_metrics_around_them_and_no_other() {
    let scores = scores();
    for (name, centroids) in [("faiss", "faiss_centroids"), ("sklearn", "sklearn_centers")] {
        let out = scratch();
        let arguments = ["--assignments", &file(name), "--centroids", &file(centroids)];
        let record = judged(out.path(), &[&arguments[..], &ALL].concat());
        let figures = &record["levels"][0]["figures"];
        assert!(!out.path().join("level1/centroids.npy").exists());
        let close = |metric: &str, of: &str| {
            let (got, want) = (figures[metric].as_f64().expect("defined"), scores[name][of].as_f64().expect("defined"));
            (got - want).abs() <= 1e-5 * want.abs()
        };
        for (metric, of) in [("silhouette", "silhouette"), ("davies_bouldin_means", "davies_bouldin")] {
            assert!(close(metric, of), "{name}: {metric}");
        }
        assert!(close("calinski_harabasz", "calinski_harabasz"), "{name}");
        // faiss stops before its centroids are the means; scikit-learn's are the means
        assert_eq!(close("inertia", "inertia"), name == "sklearn", "{name}");
    }
}

/// Silhouettes depend on no centroid, however far it is from the rows.
#[test]
fn centroids_far_from_all_rows_change_no_silhouette() {
    let out = scratch();
    let centers: ndarray::Array2<f64> = match ndarray_npy::read_npy(file("sklearn_centers")) {
        Ok(centers) => centers,
        Err(_) => {
            ndarray_npy::read_npy::<_, ndarray::Array2<f32>>(file("sklearn_centers")).expect("floats").mapv(f64::from)
        }
    };
    let labels = file("sklearn");
    let silhouette = |shift: f64| {
        let far = out.path().join("far.npy");
        ndarray_npy::write_npy(&far, &(&centers + shift)).expect("writes");
        let arguments = ["--assignments", &labels, "--centroids", far.to_str().expect("UTF-8"), "--force"];
        let record = judged(&out.path().join("out"), &[&arguments[..], &["--metrics", "silhouette"]].concat());
        record["levels"][0]["figures"]["silhouette"].as_f64().expect("defined")
    };
    let near = silhouette(0.0);
    for shift in [1e6, 1e12, 1e18] {
        let far = silhouette(shift);
        assert!((far - near).abs() <= 1e-6 * near.abs(), "{shift}: {far}, not {near}");
    }
}

#[test]
fn levels_that_nest_get_parents_and_others_are_judged_each_on_its_own() {
    let scores = scores();
    for (name, nests) in [("nested", true), ("independent", false)] {
        let out = scratch();
        let record = judged(out.path(), &[&["--assignments", &file(name)][..], &ALL].concat());
        let want = scores[name].as_array().expect("levels");
        assert_eq!(record["levels"].as_array().map(Vec::len), Some(want.len()));
        for (index, want) in want.iter().enumerate() {
            let level = &record["levels"][index];
            compare(&level["figures"], want).unwrap_or_else(|wrong| panic!("{name}, level {}: {wrong}", index + 1));
            let has_parents = level["parent"].as_array().is_some_and(|parents| !parents.is_empty());
            assert_eq!(has_parents, nests && index == 0, "{name}");
            let told = &record["inputs"]["assignments"][index]["nests"];
            assert_eq!(told.as_bool(), (index > 0).then_some(nests), "{name}");
        }
        assert_eq!(record["warnings"].to_string().contains("does not nest"), !nests, "{name}");
    }
}

#[test]
fn levels_that_do_not_nest_have_the_metrics_of_separate_runs_to_the_bit() {
    let out = scratch();
    let together = judged(&out.path().join("all"), &[&["--assignments", &file("independent")][..], &ALL].concat());
    for (index, labels) in read_labels(&data("assignments/independent.npy")).iter().enumerate() {
        let path = out.path().join(format!("{index}.npy"));
        crate::fixtures::write_labels(&path, labels);
        let alone = ["--assignments", path.to_str().expect("UTF-8")];
        let alone = judged(&out.path().join(format!("only{index}")), &[&alone[..], &ALL].concat());
        let (mut together, mut alone) = (together["levels"][index].clone(), alone["levels"][0].clone());
        // the centre of a search comes from the lowest level, so its last bits differ
        for level in [&mut together, &mut alone] {
            level["level"] = Value::Null;
            for key in ["figures", "clusters"] {
                level[key].as_object_mut().expect("metrics").remove("simplified_silhouette");
            }
        }
        assert_eq!(together, alone, "level {}", index + 1);
    }
}
