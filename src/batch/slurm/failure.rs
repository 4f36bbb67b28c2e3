//! Why a job left no result, and what to do before it is repeated.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::folder::Mark;

/// What is known of a job that is no longer there.
pub(super) struct Evidence<'a> {
    /// What its script recorded.
    pub(super) mark: &'a Mark,
    /// In Slurm's words, while it remembers the job.
    pub(super) state: Option<&'a str>,
    /// Its log.
    pub(super) log: &'a Path,
    /// Whether a retry goes on from a checkpoint.
    pub(super) has_checkpoint: bool,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// In a few words.
    pub(super) why: String,
    /// More details; may be empty.
    pub(super) more: String,
    /// What to change first; `None` where a retry may succeed as it is.
    pub(super) fix: Option<String>,
}

const MEMORY: &str = "ask for more `memory` in the `slurm` block of the spec";

/// Why the job failed. What Slurm says comes first: a script that is stopped ends with any exit code.
pub(super) fn explain(evidence: &Evidence) -> Failure {
    let Evidence { mark, state, has_checkpoint, .. } = *evidence;
    let own = mark.why.as_deref().unwrap_or_default();
    match (state, mark.ended) {
        (Some("OUT_OF_MEMORY"), _) => failure("out of memory", own, Some(MEMORY)),
        (Some("CANCELLED"), _) => failure("cancelled", own, None),
        (Some("NODE_FAIL"), _) => failure("node failure", &format!("Slurm lost {}", mark.node), None),
        (Some("TIMEOUT"), _) if has_checkpoint => failure("timeout", own, None),
        (Some("TIMEOUT"), _) => failure(
            "timeout",
            "no checkpoint was written",
            Some("ask for more `time`, or for an earlier `signal`, in the `slurm` block"),
        ),
        (_, Some(code)) => of_code(code, evidence),
        (Some(state), None) => failure(&state.to_lowercase().replace('_', " "), own, None),
        (None, None) => {
            failure("killed", "Slurm no longer knows why: cancelled, out of memory, or a node failed", None)
        }
    }
}

/// Why a job that ended by itself failed.
fn of_code(code: u8, evidence: &Evidence) -> Failure {
    let Evidence { mark, log, .. } = *evidence;
    let node = &mark.node;
    let failure = |more: &str, fix: Option<&str>| failure(&format!("exit code {code}"), more, fix);
    if let Some(why) = &mark.why {
        let fix = why.contains("environment failed").then_some("correct `environment` in the `slurm` block");
        return failure(why, fix);
    }
    let said = last_error(log).unwrap_or_default();
    match code {
        2 => failure(&said, Some("correct the spec (a run with other settings starts over with --overwrite)")),
        3 => failure(&said, Some("correct the input that the log names")),
        4 => {
            let fix =
                "correct `environment` in the `slurm` block so that the GPU's driver is found, or leave out the node";
            failure(&said, Some(&format!("{fix} (exclude: {node})")))
        }
        126 => failure(
            "the node can't execute the program: a matter of permissions, or of another kind of processor",
            Some("make it executable, or name another one in `slurm: binary`"),
        ),
        127 => {
            let fix =
                format!("correct `slurm: binary`, or mount its folder on {node} (exclude: {node} leaves the node out)");
            failure("the node does not find the program, or a library of it", Some(&fix))
        }
        137 => failure("killed, which most often means that the memory ran out", Some(MEMORY)),
        129..=192 => failure(&format!("ended by signal {}", code - 128), None),
        _ => failure(&said, None),
    }
}

fn failure(why: &str, more: &str, fix: Option<&str>) -> Failure {
    Failure { why: why.to_owned(), more: more.to_owned(), fix: fix.map(str::to_owned) }
}

/// A job that ended before the first line of its script.
pub(super) fn never_began(node: &str, log: &Path) -> Failure {
    let node = if node.is_empty() { "the node" } else { node };
    Failure {
        why: "failed before its script began".to_owned(),
        more: format!("{node} could not write {}", log.display()),
        fix: Some(format!("see that {node} mounts this folder, or leave the node out (exclude in the `slurm` block)")),
    }
}

/// The last `most` bytes of a log; `None` if it can't be read.
pub(super) fn end_of(log: &Path, most: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last error that this program wrote to a log.
pub(super) fn last_error(log: &Path) -> Option<String> {
    const TAIL: u64 = 1 << 16;
    end_of(log, TAIL)?.lines().rev().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(ended: Option<u8>, why: Option<&str>, state: Option<&str>, has_checkpoint: bool) -> Failure {
        let mark = Mark { job: 7, node: "n3".to_owned(), ended, why: why.map(str::to_owned), seconds: 0.0 };
        explain(&Evidence { mark: &mark, state, log: Path::new("/no/such.log"), has_checkpoint })
    }

    #[test]
    fn what_would_fail_again_is_to_be_changed_first() {
        let fix = |ended, state| explained(ended, None, state, false).fix.unwrap_or_default();
        assert!(fix(None, Some("OUT_OF_MEMORY")).contains("memory") && fix(Some(137), None).contains("memory"));
        assert!(fix(Some(126), None).contains("binary") && fix(Some(127), Some("FAILED")).contains("exclude: n3"));
        assert!(fix(Some(4), None).contains("environment") && fix(Some(3), None).contains("input"));
        assert!(fix(None, Some("TIMEOUT")).contains("time"));
        for (ended, state) in [(None, Some("CANCELLED")), (None, Some("NODE_FAIL")), (Some(1), None), (None, None)] {
            assert_eq!(fix(ended, state), "", "{ended:?} {state:?}");
        }
        // it goes on from there
        assert_eq!(explained(None, None, Some("TIMEOUT"), true).fix, None);
    }

    #[test]
    fn the_scripts_own_reason_comes_first() {
        let line = "a line of the environment failed with exit code 1: module load vulkan";
        let failed = explained(Some(1), Some(line), Some("FAILED"), false);
        assert!(failed.more == line && failed.fix.is_some_and(|fix| fix.contains("`environment`")));
        let stopped = explained(Some(75), Some("stopped after a checkpoint"), Some("CANCELLED"), true);
        assert_eq!((stopped.why.as_str(), stopped.more.as_str()), ("cancelled", "stopped after a checkpoint"));
        assert_eq!(stopped.fix, None);
    }

    #[test]
    fn the_last_error_of_a_log_is_found() {
        let base = tempfile::tempdir().expect("a folder");
        let log = base.path().join("log");
        std::fs::write(&log, format!("error: first\n{}\nerror: second\n  try: x\n", "x".repeat(70_000)))
            .expect("writes");
        assert_eq!(last_error(&log).as_deref(), Some("second"));
        std::fs::write(&log, "no such luck\n").expect("writes");
        assert_eq!(last_error(&log), None);
    }
}
