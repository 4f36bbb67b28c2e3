//! The output folder: its content after every way in which a run can end.

use clustrata::base::error::Kind;
use clustrata::formats::folder::{OutputFolder, ensure_room};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Every file and folder below `root` with its content, including hidden ones. The lock file is empty, and on Windows nobody
/// else can read it.
fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_lock = path.ends_with(".clustrata-lock");
            let content = path.is_file().then(|| if is_lock { Vec::new() } else { fs::read(&path).unwrap() });
            if content.is_none() {
                folders.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap().to_path_buf(), content);
        }
    }
    found
}

fn write(folder: &OutputFolder, relative: &str, content: &str) {
    fs::write(folder.staging(relative).unwrap(), content).unwrap();
}

fn finished_run(root: &Path, files: &[&str]) {
    let folder = OutputFolder::prepare(root, false).unwrap();
    files.iter().chain(&["record.json"]).for_each(|file| write(&folder, file, "first"));
    folder.commit().unwrap();
}

#[test]
fn a_commit_leaves_the_files_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("deep/metrics");
    let folder = OutputFolder::prepare(&root, false).unwrap();
    assert!(folder.warnings().is_empty(), "{:?}", folder.warnings());
    write(&folder, "record.json", "{}");
    write(&folder, "level1/inertia.npy", "x");
    assert!(!root.join("record.json").exists() && !root.join("level1").exists());
    folder.commit().unwrap();
    let names: Vec<_> = tree(&root).into_keys().collect();
    assert_eq!(names, ["level1", "level1/inertia.npy", "record.json"].map(PathBuf::from));
}

#[test]
fn a_run_that_ends_early_leaves_nothing() {
    let base = tempfile::tempdir().unwrap();
    let before = tree(base.path());
    let folder = OutputFolder::prepare(&base.path().join("a/b"), false).unwrap();
    write(&folder, "level1/clusters.csv", "half");
    assert_ne!(tree(base.path()), before, "the comparison sees nothing");
    drop(folder);
    assert_eq!(tree(base.path()), before);

    let panicked = std::panic::catch_unwind(|| {
        let folder = OutputFolder::prepare(&base.path().join("a"), false).unwrap();
        write(&folder, "record.json", "half");
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert_eq!(tree(base.path()), before);
}

#[test]
fn a_finished_run_is_replaced_only_by_force_and_the_user_s_files_stay() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    let montage = "level1/montages/worst-1-cluster-7.png";
    finished_run(&root, &["levels.csv", "level2/inertia.npy", montage]);
    fs::write(root.join("notes.txt"), "mine").unwrap();
    fs::write(root.join("level1/montages/favourite.png"), "mine").unwrap();
    let before = tree(&root);

    let error = OutputFolder::prepare(&root, false).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(tree(&root), before);

    let folder = OutputFolder::prepare(&root, true).unwrap();
    write(&folder, "levels.csv", "second");
    drop(folder);
    assert_eq!(tree(&root), before, "a forced run that ended early removed the earlier run");

    let folder = OutputFolder::prepare(&root, true).unwrap();
    write(&folder, "levels.csv", "second");
    write(&folder, "record.json", "second");
    folder.commit().unwrap();
    let after = tree(&root);
    let mine = "level1/montages/favourite.png";
    let expected = ["level1", "level1/montages", mine, "levels.csv", "notes.txt", "record.json"];
    assert_eq!(after.keys().collect::<Vec<_>>(), expected.map(Path::new));
    assert_eq!(after[Path::new("levels.csv")].as_deref(), Some(&b"second"[..]));
    assert_eq!(after[Path::new(mine)].as_deref(), Some(&b"mine"[..]));
}

#[test]
fn reopening_replaces_what_is_written_again_and_keeps_the_rest() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    assert_eq!(OutputFolder::reopen(&root).unwrap_err().kind(), Kind::Usage);
    finished_run(&root, &["report.html", "level1/distances.npy"]);
    let folder = OutputFolder::reopen(&root).unwrap();
    write(&folder, "report.html", "second");
    folder.commit().unwrap();
    assert_eq!(fs::read_to_string(root.join("report.html")).unwrap(), "second");
    for file in ["level1/distances.npy", "record.json"] {
        assert_eq!(fs::read_to_string(root.join(file)).unwrap(), "first", "{file}");
    }
}

#[test]
fn a_failed_commit_is_undone() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    finished_run(&root, &["config.yaml", "levels.csv"]);
    // A folder in place of a file makes the last move but one fail.
    fs::create_dir_all(root.join("report.html/in-the-way")).unwrap();
    let before = tree(&root);
    let folder = OutputFolder::prepare(&root, true).unwrap();
    for file in ["config.yaml", "levels.csv", "level1/inertia.npy", "report.html", "record.json"] {
        write(&folder, file, "second");
    }
    let error = folder.commit().unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("report.html"), "{error}");
    assert_eq!(tree(&root), before);
}

