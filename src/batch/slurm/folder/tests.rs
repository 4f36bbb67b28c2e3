use super::*;
use crate::batch::slurm::Submitted;

fn submission() -> Submission {
    Submission::new("digits/seed=1", Path::new("/out"), Layout::new(10, 3, 1001), 2, Some(2))
}

#[test]
fn what_was_submitted_reads_back_and_is_removed() {
    let base = tempfile::tempdir().unwrap();
    let folder = JobFolder::of(base.path());
    assert!(folder.read().is_err() && !folder.is_there());
    let mut written = submission();
    folder.create(&[("shards.sh", "#!/bin/bash\n".to_owned())], &written).unwrap();
    written.jobs.push(Submitted {
        step: Step::First,
        job: 7,
        array: Some("1-3%2".to_owned()),
        at: "2026-01-01T00:00:00Z".to_owned(),
        sbatch: vec!["sbatch".to_owned()],
    });
    folder.write(&written).unwrap();
    assert_eq!(folder.read().unwrap(), written);
    fs::write(folder.file("logs").join("shards-7_1.log"), "").unwrap();
    fs::write(folder.file("notes.txt"), "mine").unwrap();
    folder.remove().unwrap();
    assert!(!folder.is_there() && folder.file("notes.txt").exists() && !folder.file("logs").exists());
}

#[test]
fn a_record_of_something_else_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let folder = JobFolder::of(base.path());
    folder.create(&[], &submission()).unwrap();
    let text = fs::read_to_string(folder.job_file()).unwrap();
    for (from, to) in [("\"tasks\": 3", "\"tasks\": 0"), ("\"format\": 1", "\"format\": 2"), ("{", "")] {
        assert!(text.contains(from));
        fs::write(folder.job_file(), text.replacen(from, to, 1)).unwrap();
        assert!(folder.read().is_err(), "{to}");
    }
}

#[test]
fn marks_tell_what_became_of_a_job() {
    let mark = |text| parse_mark(text).map(|mark| (mark.job, mark.ended));
    assert_eq!(mark("begun 12 n1 2026-01-01T00:00:00Z\n"), Some((12, None)));
    assert_eq!(mark("begun 12  2026\nended 75 2026\n"), Some((12, Some(75))));
    assert_eq!(mark("begun x"), None);
    assert_eq!(mark("ended 0 2026"), None);
    assert_eq!(mark(""), None);
}

#[test]
fn of_several_starts_the_last_one_counts_and_the_time_of_all() {
    let first = "begun 12 n1 2026-01-01T00:00:00Z\nwhy no luck\nended 75 2026-01-01T01:00:00Z\n";
    let killed = "begun 12 n2 2026-01-01T02:00:00Z\n";
    let last = "begun 13 n3 2026-01-01T03:00:00Z\nended 0 2026-01-01T03:00:30Z\n";
    let mark = |text: &str| parse_mark(text).expect("a mark");
    assert_eq!((mark(first).why.as_deref(), mark(first).seconds), (Some("no luck"), 3600.0));
    let all = mark(&[first, killed, last].concat());
    assert_eq!((all.job, all.node.as_str(), all.ended, all.why, all.seconds), (13, "n3", Some(0), None, 3630.0));
    assert_eq!((mark(&[first, killed].concat()).ended, mark(&[first, killed].concat()).seconds), (None, 3600.0));
}
