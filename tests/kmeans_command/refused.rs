//! Invalid runs are refused before anything is written or changed.

use std::fs;

use crate::common::files_below;
use crate::fixtures::{Place, contents, refused};

#[test]
fn settings_that_do_not_fit_the_embeddings() {
    let place = Place::digits();
    refused(&mut place.kmeans("hier", &["--n-clusters", "1798"]), 2, &["fewer points than clusters", "1797"]);
    refused(&mut place.kmeans("hier", &["--n-clusters", "10,20"]), 2, &["level", "20"]);
    refused(&mut place.kmeans("hier", &[]), 2, &["n_clusters"]);
    refused(&mut place.kmeans("hier", &["--n-clusters", "10", "--device", "no such thing"]), 4, &["no such device"]);
    let config = place.at("c.yaml");
    fs::write(&config, "n_clusters: [10]\nn_iter: 5\n").expect("writes");
    let mut command = place.kmeans("hier", &[]);
    refused(command.arg(&config), 2, &["n-iter", "n-iters"]);
    assert!(!place.at("hier").exists(), "{:?}", files_below(&place.at("hier")));
}

#[test]
fn points_that_are_not_finite() {
    let folder = crate::common::scratch();
    let path = folder.path().join("nan.npy");
    let mut points =
        ndarray::Array2::<f32>::from_shape_fn((200, 3), |(row, column)| (row * 7 % 11 * (column + 1)) as f32);
    points[[17, 1]] = f32::NAN;
    points[[90, 0]] = f32::INFINITY;
    ndarray_npy::write_npy(&path, &points).expect("writes");
    let place = Place::with(&path);
    refused(&mut place.kmeans("hier", &["--n-clusters", "5"]), 3, &["17", "90"]);
}

#[test]
fn a_folder_that_holds_a_clustering() {
    let place = Place::digits();
    place.made("hier", &["--n-clusters", "12,6,3"]);
    place.judged("hier", &[]);
    let before = contents(&place.at("hier"));
    refused(&mut place.kmeans("hier", &["--n-clusters", "12,6,3"]), 2, &["holds a clustering", "--resume", "--force"]);
    refused(&mut place.kmeans("hier", &["--n-clusters", "9", "--resume"]), 2, &["other settings", "--force"]);
    assert!(contents(&place.at("hier")) == before);
    // --force removes all levels of the earlier clustering, and keeps other files
    fs::write(place.at("hier/notes.txt"), "mine").expect("writes");
    place.made("hier", &["--n-clusters", "9", "--force"]);
    let files = files_below(&place.at("hier"));
    assert!(files.iter().any(|name| name == "notes.txt") && files.iter().any(|name| name.starts_with("metrics/")));
    assert!(!files.iter().any(|name| name.starts_with("level3") || name.starts_with("level2")), "{files:?}");
    assert_eq!(place.judged("hier", &["--force"])["levels"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_clustering_by_upstream_is_not_resumed() {
    let place = Place::digits();
    place.made("hier", &["--n-clusters", "6"]);
    fs::remove_file(place.at("hier/kmeans.json")).expect("removes");
    refused(&mut place.kmeans("hier", &["--n-clusters", "6", "--resume"]), 2, &["this program did not make it"]);
    refused(&mut place.kmeans("hier", &["--n-clusters", "6"]), 2, &["holds a clustering"]);
}

#[test]
fn an_input_that_would_be_replaced() {
    let place = Place::digits();
    place.made("hier", &["--n-clusters", "20,5"]);
    let before = contents(&place.at("hier"));
    let own = Place::with(&place.at("hier/level1/centroids.npy"));
    let out = place.at("hier");
    let mut command = own.kmeans(out.to_str().expect("text"), &["--n-clusters", "4", "--force"]);
    refused(&mut command, 2, &["would be replaced", "centroids.npy"]);
    assert!(contents(&place.at("hier")) == before);
}

#[test]
fn points_that_lie_too_far_apart() {
    let folder = crate::common::scratch();
    let path = folder.path().join("far.npy");
    let points = ndarray::Array2::<f32>::from_shape_fn((300, 8), |(row, column)| {
        ((row * 7 + column * 5) % 31) as f32 * 1e37 - 1.5e38
    });
    ndarray_npy::write_npy(&path, &points).expect("writes");
    let place = Place::with(&path);
    refused(&mut place.kmeans("hier", &["--n-clusters", "9", "--device", "cpu"]), 3, &["too far apart", "scale"]);
    // within the range of float32
    ndarray_npy::write_npy(&path, &(points / 100.0)).expect("writes");
    place.made("near", &["--n-clusters", "9", "--device", "cpu"]);
}

#[cfg(unix)]
#[test]
fn folders_whose_names_are_no_text_are_no_panic() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::digits();
    let mut command = crate::common::program();
    command.arg("kmeans").arg("--embeddings-path").arg(&place.embeddings).args(["--n-clusters", "5", "--out"]);
    command.arg(place.at("").join(std::ffi::OsStr::from_bytes(b"a\xff")));
    let output = command.output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