#[test]
fn files_of_unknown_origin_and_clusterings_are_not_overwritten() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path();
    fs::write(root.join("config.yaml"), "n_levels: 2").unwrap();
    let error = OutputFolder::prepare(root, false).unwrap_err();
    assert!(error.to_string().contains("config.yaml"), "{error}");
    fs::create_dir(root.join("level1")).unwrap();
    fs::write(root.join("level1/centroids.npy"), "x").unwrap();
    let before = tree(root);
    let error = OutputFolder::prepare(root, true).unwrap_err();
    assert!(error.to_string().contains("is a clustering"), "{error}");
    assert_eq!(tree(root), before);
    // A folder inside a clustering is the usual place.
    drop(OutputFolder::prepare(&root.join("metrics"), false).unwrap());
    assert_eq!(tree(root), before);
}

#[test]
fn a_file_in_place_of_the_folder_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("below/it")] {
        assert_eq!(OutputFolder::prepare(&path, true).unwrap_err().kind(), Kind::Usage, "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// No user can create a folder in /proc, not even root, whom permissions would not stop.
#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_place_is_one_error_that_names_it() {
    let error = OutputFolder::prepare(Path::new("/proc/clustrata/metrics"), false).unwrap_err();
    assert_eq!((error.kind(), error.findings().count()), (Kind::Failed, 1));
    assert!(error.to_string().contains("permissions of /proc,"), "{error}");
    let error = OutputFolder::prepare(Path::new("/proc/self"), false).unwrap_err();
    assert_eq!((error.kind(), error.findings().count()), (Kind::Failed, 1), "{error}");
}

#[test]
fn a_second_handle_finds_the_folder_locked() {
    let base = tempfile::tempdir().unwrap();
    let first = OutputFolder::prepare(base.path(), false).unwrap();
    write(&first, "levels.csv", "first");
    let error = OutputFolder::prepare(base.path(), true).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("another run"), "{error}");
    first.commit().unwrap();
    assert!(OutputFolder::prepare(base.path(), true).is_ok());
}

/// With many runs that start and end, no two of them ever hold the folder at once.
#[test]
fn the_lock_is_exclusive_while_folders_come_and_go() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    let holders = std::sync::atomic::AtomicU32::new(0);
    let order = std::sync::atomic::Ordering::SeqCst;
    let taken: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut taken = 0;
                    for _ in 0..200 {
                        if let Ok(folder) = OutputFolder::prepare(&root, false) {
                            assert_eq!(holders.fetch_add(1, order), 0, "two runs hold the folder");
                            std::thread::sleep(std::time::Duration::from_micros(100));
                            holders.fetch_sub(1, order);
                            taken += 1;
                            drop(folder);
                        }
                    }
                    taken
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(taken > 0);
    // The run that created the folder may have left it to a waiting run, which does not remove what it did not create.
    assert!(!root.exists() || tree(&root).is_empty(), "{:?}", tree(&root).keys());
}

const HOLD: &str = "CLUSTRATA_TEST_HOLD";

/// Not a test: the next test runs it as another process and kills it.
#[test]
fn hold_the_folder_until_killed() {
    let Some(root) = std::env::var_os(HOLD) else { return };
    let folder = OutputFolder::prepare(Path::new(&root), false).unwrap();
    write(&folder, "level1/distances.npy", "half");
    eprintln!("holding");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_process_frees_the_folder_and_the_next_run_cleans_up() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("metrics");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "folder::hold_the_folder_until_killed", "--nocapture"])
        .env(HOLD, &root)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_held = lines.map_while(Result::ok).any(|line| line.contains("holding"));
    let while_held = OutputFolder::prepare(&root, true).map(drop);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_held);
    assert_eq!(while_held.unwrap_err().kind(), Kind::Failed);
    assert!(!tree(&root).is_empty(), "the killed process left nothing to clean up");
    drop(OutputFolder::prepare(&root, false).unwrap());
    assert!(tree(&root).is_empty(), "{:?}", tree(&root).keys());
}

#[test]
fn room_is_compared_with_what_is_available() {
    let base = tempfile::tempdir().unwrap();
    let folder = OutputFolder::prepare(base.path(), false).unwrap();
    ensure_room(folder.path(), 1).unwrap();
    let error = ensure_room(folder.path(), u64::MAX).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains(&u64::MAX.to_string()), "{error}");
}
