//! Whatever a tracker does, the run is complete, ends with exit code 0 and says how to send it later.

use std::net::TcpListener;

use crate::common::files_below;
use crate::fixtures::{Place, complete_with_warning, output, python_with_wandb, said};

#[test]
fn without_a_python() {
    let place = Place::new();
    let nowhere = place.at("no/python");
    let ended = output(place.metrics(&["--track", "wandb"]).env("CLUSTRATA_PYTHON", &nowhere));
    complete_with_warning(
        &place,
        &ended,
        &["no/python", "set CLUSTRATA_PYTHON to choose the Python", "pip install wandb"],
    );
    // nor one anywhere else
    let ended = output(place.metrics(&["--track", "wandb", "--force"]).env("PATH", place.at("nowhere")));
    complete_with_warning(&place, &ended, &["python3: ", "python: "]);
    // a failure of an explicit command is an error
    let ended = output(place.of_out("track", &[]).env("CLUSTRATA_PYTHON", &nowhere));
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("was not sent"), "{}", said(&ended));
}

#[cfg(unix)]
#[test]
fn with_a_python_that_has_no_wandb() {
    let place = Place::new();
    let Some(python) = python_with_wandb() else { return };
    // without its packages, it is one that has none
    let bare = place.fake_python(&format!("exec {} -S \"$@\"", python.display()));
    let ended = output(place.metrics(&["--track", "wandb"]).env("CLUSTRATA_PYTHON", bare));
    complete_with_warning(&place, &ended, &["no wandb in", "No module named", "pip install wandb"]);
}

#[cfg(unix)]
#[test]
fn with_a_python_that_fails() {
    let place = Place::new();
    let python = place.fake_python("echo 'Traceback' >&2; exit 1");
    let ended = output(place.metrics(&["--track", "wandb"]).env("CLUSTRATA_PYTHON", &python));
    complete_with_warning(&place, &ended, &["Python ended with", "track.log"]);
    assert!(std::fs::read_to_string(place.out.join("track.log")).expect("a log").contains("Traceback"));
    // the sweep's run is named, so that it is sent there later
    let mut again = place.metrics(&["--track", "wandb", "--force"]);
    let ended = output(again.env("CLUSTRATA_PYTHON", python).env("WANDB_SWEEP_ID", "s1").env("WANDB_RUN_ID", "r1"));
    complete_with_warning(&place, &ended, &["later: WANDB_SWEEP_ID=s1 WANDB_RUN_ID=r1 clustrata track"]);
}

/// The process and its children are killed, even if it reads none of its input.
#[cfg(unix)]
#[test]
fn with_a_python_that_hangs() {
    let place = Place::new();
    let python = place.fake_python("sleep 1000 & echo $! > \"$3/../sleeper\"; wait");
    let ended = output(place.metrics(&["--track", "wandb", "--track-seconds", "1"]).env("CLUSTRATA_PYTHON", python));
    complete_with_warning(&place, &ended, &["not done after 1 s"]);
    if cfg!(target_os = "linux") {
        let lives = |process: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
            // dead and not yet buried counts as dead
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        let sleeper = std::fs::read_to_string(place.at("sleeper")).expect("it was started");
        assert!(lives("self"), "the check sees a process that lives");
        assert!(!lives(sleeper.trim()));
    }
}

#[test]
fn without_a_key_and_with_a_server_that_hangs() {
    let place = Place::new();
    let Some(python) = python_with_wandb() else { return };
    let ended = output(place.metrics(&["--track", "wandb"]).env("CLUSTRATA_PYTHON", &python));
    complete_with_warning(&place, &ended, &["key"]);
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", server.local_addr().expect("an address"));
    let mut hanging = place.metrics(&["--track", "wandb", "--track-seconds", "3", "--force"]);
    hanging.env("CLUSTRATA_PYTHON", &python).env("WANDB_BASE_URL", address).env("WANDB_API_KEY", "a".repeat(40));
    let ended = output(&mut hanging);
    complete_with_warning(&place, &ended, &["not sent"]);
    // a run that is replaced takes its log with it
    let ended = output(&mut place.metrics(&["--force"]));
    assert!(ended.status.success() && !files_below(&place.out).contains(&"track.log".to_owned()));
}
