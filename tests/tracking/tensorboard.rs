//! Event files for TensorBoard, read back by its own reader.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{files_below, record};
use crate::fixtures::{Place, complete_with_warning, output, python_with, said};

/// What TensorBoard shows of the run in `out`.
fn read_back(python: &Path, out: &Path) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tracking/read_tensorboard.py");
    let read = Command::new(python).arg(script).arg(out.join("tensorboard")).output().expect("starts");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).expect("JSON")
}

/// Runs a command with this Python; it must say nothing but that all is well.
fn well(command: &mut Command, python: &Path) {
    let ended = output(command.env("CLUSTRATA_PYTHON", python));
    assert!(ended.status.success() && said(&ended).is_empty(), "{}", said(&ended));
}

/// Whether a scalar is what is recorded: TensorBoard keeps float32.
fn same(scalar: &Value, recorded: &Value) -> bool {
    let (Some(scalar), Some(recorded)) = (scalar.as_f64(), recorded.as_f64()) else { return false };
    (scalar - recorded).abs() <= recorded.abs() * f64::from(f32::EPSILON)
}

/// The value at a step of a list of steps and values.
fn at(values: &Value, step: u64) -> &Value {
    let mut found = values.as_array().into_iter().flatten().filter(|value| value[0] == step);
    found.next().map_or(&Value::Null, |value| &value[1])
}

/// Metrics of a level whose scalars at step `step` differ from the record. Undefined metrics must have none.
fn differing(scalars: &Value, step: u64, level: &Value) -> Vec<String> {
    let figures = level["figures"].as_object().expect("figures").iter();
    let wrong = |name: &str, figure: &Value| {
        [format!("by_level/{name}"), format!("level{step}/{name}")].iter().any(|tag| {
            let scalar = at(&scalars[tag], step);
            if figure.is_null() { !scalar.is_null() } else { !same(scalar, figure) }
        })
    };
    figures.filter(|(name, figure)| wrong(name, figure)).map(|(name, _)| name.clone()).collect()
}

/// What TensorBoard keeps for pictures of a level: the largest width, the largest height, and the files in hexadecimal.
fn pictures(out: &Path, level: u64, start: &str) -> Vec<Value> {
    let folder = out.join(format!("level{level}/montages"));
    let files: Vec<_> = files_below(&folder).into_iter().filter(|name| name.starts_with(start)).collect();
    let hexadecimal = |name: &String| {
        let bytes = fs::read(folder.join(name)).expect("a picture");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
    };
    let sides = |name: &String| image::image_dimensions(folder.join(name)).expect("a picture");
    let (width, height) = files.iter().map(sides).fold((0, 0), |(w, h), (width, height)| (w.max(width), h.max(height)));
    [width.into(), height.into()].into_iter().chain(files.iter().map(hexadecimal)).collect()
}

#[test]
fn a_run_holds_scalars_histograms_pictures_texts_and_hyperparameters() {
    let place = Place::new();
    let Some(python) = python_with("tensorboard") else { return };
    // a folder of that name where the run is started is not the package
    fs::create_dir(place.at("tensorboard")).expect("makes a folder");
    fs::write(place.at("tensorboard/__init__.py"), "raise RuntimeError('not the package')").expect("writes");
    let told = ["--track", "tensorboard", "--track-project", "p", "--track-group", "g", "--track-tags", "a,b"];
    well(place.metrics(&told).current_dir(place.at("")).args(["--fail-if", "level1.clusters > 99"]), &python);
    let (read, record) = (read_back(&python, &place.out), record(&place.out));

    let levels = record["levels"].as_array().expect("levels");
    for level in levels {
        let number = level["level"].as_u64().expect("a number");
        assert_eq!(differing(&read["scalars"], number, level), [""; 0], "level {number}");
        for end in ["best", "worst", "contact-sheet"] {
            let expected = pictures(&place.out, number, end);
            let shown = at(&read["images"][format!("montages/{end}")], number);
            assert!(expected.len() > 2 && shown.as_array() == Some(&expected), "level {number}, {end}");
        }
    }
    // no level's scalars would do for another
    assert!(differing(&read["scalars"], 1, &levels[1]).len() > 3);

    histograms(&read["histograms"], &place.events());
    let hparams = &read["hparams"]["hparams"];
    assert_eq!((&hparams["group"], &hparams["tags"], &hparams["job"]), (&"g".into(), &"a,b".into(), &"metrics".into()));
    assert_eq!((&hparams["seed"], &hparams["map"]), (&json!(0.0), &"tsne".into()));
    assert_eq!((&hparams["levels"], &hparams["clustering"]), (&"1,2".into(), &record["settings"]["clustering"]));
    assert_eq!((&hparams["dtype"], &hparams["rows"]), (&"<f4".into(), &json!(40.0)));
    let elsewhere = ["out", "track", "track-project", "track-group", "metrics"];
    assert!(elsewhere.iter().all(|name| hparams[name].is_null()), "{hparams}");
    let trial = format!("out {}", place.events()[0]["id"].as_str().expect("an id"));
    assert_eq!(read["hparams"]["groupName"], trial);
    let config = at(&read["text"]["config"], 0).as_str().expect("a text");
    for line in [
        "    name: out",
        "    group: g",
        "    dtype: <f4",
        "    skipped_rows: 0",
        "    tags: [\"a\", \"b\"]",
        "    track-project: p",
        "    fail-if: [\"level1.clusters > 99\"]",
    ] {
        assert!(config.lines().any(|found| found == line), "no `{line}` in:\n{config}");
    }
    assert!(read["text"]["warnings"].is_null(), "there are none");
    let seconds = humantime::parse_rfc3339(record["started"].as_str().expect("a time")).expect("a time");
    let seconds = seconds.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert_eq!(read["started"].as_f64(), Some(seconds));
}

