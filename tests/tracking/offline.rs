//! An offline W&B run, read back from its `.wandb` file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{files_below, record};
use crate::fixtures::{Place, output, python_with_wandb, said};

/// What the only offline run below `out` holds, and its folder.
pub(crate) fn read_back(python: &Path, out: &Path) -> (Value, PathBuf) {
    let files = files_below(&out.join("wandb"));
    let [file] = &files
        .iter()
        .filter(|file| file.starts_with("offline-run") && file.ends_with(".wandb"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("not one run: {files:?}")
    };
    let file = out.join("wandb").join(file);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tracking/read_offline.py");
    let read = Command::new(python).arg(script).arg(&file).output().expect("starts");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    (serde_json::from_slice(&read.stdout).expect("JSON"), file.parent().expect("a folder").to_owned())
}

/// Metrics of a level whose values in the history differ from the record.
fn differing(history: &Value, level: &Value) -> Vec<String> {
    let figures = level["figures"].as_object().expect("figures").iter();
    // like JSON, W&B does not distinguish whole numbers from reals
    let same = |name: &str, figure: &Value| figure.is_null() || history[name].as_f64() == figure.as_f64();
    figures.filter(|(name, figure)| !same(name, figure)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn an_offline_run_holds_config_history_images_and_tables() {
    let place = Place::new();
    let Some(python) = python_with_wandb() else { return };
    // a folder of that name where the run is started is not the package
    fs::create_dir(place.at("wandb")).expect("makes a folder");
    fs::write(place.at("wandb/__init__.py"), "raise RuntimeError('not the package')").expect("writes");
    // a name that is a number stays a name beside others
    let labels = place.at("labels.txt");
    fs::write(&labels, "cat\n7\n".repeat(20)).expect("writes");
    let told = ["--track", "wandb", "--track-project", "p", "--track-group", "g", "--track-tags", "a,b"];
    let mut command = place.metrics(&told);
    command.arg("--labels").arg(&labels);
    command.current_dir(place.at("")).env("CLUSTRATA_PYTHON", &python).env("WANDB_MODE", "offline");
    // the variables set by a sweep's agent (in a sweep, the SDK accepts no other project), and an empty one
    command.envs([("SLURM_JOB_ID", "41"), ("SLURM_ARRAY_JOB_ID", "40"), ("SLURM_ARRAY_TASK_ID", "2")]);
    command.env("WANDB_SWEEP_ID", "s1").env("WANDB_RUN_ID", "r1").env("WANDB_RESUME", "").env("WANDB_PROJECT", "p");
    let ended = output(&mut command);
    assert!(ended.status.success() && said(&ended).is_empty(), "{}", said(&ended));
    let (read, folder) = read_back(&python, &place.out);
    let record = record(&place.out);

    let run = &read["run"];
    assert_eq!(
        (&run["project"], &run["group"], &run["id"], &run["name"]),
        (&"p".into(), &"g".into(), &"r1".into(), &"out".into())
    );
    assert_eq!((&run["tags"], &run["sweep"]), (&serde_json::json!(["a", "b"]), &"s1".into()));
    assert_eq!(read["config"]["clustering"], record["settings"]["clustering"]);
    assert_eq!(read["config"]["rows"], record["inputs"]["rows"]);
    assert_eq!(read["config"]["device_used"]["backend"], "cpu");
    // where it ran
    assert_eq!(read["config"]["hosts"], serde_json::json!([gethostname::gethostname().to_str()]));
    assert_eq!(read["config"]["slurm_jobs"], serde_json::json!(["40_2"]));

    let levels = record["levels"].as_array().expect("levels");
    assert_eq!(read["history"].as_object().map(|history| history.len()), Some(levels.len()));
    for level in levels {
        let number = &level["level"];
        let history = &read["history"][number.to_string()];
        assert!(differing(history, level).is_empty(), "{:?}", differing(history, level));
        let sizes: u64 =
            history["histograms/size/values"].as_array().expect("a histogram").iter().filter_map(Value::as_u64).sum();
        assert_eq!(Some(sizes), level["figures"]["clusters"].as_u64());
        assert_eq!(read["summary"][format!("level{number}/inertia")], level["figures"]["inertia"]);
        pictures(&folder.join("files"), &history["montages/best/filenames"], &level["ranking"]["best"]);
        pictures(&folder.join("files"), &history["montages/worst/filenames"], &level["ranking"]["worst"]);
        table(&folder.join("files"), &history[format!("tables/clusters-level{number}/path")], level);
    }
    // no level's history would do for another
    assert!(!differing(&read["history"]["1"], &levels[1]).is_empty());
}

/// One picture per cluster that is shown, all of one size.
fn pictures(files: &Path, names: &Value, clusters: &Value) {
    let names = names.as_array().expect("pictures");
    assert_eq!(Some(names.len()), clusters.as_array().map(Vec::len));
    let size = |name: &Value| image::image_dimensions(files.join(name.as_str().expect("a name"))).expect("a picture");
    assert!(names.iter().all(|name| size(name) == size(&names[0])));
}

/// A row per cluster, with the metrics of the record.
fn table(files: &Path, path: &Value, level: &Value) {
    let text = fs::read_to_string(files.join(path.as_str().expect("a path"))).expect("a table");
    let table: Value = serde_json::from_str(&text).expect("JSON");
    let columns: Vec<&str> = table["columns"].as_array().expect("columns").iter().filter_map(Value::as_str).collect();
    assert!(
        columns[0] == "cluster" && ["inertia", "majority_label"].iter().all(|n| columns.contains(n)),
        "{columns:?}"
    );
    let rows = table["data"].as_array().expect("rows");
    assert_eq!(Some(rows.len() as u64), level["figures"]["clusters"].as_u64());
    for (cluster, row) in rows.iter().enumerate() {
        for (name, cell) in columns.iter().zip(row.as_array().expect("a row")).skip(1) {
            // parents are no metric
            let column = if *name == "parent" { &level["parent"] } else { &level["clusters"][*name] };
            let figure = &column[cluster];
            assert!(
                cell == figure || cell.is_number() && cell.as_f64() == figure.as_f64(),
                "{name}: {cell} for {figure}"
            );
        }
    }
}

/// What an agent runs for a sweep, with the values that the sweep chose.
#[cfg(unix)]
#[test]
fn the_sweep_that_comes_with_the_program_runs() {
    let place = Place::new();
    let Some(python) = python_with_wandb() else { return };
    let chosen = serde_json::json!({
        "clustering": place.at("hier"), "embeddings": place.at("embeddings.npy"), "silhouette": "sample:10", "seed": 2,
    });
    fs::write(place.at("chosen.json"), chosen.to_string()).expect("writes");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tracking");
    let mut agent = Command::new(&python);
    agent.arg(tests.join("sweep_command.py")).arg(tests.join("../../configs/wandb-sweep.yaml"));
    let told = agent.arg(place.at("chosen.json")).output().expect("starts");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let words: Vec<String> = serde_json::from_slice(&told.stdout).expect("a list of words");
    let program = Path::new(env!("CARGO_BIN_EXE_clustrata")).parent().expect("a folder");
    let path = std::env::join_paths([program, Path::new("/bin"), Path::new("/usr/bin")]).expect("a path");
    let mut run = Command::new(&words[0]);
    run.args(&words[1..]).current_dir(place.at("")).env("PATH", path).env("CLUSTRATA_PYTHON", &python);
    run.env("WANDB_MODE", "offline").env("WANDB_SWEEP_ID", "s1").env("WANDB_RUN_ID", "r1");
    let ended = output(&mut run);
    assert!(ended.status.success(), "{}", said(&ended));
    let out = place.at("runs/sweep/r1");
    assert_eq!(
        (&record(&out)["settings"]["seed"], &record(&out)["settings"]["silhouette"]),
        (&2.into(), &"sample:10".into())
    );
    let (read, _) = read_back(&python, &out);
    assert_eq!((&read["run"]["id"], &read["run"]["sweep"]), (&"r1".into(), &"s1".into()));
    assert!(read["summary"]["level1/silhouette"].is_number(), "what the sweep goes by");
    // the agent restarts an interrupted run
    let ended = output(&mut run);
    assert!(ended.status.success() && String::from_utf8_lossy(&ended.stdout).contains("complete already"));
}

/// Sent again, it is the same run to W&B.
#[test]
fn a_run_that_is_sent_twice_has_one_identity() {
    let place = Place::new();
    let Some(python) = python_with_wandb() else { return };
    let ended = output(&mut place.metrics(&["--metrics", "fast"]));
    assert!(ended.status.success(), "{}", said(&ended));
    let ids: Vec<Value> = (0..2)
        .map(|_| {
            let mut track = place.of_out("track", &["--track-project", "p"]);
            let ended = output(track.env("CLUSTRATA_PYTHON", &python).env("WANDB_MODE", "offline"));
            assert!(ended.status.success(), "{}", said(&ended));
            let (read, _) = read_back(&python, &place.out);
            assert_eq!(read["run"]["project"], "p");
            fs::remove_dir_all(place.out.join("wandb")).expect("removes");
            read["run"]["id"].clone()
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0], place.events()[0]["id"]);
}
