//! Runs the scripts in bash, with programs that record their arguments.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use super::*;

/// Texts that mean something to a shell, to sbatch or to a template.
const HOSTILE: [&str; 11] = [
    "plain",
    "two  words",
    "it's \"quoted\"",
    "$(touch touched)",
    "`touch touched`",
    "$HOME ${PATH}",
    "a\nb; touch touched",
    "-n",
    "# @RUN@ %j %A",
    "*?[a]~!&|<>;",
    "ä 点",
];

/// A program that records its arguments, each ended by a NUL.
const ECHO: &str = "#!/bin/bash\nprintf '%s\\0' \"$@\" >>\"$SEEN\"\n";

/// Writes the scripts of a run with `shards` to `base`/`name` and gives its folder.
fn written(base: &Path, name: &str, shards: u64, block: serde_json::Value) -> JobFolder {
    let folder = JobFolder::of(&base.join(name));
    let submission = Submission::new(name, folder.out(), Layout::new(100, shards, 4), 2, None);
    let files = scripts(&submission, &folder, &site(block)).expect("scripts");
    folder.create(&files, &submission).expect("a folder");
    folder
}

fn echo(base: &Path, name: &str) -> PathBuf {
    let program = base.join(name);
    fs::write(&program, ECHO).unwrap();
    Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    program
}

/// Runs a script as Slurm would, in `base`.
fn run(base: &Path, script: &Path, task: u64) -> Output {
    let mut bash = Command::new("bash");
    bash.current_dir(base).env("SEEN", base.join("seen")).env("NODE_DISK", "/node disk/$(x)");
    bash.env("SLURM_JOB_ID", "7").env("SLURM_ARRAY_JOB_ID", "6").env("SLURM_ARRAY_TASK_ID", task.to_string());
    bash.arg(script).output().expect("bash")
}

