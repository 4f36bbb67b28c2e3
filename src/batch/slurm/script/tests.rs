use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use super::*;
use crate::batch::slurm::{Kmeans, Layout, steps};

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

/// A program that writes its arguments, each ended by a NUL.
const ECHO: &str = "#!/bin/bash\nprintf '%s\\0' \"$@\" >>\"$SEEN\"\n";

fn site(block: serde_json::Value) -> Site {
    Site::read(&block).expect("a valid block")
}

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

#[cfg(unix)]
#[test]
fn names_reach_the_program_as_they_are_and_nothing_else_runs() {
    for name in HOSTILE {
        let base = tempfile::tempdir().unwrap();
        let program = echo(base.path(), &format!("program {name}").replace('/', ""));
        // variables are meant to be expanded there, and only they
        let literal = name.replace("$HOME ${PATH}", "$1 ${X:-$(touch touched)}");
        let block = json!({
            "shards": 5, "binary": program, "scratch": format!("${{NODE_DISK}}/{literal}"), "variables": {"NAME": name},
            "environment": ["printf '%s\\0' \"$NAME\" >>\"$SEEN\""],
        });
        let folder = written(base.path(), name, 5, block);
        let out = folder.out().to_str().unwrap();
        let settings = format!("{out}/slurm/metrics.yaml");
        let scratch = format!("/node disk/$(x)/{literal}");
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
        assert_eq!(seen(base.path()), [name, "merge", out]);
        assert!(!base.path().join("touched").exists(), "{name}");
        let marks = folder.marks();
        let mark = marks.of(Step::First, Some(2)).expect("a mark");
        assert_eq!((mark.job, mark.ended), (6, Some(0)));
    }
}

/// Takes its own options away and runs the command as the second of two processes.
const SRUN: &str = "#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nSLURM_PROCID=1 SLURM_NTASKS=2 exec \"$@\"\n";

#[cfg(unix)]
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

#[cfg(unix)]
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

#[cfg(unix)]
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
fn lines_for_sbatch_hold_what_was_asked_for_and_no_more() {
    let block = json!({
        "shards": 8, "max_running": 2, "time": 90, "gres": "gpu:1", "partition": "a \"b\" #c", "signal": 30,
        "merge": {"gres": null, "time": 10}, "requeue": false, "binary": "clustrata",
    });
    let folder = JobFolder::of(Path::new("/data/$(x) %j"));
    let submission =
        Submission::new("grid/seed=1\n#SBATCH --uid=0", Path::new("/out"), Layout::new(100, 8, 1001), 1, Some(2));
    let files = scripts(&submission, &folder, &site(block)).expect("scripts");
    let lines = |name: &str| -> Vec<String> {
        let text = &files.iter().find(|(known, _)| *known == name).expect("there").1;
        let lines = text.lines().filter_map(|line| line.strip_prefix("#SBATCH "));
        lines.filter(|line| !line.starts_with("--chdir") && !line.starts_with("\"--chdir")).map(str::to_owned).collect()
    };
    let own = ["--job-name=grid-seed=1--SBATCH---uid=0", "--array=1-8%2"];
    let shards =
        ["--open-mode=append", "--no-requeue", "--signal=B:USR1@30", "\"--partition=a \\\"b\\\" #c\"", "--time=90"];
    let log = "\"--output=/data/$(x) %%j/slurm/logs/shards-%A_%a.log\"";
    let want = [&own[..], &[log], &shards, &["--gres=gpu:1"]].concat();
    assert_eq!(lines("shards.sh"), want);
    let merge = &lines("merge.sh");
    assert!(merge.contains(&"--time=10".to_owned()) && !merge.iter().any(|line| line.contains("gres")), "{merge:?}");
}

#[test]
fn what_no_line_can_hold_is_given_on_the_command_line() {
    let plain = JobFolder::of(Path::new("/data/a b"));
    let broken = JobFolder::of(Path::new("/data/a\nb"));
    assert_eq!(output_option(&plain, Step::Merge), None);
    assert_eq!(output_option(&broken, Step::Merge).as_deref(), Some("--output=/data/a\nb/slurm/logs/merge-%j.log"));
    let submission = Submission::new("n", Path::new("/out"), Layout::new(100, 2, 1001), 1, None);
    let files = scripts(&submission, &broken, &site(json!({"binary": "clustrata"}))).expect("scripts");
    assert!(files.iter().all(|(_, text)| !text.contains("#SBATCH --output") && text.contains("'/data/a\nb'")));
    let backslash = JobFolder::of(Path::new("/data/a\\b"));
    assert!(scripts(&submission, &backslash, &site(json!({"binary": "clustrata"}))).is_err());
}

#[test]
fn what_comes_after_a_job_goes_with_it() {
    let folder = JobFolder::of(Path::new("/out dir"));
    let submission = Submission::new("n", Path::new("/out"), Layout::new(100, 8, 1001), 2, Some(3));
    let lines = steps::preview(&steps::all(&submission), &submission, &folder).expect("plain");
    let shards = "'/out dir/slurm/shards.sh'";
    let after = |job: u8| format!("--dependency=afterok:$JOB{job} '--kill-on-invalid-dep=yes'");
    assert_eq!(
        lines,
        [
            format!("JOB1=$(sbatch --parsable {shards})    # shards"),
            format!("JOB2=$(sbatch --parsable {} {shards})    # shards, second round", after(1)),
            format!("JOB3=$(sbatch --parsable {} '/out dir/slurm/merge.sh')    # merge", after(2)),
        ]
    );
    let rest = steps::remaining(&submission, &[3, 7], &(1..=8).collect::<Vec<_>>());
    let rest = steps::preview(&rest, &submission, &folder).expect("plain");
    assert_eq!(rest[0], format!("JOB1=$(sbatch --parsable '--array=3,7%3' {shards})    # shards"));
    assert!(rest[1].contains("--array=1-8%3"), "{rest:?}");
    assert_eq!(steps::remaining(&submission, &[], &[]).len(), 1, "the merge alone");
}

#[test]
fn every_mark_of_the_templates_is_filled() {
    let folder = JobFolder::of(Path::new("/out"));
    let of_run = |shards| Submission::new("n", Path::new("/out"), Layout::new(100, shards, 1001), 1, None);
    let kmeans = Kmeans { processes: 2, then: Vec::new() };
    for submission in [of_run(1), of_run(2), Submission::of_kmeans("n", Path::new("/out"), 100, kmeans)] {
        for (name, text) in scripts(&submission, &folder, &site(json!({"binary": "clustrata"}))).expect("scripts") {
            let left = text.split('@').skip(1).find(|part| part.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
            assert_eq!(left, None, "{name}");
        }
    }
    assert_eq!(fill("@A@ @B@ @", &[("A", "@B@"), ("B", "b")]), "@B@ b @");
}

#[test]
fn the_script_to_be_submitted_as_it_is_has_the_same_functions() {
    let script = include_str!("../../../../slurm/metrics.slurm");
    assert!(script.contains(COMMON.trim_end()), "slurm/metrics.slurm differs from slurm/common.sh");
}
