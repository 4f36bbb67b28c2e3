//! Runs that are killed or asked to stop, and go on.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use clustrata::formats::part_file::PartFile;

use crate::common::{files_below, record};
use crate::fixtures::{Place, Random, refused, succeeded};

/// Checkpoints as often as can be, in small tiles: a run of many of them.
const OFTEN: [&str; 8] = ["--metrics", "all", "--checkpoint", "1ms", "--tile-rows", "64", "--distances", "own"];

/// Every file that has its final name is complete: checkpoints and parts can be read, and results, which are there where
/// the run was killed at the very end, are those of `whole`.
fn nothing_half_written(out: &Path, whole: &Path) {
    for file in files_below(out) {
        let name = file.rsplit('/').next().unwrap_or(&file);
        let hidden = name.starts_with('.') || file.starts_with(".clustrata-staging");
        // these tell of paths and times
        let told = ["config.yaml", "events.jsonl", "log.txt", "record.json", "report.html"].contains(&file.as_str());
        if file.ends_with(".part") || file.ends_with(".checkpoint") {
            if let Err(finding) = PartFile::open(&out.join(&file)) {
                panic!("{file}: {finding}");
            }
        } else if !hidden && !told && !file.ends_with("-distances.npy") {
            let read = |folder: &Path| std::fs::read(folder.join(&file)).ok();
            assert!(read(out) == read(whole), "{file} of a run that was killed");
        }
    }
}

/// Kills at random moments of the run.
const KILLS: usize = 15;

#[test]
fn killed_runs_go_on_to_the_same_bits() {
    let place = Place::new();
    let started = Instant::now();
    let want = place.whole("whole", &OFTEN);
    let took = started.elapsed();
    let mut random = Random::new(5);
    let (mut checkpoints, mut killed) = (0, 0);
    // some are through before they are killed, and more of them on a machine that was slow when the time was taken
    for run in 0..20 * KILLS {
        if killed >= KILLS {
            break;
        }
        let out = format!("killed{run}");
        // one in three is killed twice
        for _kill in 0..=usize::from(run % 3 == 0) {
            let mut command = place.metrics(&out, &[&OFTEN[..], &["--resume"]].concat());
            let mut child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("starts");
            std::thread::sleep(took.mul_f64(f64::midpoint(random.next(), 1.0)));
            child.kill().expect("kills");
            let finished = child.wait().expect("ends").success();
            if !finished {
                killed += 1;
                nothing_half_written(&place.at(&out), &place.at("whole"));
                checkpoints += usize::from(files_below(&place.at(&out)).iter().any(|file| file.contains("parts/")));
            }
        }
        succeeded(&mut place.metrics(&out, &[&OFTEN[..], &["--resume"]].concat()));
        let got = record(&place.at(&out));
        assert!(got["levels"] == want["levels"], "run {run}");
        assert_eq!(got["distances"], want["distances"], "run {run}: each distance once");
        let distances = |out: &str| std::fs::read(place.at(out).join("level1/distances.npy")).expect("distances");
        assert!(distances(&out) == distances("whole"), "run {run}");
        assert!(!place.at(&out).join("parts").exists(), "run {run}: what is not needed any more is gone");
        std::fs::remove_dir_all(place.at(&out)).expect("removes");
    }
    assert!(
        killed >= KILLS && checkpoints >= KILLS / 4,
        "{killed} killed, {checkpoints} with a checkpoint: too few to tell"
    );
}

/// The record of a part that was resumed once, and merged, has three legs.
fn both_legs_and_the_merge(provenance: &serde_json::Value) {
    let legs = provenance["legs"].as_array().expect("legs");
    let processes: std::collections::BTreeSet<_> = legs.iter().filter_map(|leg| leg["pid"].as_u64()).collect();
    assert_eq!((legs.len(), processes.len()), (3, 3), "{provenance}");
    let merges = legs.iter().filter(|leg| leg["rows"].is_null()).count();
    assert_eq!((merges, &legs[0]["rows"]), (1, &serde_json::json!([0, 4099])), "{provenance}");
    for sum in ["seconds", "cpu_seconds"] {
        let of_legs: f64 = legs.iter().filter_map(|leg| leg[sum].as_f64()).sum();
        assert!(provenance[sum].as_f64().is_some_and(|all| (all - of_legs).abs() <= 1e-9 * of_legs && all > 0.0));
    }
    assert_eq!((&provenance["started"], &provenance["ended"]), (&legs[0]["started"], &legs[2]["ended"]));
}