fn seen(base: &Path) -> Vec<String> {
    let bytes = fs::read(base.join("seen")).unwrap_or_default();
    let _ = fs::remove_file(base.join("seen"));
    let text = String::from_utf8(bytes).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn names_reach_the_program_as_they_are_and_nothing_else_runs() {
    for name in HOSTILE {
        let base = tempfile::tempdir().unwrap();
        let program = echo(base.path(), &format!("program {name}").replace('/', ""));
        // as it is written: the program expands its variables
        let scratch = format!("${{NODE_DISK}}/{name}");
        let block = json!({
            "shards": 5, "binary": program, "scratch": scratch, "variables": {"NAME": name},
            "environment": ["printf '%s\\0' \"$NAME\" >>\"$SEEN\""],
        });
        let folder = written(base.path(), name, 5, block);
        let out = folder.out().to_str().unwrap();
        let settings = format!("{out}/slurm/metrics.yaml");
        let shard = |shard: &str| {
            ["metrics", "--config", &settings, "--shard", shard, "--resume", "--scratch", &scratch]
                .map(str::to_owned)
                .to_vec()
        };
        // an array of at most three tasks: the second does the shards 2 and 5
        let output = run(base.path(), &folder.file("shards.sh"), 2);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(seen(base.path()), [vec![name.to_owned()], shard("2/5"), shard("5/5")].concat());
        let output = run(base.path(), &folder.file("merge.sh"), 1);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(seen(base.path()), [name, "merge", out, "--remove-parts"]);
        assert!(!base.path().join("touched").exists(), "{name}");
        let marks = folder.marks();
        let mark = marks.of(Step::First, Some(2)).expect("a mark");
        assert_eq!((mark.job, mark.ended), (6, Some(0)));
    }
}

/// Stands in for `srun`: drops its options and runs the command as the second of two processes.
const SRUN: &str = "#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nSLURM_PROCID=1 SLURM_NTASKS=2 exec \"$@\"\n";

#[test]
fn a_clustering_is_made_by_one_process_or_several_and_its_runs_are_submitted() {
    for (name, processes) in HOSTILE.into_iter().zip([1, 2].into_iter().cycle()) {
        let base = tempfile::tempdir().unwrap();
        let program = echo(base.path(), &format!("program {name}").replace('/', ""));
        fs::create_dir(base.path().join("bin")).unwrap();
        fs::write(base.path().join("bin/srun"), SRUN).unwrap();
        Command::new("chmod").arg("+x").arg(base.path().join("bin/srun")).status().unwrap();
        let folder = JobFolder::of(&base.path().join(name));
        let then = ["submit", name, "--retry"].map(str::to_owned).to_vec();
        let submission = Submission::of_kmeans("n", folder.out(), 100, Kmeans { processes, then: then.clone() });
        let path = format!("PATH={}:$PATH", base.path().join("bin").display());
        let files = scripts(&submission, &folder, &site(json!({"binary": program, "environment": [path]}))).unwrap();
        folder.create(&files, &submission).unwrap();
        let output = run(base.path(), &folder.file("kmeans.sh"), 1);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let settings = folder.file("kmeans.yaml").to_str().unwrap().to_owned();
        let mut made = vec!["kmeans".to_owned(), settings, "--resume".to_owned()];
        made.extend(if processes == 2 { vec!["--shard".to_owned(), "2/2".to_owned()] } else { Vec::new() });
        assert_eq!(seen(base.path()), [made, then].concat());
        let marks = folder.marks();
        assert_eq!(marks.of(Step::Kmeans, None).map(|mark| (mark.job, mark.ended)), Some((7, Some(0))));
        let text = &files[0].1;
        assert_eq!(text.contains("#SBATCH --ntasks=2\n"), processes == 2, "{text}");
        assert_eq!(folder.read().unwrap(), submission);
    }
}

#[test]
fn the_program_can_be_a_command_of_several_words() {
    for processes in [1, 2] {
        let base = tempfile::tempdir().unwrap();
        let program = echo(base.path(), "a program");
        fs::create_dir(base.path().join("bin")).unwrap();
        fs::write(base.path().join("bin/srun"), SRUN).unwrap();
        Command::new("chmod").arg("+x").arg(base.path().join("bin/srun")).status().unwrap();
        let folder = JobFolder::of(&base.path().join("two words"));
        let work = Kmeans { processes, then: vec!["submit".into()] };
        let submission = Submission::of_kmeans("n", folder.out(), 100, work);
        let path = format!("PATH={}:$PATH", base.path().join("bin").display());
        let binary = format!("env 'OF IMAGE=1' bash '{}'", program.display());
        let files = scripts(&submission, &folder, &site(json!({"binary": binary, "environment": [path]}))).unwrap();
        folder.create(&files, &submission).unwrap();
        let output = run(base.path(), &folder.file("kmeans.sh"), 1);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let seen = seen(base.path());
        let settings = folder.file("kmeans.yaml").to_str().unwrap().to_owned();
        assert_eq!(seen[..3], ["kmeans", settings.as_str(), "--resume"]);
        assert_eq!(seen.last().map(String::as_str), Some("submit"));
    }
}

#[test]
fn no_runs_are_submitted_without_their_clustering() {
    let base = tempfile::tempdir().unwrap();
    let program = echo(base.path(), "program");
    fs::write(&program, format!("{ECHO}exit 3\n")).unwrap();
    let folder = JobFolder::of(&base.path().join("hier"));
    let submission =
        Submission::of_kmeans("n", folder.out(), 100, Kmeans { processes: 1, then: vec!["submit".into()] });
    let files = scripts(&submission, &folder, &site(json!({"binary": program}))).unwrap();
    folder.create(&files, &submission).unwrap();
    assert_eq!(run(base.path(), &folder.file("kmeans.sh"), 1).status.code(), Some(3));
    assert_eq!(seen(base.path()).iter().filter(|word| *word == "submit").count(), 0);
}

#[test]
fn a_name_that_is_not_quoted_would_be_noticed() {
    let base = tempfile::tempdir().unwrap();
    echo(base.path(), "program");
    let folder = written(base.path(), "two words", 1, json!({"binary": base.path().join("program")}));
    let text = fs::read_to_string(folder.file("metrics.sh")).unwrap();
    let broken = text.replace("\"$settings\"", "$settings");
    assert_ne!(text, broken);
    fs::write(folder.file("metrics.sh"), broken).unwrap();
    run(base.path(), &folder.file("metrics.sh"), 1);
    assert_eq!(seen(base.path()).len(), 5, "one word too many");
}

#[test]
fn a_line_of_the_environment_that_fails_ends_the_job_and_says_so() {
    let lines = |lines: &[&str]| {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("file"), "false\ntrue\n").unwrap();
        let block = json!({"binary": echo(base.path(), "program"), "environment": lines});
        let folder = written(base.path(), "run", 1, block);
        let output = run(base.path(), &folder.file("metrics.sh"), 1);
        let mark = folder.marks().of(Step::Whole, None).cloned().expect("a mark");
        let started = !seen(base.path()).is_empty();
        assert_eq!(output.status.success(), started, "{}", String::from_utf8_lossy(&output.stderr));
        (started, mark.ended, mark.why)
    };
    let module = "module() { [ \"$2\" = vulkan ]; }";
    for fine in [&[][..], &["if false; then", "false", "fi"], &["false || true"], &["source ./file"], &["set -u"]] {
        assert_eq!(lines(fine), (true, Some(0), None), "{fine:?}");
    }
    assert_eq!(lines(&[module, "module load vulkan"]), (true, Some(0), None));
    for line in ["module load vulcan", "no-such-command", "source ./none", "false && true; cd /no/such"] {
        let (started, ended, why) = lines(&[module, line, "true"]);
        assert_eq!((started, ended), (false, Some(1)), "{line}");
        assert!(why.is_some_and(|why| why.contains("environment failed") && why.ends_with(line)), "{line}");
    }
}
