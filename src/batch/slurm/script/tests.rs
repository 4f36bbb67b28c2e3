use std::path::Path;

use serde_json::json;

use super::*;
use crate::batch::slurm::{Kmeans, Layout, steps};

#[cfg(unix)]
mod bash;

fn site(block: serde_json::Value) -> Site {
    Site::read(&block).expect("a valid block")
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
    let files = scripts(&submission, &backslash, &site(json!({"binary": "clustrata"})));
    // on Windows a backslash separates folders, so a slash can replace it
    let by_slashes = |files: Vec<(&str, String)>| files.iter().all(|(_, text)| text.contains("/data/a/b"));
    assert_eq!(files.ok().map(by_slashes), cfg!(windows).then_some(true));
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
