//! Rows without direction, settings that contradict each other, and what follows the clustering.

use std::path::Path;

use crate::common::{Clustering, Dtype, devices, judged, metrics, program, record, scratch};
use crate::data::{Kind, draw};

fn refused(output: &std::process::Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "`{word}` is not in: {said}"));
}

/// Rows 3 and 20 are zeros, and row 40 is NaN too if `mixed`.
fn with_zeros(dtype: Dtype, mixed: bool) -> Clustering {
    let mut clustering = draw(Kind::Groups, dtype, 3);
    clustering.points[3] = vec![0.0, -0.0, 0.0];
    clustering.points[20] = vec![0.0; 3];
    if mixed {
        clustering.points[40][1] = f64::NAN;
    }
    clustering
}

#[test]
fn rows_of_zeros_are_refused_with_their_numbers_and_count() {
    for dtype in [Dtype::F2, Dtype::F4, Dtype::F8] {
        let folder = scratch();
        let (hier, embeddings) = with_zeros(dtype, false).write(folder.path());
        let out = folder.path().join("out");
        for device in devices().into_iter().filter(|device| *device == "cpu" || dtype == Dtype::F4) {
            let words = ["rows of zeros", "2 such rows among the 157 read: 3, 20", "--nonfinite skip"];
            refused(&metrics(&hier, &embeddings, &out, &["--normalize", "--force", "--device", device]), 3, &words);
            // they are rows like others if they are not normalised
            judged(&hier, &embeddings, &out, &["--device", device, "--force", "--metrics", "inertia"]);
        }
        let (hier, embeddings) = with_zeros(dtype, true).write(folder.path());
        let words = ["NaN or infinite values, and rows of zeros", "3 such rows", "3, 20, 40"];
        refused(
            &metrics(&hier, &embeddings, &folder.path().join("mixed"), &["--normalize", "--device", "cpu"]),
            3,
            &words,
        );
    }
}

#[test]
fn rows_of_zeros_can_be_left_out() {
    let (bad, mut good) = (with_zeros(Dtype::F4, false), draw(Kind::Groups, Dtype::F4, 3));
    good.levels[0].0.iter_mut().for_each(|rows| rows.retain(|row| ![3, 20].contains(row)));
    for device in devices() {
        let judge = |clustering: &Clustering, more: &[&str]| {
            let folder = scratch();
            let (hier, embeddings) = clustering.write(folder.path());
            let options = [&["--normalize", "--device", device], more].concat();
            judged(&hier, &embeddings, &folder.path().join("out"), &options)
        };
        let got = judge(&bad, &["--nonfinite", "skip"]);
        let want = judge(&good, &["--allow-unassigned"]);
        for level in 0..2 {
            for (name, want) in want["levels"][level]["figures"].as_object().expect("figures") {
                let got = got["levels"][level]["figures"][name].as_f64();
                let off = got.zip(want.as_f64()).map(|(got, want)| (got - want).abs() / want.abs().max(1e-3));
                assert!(off.is_some_and(|off| off < 1e-6) || want.is_null(), "{name}: {got:?} instead of {want}");
            }
        }
        assert_eq!(got["skipped_rows"], 2);
        assert!(
            got["warnings"].to_string().contains("2 rows hold a NaN, an infinity or only zeros"),
            "{}",
            got["warnings"]
        );
    }
}

/// A clustering by k-means of the groups.
fn made(folder: &Path, more: &[&str]) -> std::process::Output {
    draw(Kind::Groups, Dtype::F4, 16).write(folder);
    let mut command = program();
    command
        .arg("kmeans")
        .arg("--embeddings-path")
        .arg(folder.join("embeddings.npy"))
        .arg("--out")
        .arg(folder.join("made"));
    command.args(["--n-clusters", "6,2", "--device", "cpu"]).args(more).output().expect("starts")
}

#[test]
fn metrics_follow_how_the_clustering_was_made() {
    let folder = scratch();
    assert!(made(folder.path(), &["--normalize"]).status.success());
    let judge = |more: &[&str]| {
        let mut command = program();
        command.arg("metrics").arg(folder.path().join("made")).args(["--device", "cpu", "--force"]).args(more);
        let output = command.output().expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        record(&folder.path().join("made/metrics"))
    };
    let followed = judge(&[]);
    assert_eq!(followed["settings"]["normalize"], true);
    assert_eq!(followed["kmeans"]["settings"]["normalize"], true);
    assert!(followed["levels"][0]["figures"]["silhouette_cosine"].is_f64());
    assert_eq!(followed["levels"][0]["figures"]["misassigned"], 0);
    let contradicted = judge(&["--normalize=false"]);
    assert!(contradicted["levels"][0]["figures"].get("silhouette_cosine").is_none());
    assert!(
        contradicted["warnings"].to_string().contains("was made of normalised rows"),
        "{}",
        contradicted["warnings"]
    );
    assert!(!followed["warnings"].to_string().contains("was made of"), "{}", followed["warnings"]);
    assert!(contradicted["inputs"].get("normalized").is_none());
}

#[test]
fn cosines_need_normalised_rows() {
    let folder = scratch();
    let (hier, embeddings) = draw(Kind::Groups, Dtype::F4, 16).write(folder.path());
    let asks: [&[&str]; 3] = [
        &["--metrics", "inertia,silhouette-cosine"],
        &["--rank-by", "silhouette_cosine"],
        &["--fail-if", "level1.silhouette_cosine < 0"],
    ];
    for ask in asks {
        let output = metrics(&hier, &embeddings, &folder.path().join("out"), &[ask, &["--device", "cpu"]].concat());
        refused(&output, 2, &["silhouette_cosine", "normalised rows only", "add --normalize"]);
        let output = metrics(
            &hier,
            &embeddings,
            &folder.path().join("out"),
            &[ask, &["--normalize", "--force", "--device", "cpu"]].concat(),
        );
        assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn kmeans_refuses_what_has_no_direction() {
    let folder = scratch();
    refused(&made(folder.path(), &["--spherical", "--normalize=false"]), 2, &["needs rows of norm 1"]);
    let (_, embeddings) = with_zeros(Dtype::F4, false).write(folder.path());
    for how in ["--normalize", "--spherical"] {
        let mut command = program();
        command.arg("kmeans").arg("--embeddings-path").arg(&embeddings).arg("--out").arg(folder.path().join("zeros"));
        let output = command.args(["--n-clusters", "4", "--device", "cpu", how]).output().expect("starts");
        refused(&output, 3, &["rows of zeros", "2 such points among 157: 3, 20"]);
    }
}