/// Every histogram is that of the event.
fn histograms(read: &Value, events: &[Value]) {
    let mut compared = 0;
    for event in events.iter().filter(|event| event["event"] == "histogram") {
        let tag = format!("histograms/{}", event["figure"].as_str().expect("a name"));
        let bins = at(&read[&tag], event["step"].as_u64().expect("a level")).as_array().expect("bins");
        let column = |i: usize| bins.iter().map(|bin| bin[i].as_f64()).collect::<Vec<_>>();
        let [edges, counts] = ["edges", "counts"]
            .map(|key| event[key].as_array().expect("numbers").iter().map(Value::as_f64).collect::<Vec<_>>());
        assert_eq!((column(0), column(1)), (edges[..edges.len() - 1].to_vec(), edges[1..].to_vec()), "{tag}");
        assert_eq!(column(2), counts, "{tag}");
        compared += 1;
    }
    assert!(compared > 10, "{compared} histograms");
}

#[test]
fn a_k_means_holds_every_iteration_of_each_level() {
    let place = Place::new();
    let Some(python) = python_with("tensorboard") else { return };
    let made = place.at("made");
    let mut kmeans = place.program("kmeans");
    kmeans.arg("--embeddings-path").arg(place.at("embeddings.npy")).arg("--out").arg(&made);
    kmeans.args(["--n-clusters", "8,3", "--n-iters", "4", "--device", "cpu", "--track", "tensorboard"]);
    well(&mut kmeans, &python);
    let read = read_back(&python, &made);
    let kept: Value = serde_json::from_slice(&fs::read(made.join("kmeans.json")).expect("a record")).expect("JSON");
    let steps = kept["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 2);
    // the names of an iteration's figures in the record
    let of_iteration = [("objective", "objectives"), ("moved", "moved"), ("searched", "searched")];
    let at_end = ["clusters", "empty_clusters", "mean_squared_distance"];
    let scalars_of = |step: &Value, name: &str| &read["scalars"][format!("kmeans/level{}/{name}", step["level"])];
    for step in steps {
        for (name, key) in of_iteration {
            let (recorded, shown) = (step[key].as_array().expect("numbers"), scalars_of(step, name));
            assert!(recorded.len() > 1 && shown.as_array().map(Vec::len) == Some(recorded.len()), "{name}: {shown}");
            for (i, recorded) in (1..).zip(recorded) {
                assert!(same(at(shown, i), recorded), "{name} of iteration {i}: {shown}");
            }
        }
        let iterations = step["objectives"].as_array().map_or(0, Vec::len) as u64;
        for name in at_end {
            assert!(same(at(scalars_of(step, name), iterations), &step[name]), "{name}");
        }
    }
    // the control: levels differ
    assert!(!same(at(scalars_of(&steps[0], "objective"), 1), &steps[1]["objectives"][0]));
    let hparams = &read["hparams"]["hparams"];
    assert_eq!((&hparams["job"], &hparams["group"]), (&"kmeans".into(), &"made".into()));
    assert_eq!((&hparams["n_clusters"], &hparams["rows"]), (&"8,3".into(), &json!(40.0)));
}

/// Sent again, a run replaces its own files and nothing else. The folder stays as another program's would.
#[test]
fn a_run_that_is_sent_twice_has_one_event_file() {
    let place = Place::new();
    let Some(python) = python_with("tensorboard") else { return };
    let ended = output(&mut place.metrics(&["--metrics", "fast"]));
    assert!(ended.status.success(), "{}", said(&ended));
    let folder = place.out.join("tensorboard");
    fs::create_dir(&folder).expect("makes a folder");
    let others = ["events.out.tfevents.1.mine", "notes.clustrata"];
    others.iter().for_each(|name| fs::write(folder.join(name), "").expect("writes"));
    let sent = || {
        let ended = output(place.of_out("track", &["--track", "tensorboard"]).env("CLUSTRATA_PYTHON", &python));
        assert!(ended.status.success(), "{}", said(&ended));
        let log = fs::read_to_string(place.out.join("track.log")).expect("a log");
        assert!(log.contains("clustrata: written to") && log.contains("--logdir"), "{log}");
        let mut files = files_below(&folder);
        files.retain(|name| !others.contains(&name.as_str()));
        assert_eq!(files.len(), 1, "{files:?}");
        (files.remove(0), read_back(&python, &place.out))
    };
    let (first, second) = (sent(), sent());
    assert_ne!(first.0, second.0, "a new file, which an open TensorBoard notices");
    assert_eq!(first.1, second.1);
    // with what the record holds by now
    let mut changed = record(&place.out);
    changed["warnings"] = json!(["`a*b*`: few", "none"]);
    fs::write(place.out.join("record.json"), changed.to_string()).expect("writes");
    assert_eq!(at(&sent().1["text"]["warnings"], 0), "- `'a*b*': few`\n- `none`");
    let kept = files_below(&folder);
    assert!(kept.len() == 3 && others.iter().all(|name| kept.iter().any(|kept| kept == name)), "{kept:?}");
    // a run in the same place does not touch the folder, until it is sent
    let ended = output(&mut place.metrics(&["--metrics", "fast", "--force"]));
    assert!(ended.status.success() && files_below(&folder) == kept, "{}", said(&ended));
    assert_ne!(sent().1["hparams"]["groupName"], first.1["hparams"]["groupName"]);
}

#[cfg(unix)]
#[test]
fn without_the_package_the_run_is_complete_and_is_sent_later() {
    let place = Place::new();
    let Some(python) = python_with("tensorboard") else { return };
    let bare = place.fake_python(&format!("exec {} -S \"$@\"", python.display()));
    let ended = output(place.metrics(&["--track", "tensorboard"]).env("CLUSTRATA_PYTHON", bare));
    complete_with_warning(
        &place,
        &ended,
        &["not sent to TensorBoard", "no tensorboard in", "No module named 'tensorboard'", "pip install tensorboard"],
    );
    assert!(!place.out.join("tensorboard").exists() && !said(&ended).contains("wandb"), "{}", said(&ended));
    // as the hint says, without naming the tracker again
    let mut later = place.of_out("track", &[]);
    let ended = output(later.env("CLUSTRATA_PYTHON", &python));
    assert!(ended.status.success() && place.out.join("tensorboard").is_dir(), "{}", said(&ended));
    let ended = output(place.of_out("track", &["--track", "none"]).env("CLUSTRATA_PYTHON", &python));
    assert_eq!(ended.status.code(), Some(2), "{}", said(&ended));
}

/// A picture that can't be shown is left out, and nothing else.
#[test]
fn a_damaged_picture_is_left_out() {
    let place = Place::new();
    let Some(python) = python_with("tensorboard") else { return };
    let ended = output(&mut place.metrics(&["--metrics", "fast", "--montage-format", "webp"]));
    assert!(ended.status.success(), "{}", said(&ended));
    let montages = place.out.join("level1/montages");
    let best: Vec<_> = files_below(&montages).into_iter().filter(|name| name.starts_with("best")).collect();
    let send = |pillow: Option<&Path>| {
        let mut track = place.of_out("track", &["--track", "tensorboard"]);
        pillow.map(|folder| track.env("PYTHONPATH", folder));
        let ended = output(track.env("CLUSTRATA_PYTHON", &python));
        assert!(ended.status.success(), "{}", said(&ended));
        (read_back(&python, &place.out), fs::read_to_string(place.out.join("track.log")).expect("a log"))
    };
    let shown =
        |read: &Value| at(&read["images"]["montages/best"], 1).as_array().map_or(0, |picture| picture.len() - 2);
    let (whole, log) = send(None);
    assert!(shown(&whole) == best.len() && best.len() == 2 && !log.contains("left out"), "{log}");
    let png = |picture: &Value| picture.as_str().is_some_and(|bytes| bytes.starts_with("89504e47"));
    assert!(png(&at(&whole["images"]["montages/best"], 1)[2]), "browsers are sent PNG for WebP");

    fs::write(montages.join(&best[0]), "not a picture").expect("writes");
    let (damaged, log) = send(None);
    assert!(shown(&damaged) == 1 && log.contains(&format!("left out: level1/montages/{}", best[0])), "{log}");
    assert_eq!(damaged["scalars"], whole["scalars"]);
    assert_eq!(damaged["images"]["montages/worst"], whole["images"]["montages/worst"]);
    // a Python without Pillow
    fs::create_dir_all(place.at("none/PIL")).expect("makes a folder");
    fs::write(place.at("none/PIL/__init__.py"), "raise ImportError('no Pillow')").expect("writes");
    let (without, log) = send(Some(&place.at("none")));
    assert!(without["images"] == json!({}) && log.contains("no Pillow"), "{log}");
    assert_eq!(without["scalars"], whole["scalars"]);
}
