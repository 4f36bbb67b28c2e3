//! The device's counters in the record of a run.

use crate::common::{Clustering, Draw, Dtype, devices, judged, scratch};

const ROWS: u64 = 3000;
const DIM: u64 = 64;

/// 30 clusters of 100 points each.
fn clustering() -> Clustering {
    let mut random = Draw(11);
    let points = (0..ROWS).map(|_| (0..DIM).map(|_| random.value()).collect()).collect();
    let members = (0..30).map(|cluster| (cluster * 100..cluster * 100 + 100).collect()).collect();
    let centroids = (0..30).map(|_| (0..DIM).map(|_| random.value()).collect()).collect();
    Clustering { points, dtype: Dtype::F4, levels: vec![(members, centroids)], subset: None }
}

#[test]
fn two_passes_upload_the_points_once() {
    let folder = scratch();
    let (clusters, embeddings) = clustering().write(folder.path());
    for device in devices() {
        let counters = |name: &str, metrics: &str| {
            let more = ["--device", device, "--tile-rows", "256", "--metrics", metrics];
            judged(&clusters, &embeddings, &folder.path().join(format!("{device}-{name}")), &more)["counters"].clone()
        };
        let (one, two) = (counters("one", "inertia"), counters("two", "calinski_harabasz"));
        if device == "cpu" {
            assert!(one.is_null() && two.is_null(), "the CPU shares the host's memory");
            continue;
        }
        let number = |counters: &serde_json::Value, name: &str| counters[name].as_u64().expect("a count");
        let points = ROWS * DIM * 4;
        assert!(number(&one, "bytes_up") >= points, "{one}");
        // the second pass uploads row numbers, and means as hi/lo parts, but no points
        assert!(number(&two, "bytes_up") < points + points / 2, "{two}");
        for name in ["bytes_down", "submits", "dispatches"] {
            assert!(number(&two, name) > number(&one, name), "{name}: {one} {two}");
        }
        assert!(number(&one, "allocations") > 0, "{one}");
    }
}

#[test]
fn points_that_stay_on_the_device_are_not_copied_to_a_disk() {
    let folder = scratch();
    let (clusters, embeddings) = clustering().write(folder.path());
    for device in devices() {
        let node = folder.path().join(format!("node-{device}")).display().to_string();
        let more = ["--device", device, "--tile-rows", "256", "--metrics", "calinski_harabasz", "--scratch", &node];
        let record = judged(&clusters, &embeddings, &folder.path().join(device), &more);
        let leg = &record["provenance"]["legs"][0];
        let points = ROWS * DIM * 4;
        let on_gpu = leg["gpu_memory_bytes"].as_u64();
        match device {
            // the CPU reads the points twice, for both passes
            "cpu" => assert_eq!((leg["scratch"]["copied_bytes"].as_u64(), on_gpu), (Some(points), None), "{leg}"),
            _ => {
                assert_eq!(leg["scratch"]["copied_bytes"], 0, "{leg}");
                assert!(on_gpu.is_some_and(|bytes| bytes >= points && bytes < 1 << 40), "{leg}");
            }
        }
    }
}

#[test]
fn an_exact_silhouette_uploads_the_points_once() {
    let folder = scratch();
    let (clusters, embeddings) = clustering().write(folder.path());
    for device in devices().iter().filter(|device| **device != "cpu") {
        let bytes_up = |name: &str, silhouette: &str| {
            let more = ["--device", device, "--metrics", "inertia", "--map", "none", "--silhouette", silhouette];
            let record = judged(&clusters, &embeddings, &folder.path().join(format!("{device}-{name}")), &more);
            record["counters"]["bytes_up"].as_u64().expect("a count")
        };
        let points = ROWS * DIM * 4;
        let off = bytes_up("off", "off");
        let more = bytes_up("exact", "exact") - off;
        assert!(more >= points && more < points + points / 2, "{device}: {more} for {points} bytes");
        // each window of a sample takes the sample along
        let sampled = bytes_up("sample", "sample:2900") - off;
        assert!(sampled > points + points / 2, "{device}: the comparison can't fail: {sampled}");
    }
}