#[cfg(unix)]
#[test]
fn asked_to_stop_a_part_leaves_a_checkpoint_and_goes_on() {
    use std::process::Command;
    use std::time::Duration;
    let place = Place::new();
    // of which the checkpoints are only those that are asked for
    let more = ["--metrics", "all", "--checkpoint", "1h", "--tile-rows", "8", "--threads", "1", "--shard", "1/1"];
    let want = {
        succeeded(&mut place.metrics("whole", &more));
        succeeded(&mut place.merge("whole", &[]));
        record(&place.at("whole"))
    };
    let mut stopped = 0;
    // after so many milliseconds, when some may be through; and when the first stage is
    for (signal, wait) in [("TERM", Some(40)), ("USR1", Some(60)), ("USR1", Some(90)), ("TERM", None)] {
        let out = format!("stopped-{signal}-{wait:?}");
        let mut command = place.metrics(&out, &more);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
        let folder = place.at(&out).join("parts/rows-000000000000-000000004099");
        // the lock shows that it is at work, with its handlers set
        let sign = folder.join(if wait.is_some() { ".clustrata-lock" } else { "distances.part" });
        while !sign.exists() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait.unwrap_or(0)));
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.is_ok());
        let output = child.wait_with_output().expect("ends");
        let message = crate::fixtures::text(&output.stderr);
        if output.status.success() {
            continue;
        }
        stopped += 1;
        assert_eq!(output.status.code(), Some(75), "{message}");
        assert!(message.contains("--resume"), "{message}");
        nothing_half_written(&place.at(&out), &place.at("whole"));
        let left = files_below(&folder);
        assert!(left.iter().any(|f| f.ends_with(".checkpoint") || f.ends_with(".part")), "{left:?}");
        // without --resume nothing is thrown away
        if left.iter().any(|file| file.ends_with(".checkpoint")) {
            refused(&mut place.metrics(&out, &more), 2, &["--resume", "--force"]);
        }
        succeeded(&mut place.metrics(&out, &[&more[..], &["--resume"]].concat()));
        succeeded(&mut place.merge(&out, &[]));
        let got = record(&place.at(&out));
        assert!(got["levels"] == want["levels"], "{signal} after {wait:?} ms");
        assert_eq!(got["distances"], want["distances"]);
        both_legs_and_the_merge(&got["provenance"]);
    }
    assert!(stopped > 0, "all runs were through before they were asked");
}

#[test]
fn an_interrupted_run_is_neither_lost_nor_taken_for_another() {
    let place = Place::new();
    let kept = || files_below(&place.at("out")).iter().any(|file| file.ends_with(".checkpoint"));
    // killed as soon as a checkpoint is seen; a run may be through before it is looked at again
    let killed = (0..100).any(|_| {
        let mut child = place.metrics("out", &[&OFTEN[..], &["--force"]].concat()).spawn().expect("starts");
        while !kept() && child.try_wait().expect("a child").is_none() {}
        child.kill().expect("kills");
        child.wait().expect("ends");
        kept()
    });
    assert!(killed, "no checkpoint was caught");
    refused(&mut place.metrics("out", &OFTEN), 2, &["--resume", "--force"]);
    refused(&mut place.metrics("out", &["--metrics", "size", "--resume"]), 3, &["another run", "metrics"]);
    succeeded(&mut place.metrics("out", &["--metrics", "size", "--force"]));
    assert!(!place.at("out/parts").exists());
    // complete: --resume has nothing to do, and says so
    succeeded(&mut place.metrics("out", &["--metrics", "size", "--resume"]));
    refused(&mut place.metrics("out", &["--metrics", "size"]), 2, &["--force"]);
}
