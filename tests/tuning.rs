//! Measured speeds of a GPU: where they are kept, when they are used, and what happens when they can't be.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{Clustering, Dtype, devices, program, record, scratch};
use serde_json::Value;
use tempfile::TempDir;

const POINTS: usize = 6000;

/// 6,000 points of 128 columns, and 256 clusters: a class that `devices --tune` measures.
struct Place {
    folder: TempDir,
    hier: PathBuf,
    embeddings: PathBuf,
}

/// `None` if there is no GPU backend to test.
fn place() -> Option<Place> {
    if !devices().contains(&"gpu") {
        return None;
    }
    let folder = scratch();
    let mut state = 5_u64;
    let mut drawn = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    let mut vectors = |count: usize| -> Vec<Vec<f64>> {
        (0..count).map(|_| (0..128).map(|_| common::stored(drawn(), Dtype::F4)).collect()).collect()
    };
    let members = (0..256).map(|cluster| (0..POINTS as u64).filter(|row| row % 256 == cluster).collect()).collect();
    let (points, centroids) = (vectors(POINTS), vectors(256));
    let clustering = Clustering { points, dtype: Dtype::F4, levels: vec![(members, centroids)], subset: None };
    let (hier, embeddings) = clustering.write(folder.path());
    Some(Place { folder, hier, embeddings })
}

impl Place {
    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn file(&self) -> PathBuf {
        self.cache().join("tuning.json")
    }

    /// A search in 24 tiles. Returns the record and the messages.
    fn run(&self, cache: &Path, more: &[&str]) -> (Value, String) {
        self.run_in_tiles("250", cache, more)
    }

