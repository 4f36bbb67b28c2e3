//! Ctrl-C, termination and kill -9 while a run is at work.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{Dtype, files_below, npy, npy_header, sorted_clusters};
use crate::fixtures::{Place, same_tree, text, tree};

/// Rows and columns of the long run: 100 GB that take no room on the disk, which no machine reads in the moment
/// between the signal and its effect.
const ROWS: u64 = 400_000;
const DIM: usize = 1 << 16;

/// Makes the inputs of a long run beside those of `place`; `false` where files can't have holes.
fn with_long_run(place: &Place) -> bool {
    let hier = place.at("long/hier");
    let level = hier.join("level1");
    fs::create_dir_all(&level).expect("makes a folder");
    fs::write(level.join("sorted_clusters.npy"), sorted_clusters(&[(0..ROWS).collect()])).expect("writes");
    fs::write(level.join("centroids.npy"), npy(&[vec![0.5; DIM]], Dtype::F8)).expect("writes");
    let embeddings = place.at("long/embeddings.npy");
    let mut file = File::create(&embeddings).expect("creates");
    let header = npy_header("<f4", &format!("({ROWS}, {DIM})"), false);
    file.write_all(&header).expect("writes");
    if let Err(error) = file.set_len(header.len() as u64 + ROWS * DIM as u64 * 4) {
        println!("skipped: no file with holes can be made: {error}");
        return false;
    }
    true
}

/// The long run, not yet started.
fn long_run(place: &Place, more: &[&str]) -> Command {
    let mut command = crate::common::program();
    command.arg("metrics").arg(place.at("long/hier")).arg("--embeddings").arg(place.at("long/embeddings.npy"));
    command.args(["--device", "cpu", "--threads", "1", "--tile-rows", "16", "--out"]).arg(&place.out).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the run and waits until it has staged its log, so that it is at work.
fn at_work(command: &mut Command, out: &Path) -> Child {
    let mut child = command.spawn().expect("starts");
    let staged =
        || files_below(out).iter().any(|file| file.starts_with(".clustrata-staging") && file.contains("log.txt"));
    while !staged() {
        if let Some(status) = child.try_wait().expect("a child") {
            panic!("the run ended before it could be stopped: {status}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal could not be sent");
}

#[test]
fn asking_a_run_to_stop_leaves_nothing() {
    let place = Place::new();
    if !with_long_run(&place) {
        return;
    }
    for (signal, more) in [("INT", "none"), ("HUP", "all")] {
        let mut child = at_work(&mut long_run(&place, &["--distances", more]), &place.out);
        send(signal, &child);
        let status = child.wait().expect("ends");
        assert_eq!(status.code(), Some(130), "{signal}: {status}");
        let mut message = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut message).expect("text");
        // what was skipped for its cost was told before the work began
        let (warnings, last) = message.trim_end().rsplit_once('\n').unwrap_or(("", message.trim_end()));
        assert_eq!(last, "error: interrupted before the results were complete");
        assert!(warnings.lines().all(|line| line.contains("WARN skipped metrics")), "{message}");
        assert!(!place.at("deep").exists(), "{signal}: {:?}", files_below(&place.at("deep")));
    }
}

#[test]
fn termination_leaves_a_checkpoint_that_is_gone_on_from() {
    let place = Place::new();
    if !with_long_run(&place) {
        return;
    }
    for signal in ["TERM", "USR1"] {
        let mut child = at_work(&mut long_run(&place, &["--resume", "--distances", "own"]), &place.out);
        send(signal, &child);
        let status = child.wait().expect("ends");
        assert_eq!(status.code(), Some(75), "{signal}: {status}");
        let left = files_below(&place.out);
        let folder = format!("parts/rows-000000000000-{ROWS:012}");
        assert_eq!(left, ["distances.checkpoint", "level1-distances.npy"].map(|name| format!("{folder}/{name}")));
    }
    // --checkpoint off: the run ends as by Ctrl-C, and what is there stays
    let mut child =
        at_work(&mut long_run(&place, &["--resume", "--checkpoint", "off", "--distances", "own"]), &place.out);
    send("TERM", &child);
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert_eq!(files_below(&place.out).len(), 2);
}

#[test]
fn a_stopped_run_leaves_the_earlier_results() {
    let place = Place::new();
    place.judged(&[]);
    let before = tree(&place.out);
    if !with_long_run(&place) {
        return;
    }
    let mut child = at_work(&mut long_run(&place, &["--force", "--distances", "own"]), &place.out);
    send("INT", &child);
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    same_tree(&before, &tree(&place.out));
}

#[test]
fn after_kill_9_the_next_run_clears_up() {
    let place = Place::new();
    if !with_long_run(&place) {
        return;
    }
    let mut child = at_work(&mut long_run(&place, &["--distances", "own"]), &place.out);
    let output = place.command(&[]).output().expect("starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("another run is writing"));
    child.kill().expect("kills");
    assert_eq!(child.wait().expect("ends").signal(), Some(9));
    assert!(files_below(&place.out).iter().any(|file| file.starts_with(".clustrata-staging")), "kill -9 left nothing");
    place.judged(&[]);
    let left: Vec<_> = tree(&place.out).into_keys().filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}
