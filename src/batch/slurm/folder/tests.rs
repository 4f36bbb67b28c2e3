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
    assert_eq!(mark(""), None);
}
