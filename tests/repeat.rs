//! Saved settings repeat a run: from another folder and in another environment, they give the same bits.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use common::{Draw, files_below, npy_indices, record};

/// A variable that only the first run has: the folder of a job that is gone when the run is repeated.
const DISK: &str = "CLUSTRATA_TEST_DISK";

/// A copy of the digits: `work/data`, beside which runs are started.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = common::scratch();
        let place = Place { folder };
        let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
        for file in files_below(&digits) {
            let copy = place.at(&format!("work/data/{file}"));
            fs::create_dir_all(copy.parent().expect("a folder")).expect("made");
            fs::copy(digits.join(file), copy).expect("copied");
        }
        // two files that a glob matches, and names of images
        let embeddings = fs::read(digits.join("embeddings.npy")).expect("embeddings");
        fs::write(place.at("work/data/part-1.npy"), &embeddings).expect("written");
        let names: String = (0..rows(&embeddings)).map(|row| format!("{row}.png\n")).collect();
        fs::write(place.at("work/data/names.txt"), names).expect("written");
        image::RgbImage::new(4, 4).save(place.at("work/data/0.png")).expect("written");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, started in `work/start`, with the node's disk.
    fn here(&self, arguments: &[&str]) -> Output {
        let start = self.at("work/start");
        fs::create_dir_all(&start).expect("made");
        run(common::program().current_dir(start).env(DISK, self.at("job-7")).args(arguments))
    }

    /// The program, started elsewhere, when the node's disk is gone.
    fn elsewhere(&self, arguments: &[&str]) -> Output {
        let _ = fs::remove_dir_all(self.at("job-7"));
        let start = self.at("far/away");
        fs::create_dir_all(&start).expect("made");
        run(common::program().current_dir(start).env_remove(DISK).env("TMPDIR", self.at("far")).args(arguments))
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).expect("a file")
    }
}

