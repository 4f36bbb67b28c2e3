//! Interrupted runs resume to the same bits.

use std::time::{Duration, Instant};

use crate::common::files_below;
use crate::fixtures::{Place, contents, made_as, succeeded};

const SETTINGS: [&str; 14] = [
    "--n-clusters",
    "150,30",
    "--n-resampling-steps",
    "2,2",
    "--sample-size",
    "6,3",
    "--n-iters",
    "25",
    "--checkpoint",
    "0s",
    "--device",
    "cpu",
    "--seed",
    "7",
];

#[test]
fn killed_runs_resume_to_the_same_bits() {
    let place = Place::digits();
    let started = Instant::now();
    place.made("whole", &SETTINGS);
    let took = started.elapsed();
    let whole = contents(&place.at("whole"));
    let (mut killed, mut checkpoints) = (0, 0);
    for run in 0..200u32 {
        if killed >= 20 {
            break;
        }
        let out = format!("killed{run}");
        // twice in a row, at varying times
        for kill in 0..2 {
            let mut child = place.kmeans(&out, &[&SETTINGS[..], &["--resume"]].concat()).spawn().expect("starts");
            std::thread::sleep(took.mul_f64(f64::from((run * 2 + kill) % 17 + 1) / 20.0).max(Duration::from_millis(5)));
            child.kill().expect("a child");
            killed += u32::from(!child.wait().expect("ends").success());
            checkpoints += u32::from(files_below(&place.at(&out)).iter().any(|name| name.contains("checkpoint-")));
        }
        place.made(&out, &[&SETTINGS[..], &["--resume"]].concat());
        let names = |all: &[(String, Vec<u8>)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let found = contents(&place.at(&out));
        assert_eq!(names(&found), names(&whole), "run {run}");
        assert!(found == whole, "run {run}");
        let steps = |out: &str| {
            let mut steps = made_as(&place.at(out))["steps"].clone();
            for step in steps.as_array_mut().expect("steps") {
                step["seconds"] = serde_json::Value::Null;
            }
            steps
        };
        assert_eq!(steps(&out), steps("whole"), "run {run}");
        std::fs::remove_dir_all(place.at(&out)).expect("removes");
    }
    assert!(killed >= 20 && checkpoints >= 3, "{killed} killed, {checkpoints} with a checkpoint: too few to tell");
}

#[cfg(unix)]
#[test]
fn a_stopped_run_says_how_to_resume() {
    let place = Place::digits();
    place.made("whole", &SETTINGS);
    let mut stopped = 0;
    for attempt in 0..50 {
        let out = format!("stopped{attempt}");
        let mut command = place.kmeans(&out, &SETTINGS);
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("starts");
        // during its first step
        while !place.at(&out).join("level1/step0").exists() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.is_ok());
        let output = child.wait_with_output().expect("ends");
        if output.status.success() {
            continue;
        }
        stopped += 1;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(75), "{said}");
        assert!(said.contains("--resume"), "{said}");
        succeeded(&place.kmeans(&out, &[&SETTINGS[..], &["--resume"]].concat()).output().expect("starts"));
        assert!(contents(&place.at(&out)) == contents(&place.at("whole")));
        let legs = crate::fixtures::made_as(&place.at(&out))["provenance"]["legs"].clone();
        assert_eq!(legs.as_array().map(Vec::len), Some(2), "the stopped process and the one that resumed: {legs}");
        if stopped == 3 {
            return;
        }
    }
    panic!("{stopped} runs were stopped: too few to tell");
}

#[test]
fn finished_steps_are_kept() {
    let place = Place::digits();
    place.made("hier", &SETTINGS);
    let file = place.at("hier/level1/step0/centroids.npy");
    let before = std::fs::metadata(&file).and_then(|m| m.modified()).expect("a time");
    let whole = contents(&place.at("hier"));
    // its own config.yaml holds all settings
    let mut command = crate::common::program();
    command.arg("kmeans").arg(place.at("hier/config.yaml")).arg("--resume");
    succeeded(&command.output().expect("starts"));
    assert_eq!(before, std::fs::metadata(&file).and_then(|m| m.modified()).expect("a time"));
    assert!(!crate::common::files_below(&place.at("hier")).iter().any(|name| name.contains("checkpoint")));
    // a missing step is repeated, and all steps after it
    std::fs::remove_file(place.at("hier/level1/step1/sorted_clusters.npy")).expect("removes");
    succeeded(&command.output().expect("starts"));
    assert!(contents(&place.at("hier")) == whole);
}
