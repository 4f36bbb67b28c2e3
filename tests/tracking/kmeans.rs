//! A k-means at W&B: every iteration, and the runs that judge it beside it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::record;
use crate::fixtures::{Place, output, python_with_wandb, said};
use crate::offline::read_back;

/// `kmeans` of the place's rows into `hier-made`, two levels.
fn kmeans(place: &Place, more: &[&str]) -> Command {
    let mut command = place.program("kmeans");
    command.arg("--embeddings-path").arg(place.at("embeddings.npy")).arg("--out").arg(place.at("hier-made"));
    command.args(["--n-clusters", "8,2", "--n-iters", "4", "--device", "cpu"]).args(more);
    command
}

fn offline(command: &mut Command, python: &Path) {
    command.env("CLUSTRATA_PYTHON", python).env("WANDB_MODE", "offline");
    let ended = output(command);
    assert!(ended.status.success() && said(&ended).is_empty(), "{}", said(&ended));
}

#[test]
fn an_offline_k_means_holds_every_iteration_and_joins_the_group_of_its_runs() {
    let place = Place::new();
    let Some(python) = python_with_wandb() else { return };
    offline(&mut kmeans(&place, &["--track", "wandb", "--track-project", "p"]), &python);
    let made = place.at("hier-made");
    let (read, _) = read_back(&python, &made);
    let kept: Value =
        serde_json::from_slice(&std::fs::read(made.join("kmeans.json")).expect("a record")).expect("JSON");
    let mut at = 0_u64;
    for step in kept["steps"].as_array().expect("steps") {
        for (i, objective) in step["objectives"].as_array().expect("objectives").iter().enumerate() {
            at += 1;
            let row = &read["history"][at.to_string()];
            assert_eq!((row["objective"].as_f64(), &row["moved"]), (objective.as_f64(), &step["moved"][i]), "{row}");
            assert_eq!((&row["searched"], &row["level"]), (&step["searched"][i], &step["level"]), "{row}");
            assert!(row["searched"].is_u64(), "{row}");
        }
        assert_eq!(read["history"][at.to_string()]["empty_clusters"], step["empty_clusters"]);
        let level = &step["level"];
        assert_eq!(read["summary"][format!("level{level}/mean_squared_distance")], step["mean_squared_distance"]);
    }
    assert_eq!(read["history"].as_object().map(serde_json::Map::len), Some(usize::try_from(at).expect("few")));
    assert!(at > 3, "several iterations");
    assert_eq!((&read["run"]["group"], &read["run"]["name"]), (&"hier-made".into(), &"hier-made".into()));
    assert_eq!((&read["config"]["seed"], &read["config"]["rows"]), (&0.into(), &kept["rows"]));
    // the run that judges it
    let mut metrics = place.program("metrics");
    metrics.arg(&made).arg("--embeddings").arg(place.at("embeddings.npy")).args([
        "--device",
        "cpu",
        "--metrics",
        "fast",
        "--track",
        "wandb",
    ]);
    offline(&mut metrics, &python);
    let (read, _) = read_back(&python, &made.join("metrics"));
    assert_eq!(read["run"]["group"], "hier-made");
    // one that another program made has no such group
    let mut other = place.metrics(&["--metrics", "fast", "--track", "wandb"]);
    offline(&mut other, &python);
    assert_eq!(read_back(&python, &place.out).0["run"]["group"], "");
    assert!(record(&place.out)["kmeans"].is_null());
}

#[test]
fn a_finished_k_means_is_sent_later_and_an_unfinished_one_is_not() {
    let place = Place::new();
    let ended = output(&mut kmeans(&place, &["--track-group", "g"]));
    assert!(ended.status.success(), "{}", said(&ended));
    let made = place.at("hier-made");
    let file = made.join("kmeans.json");
    let text = std::fs::read_to_string(&file).expect("a record");
    if let Some(python) = python_with_wandb() {
        let mut track = place.program("track");
        track.arg(&made).env("CLUSTRATA_PYTHON", &python).env("WANDB_MODE", "offline");
        let sent = output(&mut track);
        assert!(sent.status.success(), "{}", said(&sent));
        assert_eq!(read_back(&python, &made).0["run"]["group"], "g", "as the settings of the k-means say");
    }
    assert!(text.contains("\"complete\": true"), "{text}");
    std::fs::write(&file, text.replace("\"complete\": true", "\"complete\": false")).expect("writes");
    let refused = output(place.program("track").arg(&made));
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("not complete"), "{}", said(&refused));
}