/// Rows of a `.npy` of version 1, by its header.
fn rows(npy: &[u8]) -> usize {
    let header = String::from_utf8_lossy(&npy[..128]).into_owned();
    let shape = header.split("'shape': (").nth(1).and_then(|rest| rest.split(',').next());
    shape.and_then(|rows| rows.trim().parse().ok()).expect("a shape")
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What the files of a run hold, except those that tell of paths and times.
fn results(out: &Path) -> Vec<(String, Vec<u8>)> {
    let told = ["config.yaml", "events.jsonl", "log.txt", "record.json", "report.html", "kmeans.json"];
    let kept = files_below(out).into_iter().filter(|file| !told.contains(&file.as_str()));
    kept.map(|file| (file.clone(), fs::read(out.join(&file)).expect("a file"))).collect()
}

/// Every path of a saved file is absolute and short, and no value of a variable is in it.
fn is_portable(text: &str, place: &Place) {
    assert!(!text.contains(place.at("job-7").to_str().expect("UTF-8")), "the folder of a job: {text}");
    assert!(!text.contains(".."), "{text}");
    for line in text.lines().filter(|line| line.contains(".npy") || line.contains(".txt")) {
        assert!(line.contains(place.at("work/data").to_str().expect("UTF-8")), "{line}");
    }
}

#[test]
fn metrics_of_the_saved_settings_have_the_same_bits() {
    let place = Place::new();
    let [data, scratch] = ["../data", &format!("${DISK}/rows")];
    let options = ["--metrics", "all", "--silhouette", "sample:200", "--yes", "--distances", "own", "--device", "cpu"];
    let inputs = [
        "metrics",
        &format!("./{data}"),
        "--embeddings",
        &format!("{data}/part-*.npy"),
        "--images",
        &format!("{data}/names.txt"),
        "--labels",
        &format!("{data}/labels.npy"),
        "--scratch",
        scratch,
        "--seed",
        "3",
        "--out",
        "../out",
    ];
    place.here(&[&inputs[..], &options].concat());
    let config = place.text("work/out/config.yaml");
    is_portable(&config, &place);
    assert!(config.lines().any(|line| line == format!("scratch: ${DISK}/rows")), "{config}");
    let (saved, out) = (place.at("work/out/config.yaml"), place.at("far/again"));
    let arguments = ["metrics", "--config", saved.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8")];
    place.elsewhere(&arguments);
    let (first, again) = (record(&place.at("work/out")), record(&out));
    assert_eq!(first["levels"], again["levels"]);
    assert!(results(&place.at("work/out")) == results(&out));
    assert_eq!((first["settings"]["scratch"].as_str(), first["plan"] == again["plan"]), (Some(scratch), true));
    let warned = again["warnings"].to_string();
    assert!(warned.contains(&format!("${DISK} is not set")), "{warned}");
    // another seed samples other points: the comparison sees it
    place.elsewhere(&[&arguments[..], &["--seed", "4", "--force"]].concat());
    assert_ne!(first["levels"], record(&out)["levels"]);
}

#[test]
fn settings_of_labels_are_saved_with_absolute_paths() {
    let place = Place::new();
    let data = place.at("work/data");
    let mut draw = Draw(9);
    let count = rows(&fs::read(data.join("embeddings.npy")).expect("embeddings"));
    let levels: Vec<u64> = (0..count).map(|_| draw.below(7) as u64).collect();
    fs::write(data.join("l.npy"), npy_indices(&levels)).expect("written");
    let of_labels = ["metrics", "--assignments", "../data/l.npy", "--embeddings", "../data/embeddings.npy"];
    place.here(&[&of_labels[..], &["--metrics", "fast", "--device", "cpu", "--out", "../of labels"]].concat());
    is_portable(&place.text("work/of labels/config.yaml"), &place);
    let saved = place.at("work/of labels/config.yaml");
    place.elsewhere(&["metrics", "--config", saved.to_str().expect("UTF-8"), "--out", "again"]);
    assert_eq!(record(&place.at("work/of labels"))["levels"], record(&place.at("far/away/again"))["levels"]);
}

/// Settings of a k-means of the digits, with paths as someone writes them who starts it in `work/start`.
fn kmeans_settings() -> Value {
    json!({
        "embeddings_path": "../start/../data/embeddings.npy", "n_clusters": [40, 8], "n_resampling_steps": [2, 1],
        "sample_size": [5, 1], "n_iters": 8, "exp_dir": "../made", "clustrata": {"seed": 3, "device": "cpu"},
    })
}

#[test]
fn kmeans_of_the_saved_settings_has_the_same_bits() {
    let place = Place::new();
    // JSON is YAML
    fs::write(place.at("work/kmeans.yaml"), kmeans_settings().to_string()).expect("written");
    place.here(&["kmeans", "../kmeans.yaml"]);
    is_portable(&place.text("work/made/config.yaml"), &place);
    let saved = place.at("work/made/config.yaml");
    let arguments = ["kmeans", saved.to_str().expect("UTF-8"), "--out", "again"];
    place.elsewhere(&arguments);
    let (first, again) = (results(&place.at("work/made")), results(&place.at("far/away/again")));
    assert!(first.len() > 6 && first == again, "{:?}", first.iter().map(|(name, _)| name).collect::<Vec<_>>());
    place.elsewhere(&[&arguments[..], &["--seed", "4", "--force"]].concat());
    assert!(first != results(&place.at("far/away/again")), "another seed makes another clustering");
}

#[test]
fn a_saved_job_spec_repeats_the_sweep() {
    let place = Place::new();
    fs::write(place.at("work/kmeans.yaml"), kmeans_settings().to_string()).expect("written");
    let spec = json!({
        "job_details": {"name": "sweep", "root": "../runs"},
        "kmeans": {"config": "../kmeans.yaml"},
        "parameters": {
            "LIST_of_two": [
                {"labels": "../data/labels.npy", "metrics": "all"},
                {"labels": "./../data/labels.npy", "metrics": "fast"},
            ],
            "device": "cpu", "silhouette": "sample:100", "seed": [1, 2], "scratch": format!("${DISK}"),
        },
        "slurm": {"shards": 3, "scratch": format!("${DISK}")},
    });
    fs::write(place.at("work/spec.yaml"), spec.to_string()).expect("written");
    place.here(&["submit", "../spec.yaml", "--local"]);
    let (saved, made) = (place.text("work/runs/sweep/spec.yaml"), place.text("work/runs/sweep/kmeans.yaml"));
    is_portable(&saved, &place);
    is_portable(&made, &place);
    // into another folder, and with a clustering of its own
    let places =
        [("work/runs/sweep/kmeans.yaml", "far/kmeans.yaml"), ("work/runs", "far/runs"), ("work/made", "far/made")];
    let other = places.iter().fold(saved, |text, (from, to)| {
        let [from, to] = [from, to].map(|name| place.at(name).to_str().expect("UTF-8").to_owned());
        assert!(text.contains(&from), "{from} is not in {text}");
        text.replace(&from, &to)
    });
    fs::write(place.at("far.yaml"), other).expect("written");
    fs::create_dir_all(place.at("far")).expect("made");
    fs::write(place.at("far/kmeans.yaml"), made).expect("written");
    place.elsewhere(&["submit", "../../far.yaml", "--local"]);
    assert!(results(&place.at("work/made")) == results(&place.at("far/made")));
    let names = |root: &str| -> Vec<String> {
        files_below(&place.at(root)).into_iter().filter(|file| file.ends_with("record.json")).collect()
    };
    let runs = names("work/runs/sweep");
    assert_eq!((runs.len(), &runs), (4, &names("far/runs/sweep")));
    for run in &runs {
        let [first, again] = ["work/runs/sweep", "far/runs/sweep"].map(|root| {
            let out = place.at(root).join(run);
            (record(out.parent().expect("a folder"))["levels"].clone(), results(out.parent().expect("a folder")))
        });
        assert_eq!(first.0, again.0, "{run}");
    }
    let seeds = runs.iter().map(|run| record(place.at("far/runs/sweep").join(run).parent().expect("a folder")));
    let levels: Vec<String> = seeds.map(|record| record["levels"].to_string()).collect();
    assert_ne!(levels[0], levels[1], "other seeds sample other points");
    // a spec of the user's own in that place is not replaced
    fs::write(place.at("work/runs/sweep/spec.yaml"), spec.to_string()).expect("written");
    place.here(&["submit", "../spec.yaml", "--local", "--retry"]);
    assert_eq!(place.text("work/runs/sweep/spec.yaml"), spec.to_string());
}

#[test]
fn the_record_says_who_computed_it_and_what_that_took() {
    let place = Place::new();
    let job = [("SLURM_JOB_ID", "41"), ("SLURM_ARRAY_JOB_ID", "40"), ("SLURM_ARRAY_TASK_ID", "2")];
    let mut command = common::program();
    command.current_dir(place.at("work/data")).envs(job).env("SLURM_RESTART_COUNT", "3");
    let embeddings = ["metrics", ".", "--embeddings", "embeddings.npy", "--metrics", "all", "--yes"];
    run(command.args(embeddings).args(["--device", "cpu", "--out", "../out"]));
    let found = record(&place.at("work/out"))["provenance"].clone();
    let legs = found["legs"].as_array().expect("legs");
    let leg = &legs[0];
    assert_eq!((legs.len(), &leg["slurm"]), (1, &json!({"job": 41, "array": [40, 2], "restarts": 3})));
    assert_eq!(leg["host"], gethostname::gethostname().to_str().expect("UTF-8"));
    assert!(leg["device"].as_str().is_some_and(|device| device.contains("[cpu, ")), "{leg}");
    let real = |of: &Value, key: &str| of[key].as_f64().unwrap_or_else(|| panic!("{key} of {of}"));
    assert_eq!((real(&found, "seconds"), real(leg, "seconds") > 0.0), (real(leg, "seconds"), true));
    assert!(leg["started"].as_str() <= leg["ended"].as_str() && leg["started"] != "");
    if cfg!(unix) {
        let busy = real(leg, "cpu_seconds") / (real(leg, "seconds") * real(leg, "cores"));
        assert!(real(leg, "cpu_seconds") > 0.0 && (busy - real(leg, "cpu_utilisation")).abs() < 1e-9, "{leg}");
    }
    if cfg!(any(target_os = "linux", target_os = "macos")) {
        // at least the embeddings, and less than any machine has
        assert!((1e6..1e12).contains(&real(leg, "peak_memory_bytes")), "{leg}");
    }
}
