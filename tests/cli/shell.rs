//! What is made from the definitions of the command line; and what is printed for programs.

use std::fs;
use std::process::Command;

use clap::CommandFactory;
use clustrata::cli::args::Cli;
use serde_json::Value;

use crate::common::{self, scratch};
use crate::fixtures::{Place, refused, succeeded, text};

fn printed(command: &mut Command) -> String {
    text(&succeeded(command).stdout)
}

#[test]
fn completions_know_every_subcommand_and_option() {
    let command = Cli::command();
    let subcommands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let metrics = command.find_subcommand("metrics").expect("exists");
    let options: Vec<&str> = metrics.get_arguments().filter_map(clap::Arg::get_long).collect();
    assert!(subcommands.len() > 8 && options.len() > 30);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        // they were asked for, so --quiet does not suppress them
        let script = printed(common::program().args(["completions", shell]));
        for word in subcommands.iter().chain(&options) {
            assert!(script.contains(word), "no {word} for {shell}");
        }
    }
    let unknown = refused(common::program().args(["completions", "tcsh"]), scratch().path(), 2, &["tcsh"]);
    assert!(unknown.contains("bash"), "{unknown}");
}

#[cfg(unix)]
#[test]
fn bash_takes_its_completions() {
    use std::io::Write;
    use std::process::Stdio;
    let script = printed(common::program().args(["completions", "bash"]));
    let complete =
        "\nCOMP_WORDS=(clustrata met); COMP_CWORD=1; _clustrata clustrata met clustrata; echo \"${COMPREPLY[@]}\"";
    let started = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut bash) = started else {
        println!("skipped: no bash");
        return;
    };
    let mut stdin = bash.stdin.take().expect("a pipe");
    stdin.write_all((script + complete).as_bytes()).expect("writes");
    drop(stdin);
    assert_eq!(text(&bash.wait_with_output().expect("ends").stdout).trim(), "metrics");
}

#[test]
fn the_manual_has_a_page_for_every_subcommand() {
    let folder = scratch();
    let pages = folder.path().join("deep/man1");
    succeeded(common::program().arg("man").arg(&pages));
    let mut want: Vec<String> =
        Cli::command().get_subcommands().map(|c| format!("clustrata-{}.1", c.get_name())).collect();
    want.push("clustrata.1".to_owned());
    want.sort();
    assert_eq!(common::files_below(&pages), want);
    let metrics = fs::read_to_string(pages.join("clustrata-metrics.1")).expect("a page");
    assert!(metrics.contains("\\-\\-embeddings") && metrics.contains("simplified_silhouette"), "{metrics}");
    fs::write(folder.path().join("file"), "").expect("writes");
    let file = folder.path().join("file");
    refused(common::program().arg("man").arg(&file), folder.path(), 2, &["not a folder"]);
}

#[test]
fn summaries_are_printed_as_json_and_quiet_suppresses_only_texts() {
    let place = Place::new();
    assert!(succeeded(&mut place.command(&[])).stdout.is_empty(), "--quiet");
    let json = |command: &mut Command| -> Value { serde_json::from_str(&printed(command)).expect("JSON") };
    let whole = json(&mut place.command(&["--json", "--force"]));
    let record = common::record(&place.out);
    assert_eq!(whole["levels"][1]["figures"], record["levels"][1]["figures"]);
    assert_eq!(whole["levels"][0]["ranking"], record["levels"][0]["ranking"]);
    assert_eq!(json(&mut place.command(&["--json", "--resume"]))["levels"], whole["levels"]);
    // gates are part of it, and not text behind it
    let gates = json(&mut place.command(&["--json", "--resume", "--fail-if", "level1.inertia < 0"]))["gates"].clone();
    assert_eq!((gates[0]["gate"].as_str(), gates[0]["holds"].as_bool()), (Some("level1.inertia < 0"), Some(true)));
    let failed = place.command(&["--json", "--resume", "--fail-if", "level1.inertia >= 0"]).output().expect("starts");
    let told: Value = serde_json::from_slice(&failed.stdout).expect("JSON");
    assert_eq!((failed.status.code(), told["gates"][0]["holds"].as_bool()), (Some(5), Some(false)));

    let mut divided = place;
    divided.out = divided.at("parts");
    let part = json(&mut divided.command(&["--metrics", "fast", "--shard", "1/1", "--json"]));
    assert_eq!(part["rows"], serde_json::json!([0, crate::fixtures::ROWS]));
    let merged = json(common::program().arg("merge").arg(&divided.out).arg("--json"));
    assert_eq!(merged["levels"][0]["figures"]["inertia"], whole["levels"][0]["figures"]["inertia"]);

    let demo = divided.at("demo");
    let demo = json(common::program().args(["demo", "--device", "cpu", "--json", "--out"]).arg(demo));
    assert_eq!(demo["levels"].as_array().map(Vec::len), Some(3));
    let check = json(common::program().args(["check", "--device", "cpu", "--json"]));
    let checks = check["checks"].as_array().expect("a list");
    assert!(checks.len() > 10 && checks.iter().all(|check| check["passed"] == true), "{check}");
}
