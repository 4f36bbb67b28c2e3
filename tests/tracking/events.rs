//! events.jsonl agrees with record.json.

use serde_json::{Value, json};

use crate::common::record;
use crate::fixtures::{Place, output, said};

/// Events of one kind.
fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[test]
fn every_run_writes_its_events() {
    let place = Place::new();
    let ended = output(&mut place.metrics(&["--metrics", "fast,nearest-cluster"]));
    assert!(ended.status.success(), "{}", said(&ended));
    let (events, record) = (place.events(), record(&place.out));
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"run"), Some(&"summary")));
    assert_eq!(kinds.len(), events.len());

    let run = &events[0];
    assert_eq!(
        (&run["settings"], &run["started"], &run["format"]),
        (&record["settings"], &record["started"], &json!(1))
    );
    assert_eq!(run["inputs"]["rows"], record["inputs"]["rows"]);

    let levels = record["levels"].as_array().expect("levels");
    assert_eq!(of(&events, "level").len(), levels.len());
    let mut compared = 0;
    for (event, level) in of(&events, "level").into_iter().zip(levels) {
        assert_eq!((&event["step"], &event["figures"]), (&level["level"], &level["figures"]));
        let number = event["step"].as_u64().expect("a level");
        for (name, figure) in level["figures"].as_object().expect("figures") {
            assert_eq!(&events[events.len() - 1]["figures"][format!("level{number}/{name}")], figure, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared} metrics were compared");
    assert_ne!(levels[0]["figures"], levels[1]["figures"], "the control: levels differ");

    let files = of(&events, "clusters").into_iter().chain(of(&events, "montage"));
    let files: Vec<&str> = files.filter_map(|event| event["path"].as_str()).collect();
    // tables of two levels; montages of all four clusters of level 1 and of both of level 2
    assert_eq!(files.len(), 2 + 4 + 2, "{files:?}");
    assert!(files.iter().all(|file| place.out.join(file).is_file()), "{files:?}");
}

#[test]
fn histograms_count_every_cluster_that_has_the_metric() {
    let place = Place::new();
    let ended = output(&mut place.metrics(&["--metrics", "fast,nearest-cluster,nearest-distance"]));
    assert!(ended.status.success(), "{}", said(&ended));
    let (events, record) = (place.events(), record(&place.out));
    let histograms = of(&events, "histogram");
    let of_first: Vec<&str> =
        histograms.iter().filter(|h| h["step"] == 1).filter_map(|h| h["figure"].as_str()).collect();
    assert!(of_first.contains(&"nearest_distance") && !of_first.contains(&"nearest_cluster"), "{of_first:?}");
    for histogram in histograms {
        let level = &record["levels"][usize::from(histogram["step"] == 2)];
        let figure = histogram["figure"].as_str().expect("a name");
        let figures = level["clusters"][figure].as_array().expect("a column");
        let defined = figures.iter().filter(|figure| !figure.is_null()).count() as u64;
        let counts = histogram["counts"].as_array().expect("counts");
        assert_eq!(counts.iter().filter_map(Value::as_u64).sum::<u64>(), defined, "{figure}");
        assert_eq!(histogram["edges"].as_array().map(Vec::len), Some(counts.len() + 1));
    }
    // the empty cluster has a size and no mean
    assert!(record["levels"][0]["clusters"]["mean_distance"][4].is_null());
}

/// Events sent later equal those sent at once.
#[cfg(unix)]
#[test]
fn events_can_be_made_again_from_the_record() {
    let place = Place::new();
    let python =
        place.fake_python("cat > \"$3/../fed.jsonl\"; echo \"$4\" > \"$3/../options.json\"; echo clustrata: thanks");
    let told = ["--track", "wandb", "--track-tags", "a,b", "--track-group", "g"];
    let ended = output(place.metrics(&told).env("CLUSTRATA_PYTHON", &python));
    assert!(ended.status.success() && said(&ended).is_empty(), "{}", said(&ended));
    let events = std::fs::read(place.out.join("events.jsonl")).expect("events");
    let fed = || std::fs::read(place.at("fed.jsonl")).expect("fed");
    assert_eq!(fed(), events);

    std::fs::remove_file(place.out.join("events.jsonl")).expect("removes");
    let ended = output(place.of_out("track", &["--track-name", "later"]).env("CLUSTRATA_PYTHON", &python));
    assert!(ended.status.success(), "{}", said(&ended));
    assert_eq!(fed(), events);
    let options = std::fs::read_to_string(place.at("options.json")).expect("options");
    let options: Value = serde_json::from_str(&options).expect("JSON");
    // the settings of the run hold unless overridden
    let expected = json!({"project": null, "group": "g", "default_group": null, "tags": ["a", "b"], "name": "later", "default_name": "out", "seconds": 600});
    assert_eq!(options, expected);
    // and another run is another one to the tracker
    let id = |events: &[Value]| events[0]["id"].clone();
    std::fs::write(place.out.join("events.jsonl"), &events).expect("writes");
    let first = id(&place.events());
    let ended = output(&mut place.metrics(&["--force"]));
    assert!(ended.status.success(), "{}", said(&ended));
    assert_ne!(first, id(&place.events()));
}

#[cfg(unix)]
#[test]
fn merged_runs_are_tracked_as_their_parts_were_set() {
    let place = Place::new();
    let python = place.fake_python("cat > \"$3/../fed.jsonl\"; echo clustrata: thanks");
    for shard in ["1/2", "2/2"] {
        let told = ["--metrics", "fast", "--track", "wandb", "--shard", shard];
        let ended = output(place.metrics(&told).env("CLUSTRATA_PYTHON", &python));
        assert!(ended.status.success(), "{}", said(&ended));
        assert!(!place.at("fed.jsonl").exists(), "a part is no run");
    }
    let ended = output(place.of_out("merge", &[]).env("CLUSTRATA_PYTHON", &python));
    assert!(ended.status.success(), "{}", said(&ended));
    let fed = std::fs::read(place.at("fed.jsonl")).expect("fed");
    assert_eq!(fed, std::fs::read(place.out.join("events.jsonl")).expect("events"));
}
