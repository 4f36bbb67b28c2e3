//! What is printed where.

use std::process::Command;

use serde_json::Value;

use crate::fixtures::{Place, succeeded, text};

/// `metrics` without `--quiet`.
fn talking(place: &Place, before: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
    command.env("CLUSTRATA_CACHE", "");
    command.args(before).arg("metrics").arg(&place.hier).arg("--embeddings").arg(&place.embeddings);
    command.arg("--out").arg(&place.out).args(["--device", "cpu", "--force"]);
    command
}

#[test]
fn quiet_prints_nothing_on_success() {
    let place = Place::new();
    let output = succeeded(&mut place.command(&[]));
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
}

#[test]
fn the_summary_goes_to_standard_output_and_the_rest_to_standard_error_and_the_log() {
    let place = Place::new();
    let output = succeeded(&mut talking(&place, &[]));
    let (summary, messages) = (text(&output.stdout), text(&output.stderr));
    assert!(summary.contains("simplified_silhouette") && summary.contains("deep/out"), "{summary}");
    assert!(messages.contains("60 rows of 5 columns") && messages.contains("device: "), "{messages}");
    assert!(
        !messages.contains('\u{1b}') && !messages.contains('\r'),
        "no colours or bars off a terminal: {messages:?}"
    );
    let log = std::fs::read_to_string(place.out.join("log.txt")).expect("a log");
    assert!(log.contains("60 rows of 5 columns") && log.contains("tiles of"), "{log}");
}

#[test]
fn every_line_of_the_json_log_is_json() {
    let place = Place::new();
    let mut failing = talking(&place, &["--json-log"]);
    failing.args(["--nonfinite", "refuse", "--images", "/nowhere/names.txt"]);
    for (mut command, code) in [(talking(&place, &["--json-log", "--verbose"]), 0), (failing, 3)] {
        let output = command.output().expect("starts");
        let messages = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{messages}");
        let lines: Vec<Value> =
            messages.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
        assert!(!lines.is_empty());
        let last = &lines[lines.len() - 1];
        if code == 3 {
            assert_eq!(last["level"], "ERROR");
            assert!(
                last["fields"]["message"].as_str().is_some_and(|text| text.contains("/nowhere/names.txt")),
                "{last}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_failure() {
    use std::process::Stdio;
    let place = Place::new();
    for (out, err) in [(true, false), (false, true), (true, true)] {
        let mut command = talking(&place, &["--verbose"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        drop(child.stdout.take_if(|_| out));
        drop(child.stderr.take_if(|_| err));
        assert_eq!(child.wait_with_output().expect("ends").status.code(), Some(0), "{out} {err}");
        crate::common::record(&place.out);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_exit_code_tells_even_where_nothing_can_be_printed() {
    let place = Place::new();
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("opens");
    let status = |command: &mut Command| command.stdout(full()).stderr(full()).status().expect("starts").code();
    assert_eq!(status(&mut talking(&place, &["--verbose"])), Some(0));
    assert_eq!(status(talking(&place, &[]).args(["--images", "/nowhere/names.txt"])), Some(3));
    assert_eq!(status(talking(&place, &["--json-log"]).args(["--images", "/nowhere/names.txt"])), Some(3));
}