    fn run_in_tiles(&self, rows: &str, cache: &Path, more: &[&str]) -> (Value, String) {
        let out = self.folder.path().join("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
        command.arg("metrics").arg(&self.hier).arg("-e").arg(&self.embeddings).arg("-o").arg(&out);
        command.args(["--metrics", "misassigned", "--map", "none", "--tile-rows", rows, "--force", "--device", "gpu"]);
        let output = succeeded(command.args(more).env("CLUSTRATA_CACHE", cache));
        (record(&out), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn tune(cache: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
    succeeded(command.args(["devices", "--tune"]).args(more).env("CLUSTRATA_CACHE", cache))
}

fn tuned(record: &Value) -> &Value {
    let classes = record["device"]["tuning"].as_array().expect("a list");
    assert_eq!(classes.len(), 1, "{classes:?}");
    &classes[0]
}

#[test]
fn what_one_run_measures_the_next_one_knows() {
    let Some(place) = place() else { return };
    let (first, messages) = place.run(&place.cache(), &[]);
    assert_ne!(tuned(&first)["source"], "cache");
    assert!(tuned(&first)["lanes"].as_u64() >= Some(1), "{}", first["device"]);
    if first["device"]["kind"] != "software" {
        return; // a real GPU has more to try than 24 tiles allow
    }
    // tiles so small that their time says nothing about larger ones
    let small = place.folder.path().join("small");
    let (in_small_tiles, _) = place.run_in_tiles("50", &small, &[]);
    assert!(tuned(&in_small_tiles)["rates"].is_object() && !small.exists(), "{}", in_small_tiles["device"]);
    assert_eq!((&tuned(&first)["source"], &tuned(&first)["shape"]), (&"default".into(), &"per-invocation".into()));
    assert!(messages.contains("search of 128 columns and up to 256 clusters (<f4): per-invocation"), "{messages}");
    let kept: Value = serde_json::from_slice(&fs::read(place.file()).expect("a cache")).expect("JSON");
    assert_eq!(kept["entries"][0]["adapter"], first["device"]["name"]);
    let (second, messages) = place.run(&place.cache(), &[]);
    assert_eq!(tuned(&second)["source"], "cache");
    assert!(messages.contains("the fastest of an earlier run"), "{messages}");
    assert_eq!(second["levels"], first["levels"]);
    // turned off: neither read nor written
    let before = fs::read(place.file()).expect("a cache");
    let (off, _) = place.run(&place.cache(), &["--no-tuning"]);
    assert_eq!((&tuned(&off)["source"], &tuned(&off)["rates"]), (&"default".into(), &Value::Null));
    assert_eq!(off["levels"], first["levels"]);
    assert_eq!(fs::read(place.file()).expect("a cache"), before);
    fs::remove_dir_all(place.cache()).expect("removes");
    place.run(&place.cache(), &["--no-tuning"]);
    assert!(!place.cache().exists(), "without tuning no folder is made");
}

#[test]
fn devices_tune_prints_a_table_and_keeps_what_a_run_then_uses() {
    let Some(place) = place() else { return };
    let table = String::from_utf8_lossy(&tune(&place.cache(), &[]).stdout).into_owned();
    for word in ["columns", "TFLOP/s", "per-invocation", "small-register-tile", "chosen", "cache"] {
        assert!(table.contains(word), "{table}");
    }
    assert!(!table.contains("WRONG"), "{table}");
    let (run, messages) = place.run(&place.cache(), &["--verbose"]);
    assert_eq!(tuned(&run)["source"], "cache", "{messages}");
    let json = tune(&place.folder.path().join("other"), &["--json", "--device", "gpu"]).stdout;
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let shapes = json["shapes"].as_array().expect("a list");
    assert!(shapes.len().is_multiple_of(4) && shapes.iter().all(|shape| shape["agrees"] == true), "{json}");
    // a slow device does not get to the larger sizes in time
    for size in shapes.chunk_by(|a, b| (&a["columns"], &a["clusters"]) == (&b["columns"], &b["clusters"])) {
        let [timed, chosen] =
            ["seconds", "chosen"].map(|key| size.iter().filter(|s| s[key] != Value::Null && s[key] != false).count());
        assert_eq!(chosen, usize::from(timed > 0), "one of those that were timed: {json}");
    }
    assert!(shapes.iter().any(|shape| shape["columns"] == 128 && shape["chosen"] == true), "{json}");
}

#[test]
fn estimates_take_the_measured_rate_and_say_so() {
    let Some(place) = place() else { return };
    tune(&place.cache(), &[]);
    let silhouette = |more: &[&str]| {
        let mut command = program();
        command.arg("metrics").arg(&place.hier).arg("-e").arg(&place.embeddings);
        command.arg("-o").arg(place.folder.path().join("out")).env("CLUSTRATA_CACHE", place.cache());
        command.args(["--metrics", "silhouette", "--device", "gpu", "--force"]).args(more);
        command.output().expect("the program starts")
    };
    assert!(silhouette(&[]).status.success(), "the device is fast enough");
    let mut kept: Value = serde_json::from_slice(&fs::read(place.file()).expect("a cache")).expect("JSON");
    kept["entries"].as_array_mut().expect("a list").iter_mut().for_each(|entry| entry["rate"] = 2e6.into());
    fs::write(place.file(), kept.to_string()).expect("writes");
    let refused = silhouette(&[]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("by the measured rate of this device, 0.00 GFLOP/s"), "{message}");
    assert!(silhouette(&["--no-tuning"]).status.success(), "without tuning the nominal rate applies");
}

#[test]
fn the_cpu_has_nothing_to_tune() {
    let mut command = program();
    let output = command.args(["devices", "--tune", "--device", "cpu"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(4));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("the CPU has no kernels"), "{message}");
    let output = program().args(["devices", "--device", "gpu"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "--device says what to tune");
}

#[test]
fn a_damaged_cache_is_warned_of_once_and_left_alone() {
    let Some(place) = place() else { return };
    fs::create_dir(place.cache()).expect("makes a folder");
    fs::write(place.file(), "{\"mine\": tr").expect("writes");
    let (run, messages) = place.run(&place.cache(), &[]);
    assert_ne!(tuned(&run)["source"], "cache");
    assert_eq!(messages.matches("not a list of measured speeds").count(), 1, "{messages}");
    assert_eq!(fs::read_to_string(place.file()).expect("text"), "{\"mine\": tr");
    let (_, messages) = place.run(&place.cache(), &["--no-tuning"]);
    assert!(!messages.contains("measured speeds"), "{messages}");
}

#[test]
fn a_run_needs_no_cache_folder() {
    let Some(place) = place() else { return };
    let file = place.folder.path().join("a file");
    fs::write(&file, "").expect("writes");
    let (expected, _) = place.run(Path::new(""), &[]);
    for folder in [file.join("below"), PathBuf::from("/proc/nowhere")] {
        let (run, messages) = place.run(&folder, &[]);
        assert_eq!(run["levels"], expected["levels"]);
        assert_eq!(run["warnings"], expected["warnings"]);
        assert!(!messages.contains("measured speeds") && !messages.contains("not written"), "{messages}");
    }
    // a home without a cache folder, and no home at all
    let home = place.folder.path().join("home");
    for home in [Some(home), None] {
        let mut command = program();
        command.env_remove("CLUSTRATA_CACHE").env_remove("XDG_CACHE_HOME").env_remove("HOME");
        if let Some(home) = &home {
            command.env("HOME", home);
        }
        let out = place.folder.path().join("out");
        command.arg("metrics").arg(&place.hier).arg("-e").arg(&place.embeddings).arg("-o").arg(&out);
        succeeded(command.args(["--metrics", "misassigned", "--tile-rows", "250", "--force", "--device", "gpu"]));
        let kept = home.map(|home| home.join(".cache/clustrata/tuning.json").is_file());
        if cfg!(target_os = "linux") && record(&out)["device"]["kind"] == "software" {
            assert_ne!(kept, Some(false));
        }
    }
}

#[test]
fn the_record_of_a_k_means_says_which_kernel_searched() {
    let Some(place) = place() else { return };
    let out = place.folder.path().join("made");
    let run = |more: &[&str]| {
        let mut command = program();
        command.arg("kmeans").arg("-e").arg(&place.embeddings).arg("-o").arg(&out);
        command.args(["--n-clusters", "20", "--n-iters", "3", "--device", "gpu", "--force"]).args(more);
        succeeded(command.env("CLUSTRATA_CACHE", place.cache()));
        let text = fs::read(out.join("kmeans.json")).expect("a record");
        serde_json::from_slice::<Value>(&text).expect("JSON")
    };
    let usual = run(&[]);
    assert!(usual["tuning"][0]["shape"].is_string() && usual["tuning"][0]["columns"] == 128, "{usual}");
    assert_eq!(usual["settings"]["no-tuning"], false);
    let off = run(&["--no-tuning"]);
    assert_eq!(off["tuning"][0]["source"], "default");
    assert_eq!(off["settings"]["no-tuning"], true);
    assert_eq!(off["steps"][0]["objectives"], usual["steps"][0]["objectives"]);
}
