//! The output folder: earlier results, locks, permissions.

use std::fs::{self, File};
use std::process::Stdio;

use crate::common::files_below;
use crate::fixtures::{Place, arg, refused, same_tree, succeeded, tree};

#[test]
fn earlier_results_are_refused_and_stay_as_they_are() {
    let place = Place::new();
    place.judged(&[]);
    place.refused(&[], 2, &["holds a finished run", "deep/out", "found:    record.json", "--force", "--out"]);
    fs::remove_file(place.out.join("record.json")).expect("removes");
    place.refused(&[], 2, &["files that this run would overwrite", "config.yaml", "--force"]);
}

#[test]
fn a_refused_run_with_force_leaves_the_earlier_results() {
    let place = Place::new();
    place.judged(&[]);
    let mut bytes = fs::read(&place.embeddings).expect("reads");
    let at = bytes.len() - 4;
    bytes[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&place.embeddings, &bytes).expect("writes");
    place.refused(&["--force"], 3, &["NaN"]);
    fs::write(&place.embeddings, &bytes[..at]).expect("writes");
    place.refused(&["--force"], 3, &["shorter"]);
}

#[test]
fn force_replaces_all_of_an_earlier_run_and_nothing_of_others() {
    let place = Place::new();
    let images = place.at("names.txt");
    fs::write(&images, "a.png\n".repeat(60)).expect("writes");
    let montages = ["--images", arg(&images), "--montage-min-size", "1"];
    place.judged(&[&montages[..], &["--distances", "all", "--best", "3"]].concat());
    assert!(files_below(&place.out).iter().any(|file| file.contains("best-3-cluster")));
    fs::write(place.out.join("level1/montages/mine.png"), "mine").expect("writes");
    let record = place.judged(&[&montages[..], &["--best", "1", "--worst", "0", "--levels", "1", "--force"]].concat());
    let shown = record["levels"][0]["montages"][0]["path"].as_str().expect("a path").to_owned();
    let top = ["config.yaml", "events.jsonl", "levels.csv", "log.txt", "record.json", "report.html"];
    let mut want = top.map(str::to_owned).to_vec();
    let drawn = ["inertia", "mean_distance", "silhouette", "simplified_silhouette", "size"];
    want.extend(drawn.map(|figure| format!("plots/distribution-{figure}.svg")));
    want.extend(["level1/montages/contact-sheet.png", "plots/corner.svg"].map(str::to_owned));
    want.extend(["level1/clusters.csv", "level1/inertia.npy", "level1/montages/mine.png"].map(str::to_owned));
    want.push(shown);
    want.sort();
    assert_eq!(files_below(&place.out), want, "and no hidden file");
}

#[test]
fn a_folder_that_another_run_writes_is_refused() {
    let place = Place::new();
    fs::create_dir_all(&place.out).expect("makes a folder");
    let path = place.out.join(".clustrata-lock");
    let lock = File::create(&path).expect("creates");
    lock.try_lock().expect("locks");
    let parts = ["another run is writing this output folder", "deep/out", "wait until", "--out"];
    place.refused(&[], 1, &parts);
    place.refused(&["--force"], 1, &parts);
    drop(lock);
    place.judged(&[]);
    assert!(!path.exists());
}

#[test]
fn of_two_runs_at_once_one_result_is_whole() {
    let place = Place::new();
    for _ in 0..5 {
        let start = || place.command(&["--force"]).stderr(Stdio::piped()).spawn().expect("starts");
        let ends: Vec<_> = [start(), start()].map(|child| child.wait_with_output().expect("ends")).into();
        let codes: Vec<_> = ends.iter().map(|end| end.status.code()).collect();
        assert!(codes.contains(&Some(0)), "{codes:?}");
        for end in ends.iter().filter(|end| end.status.code() != Some(0)) {
            assert_eq!(end.status.code(), Some(1));
            assert!(crate::fixtures::text(&end.stderr).contains("another run is writing"), "{end:?}");
        }
        assert_eq!(files_below(&place.out).len(), 6 + 6 + 3 * 2, "{:?}", files_below(&place.out));
        crate::common::record(&place.out);
    }
}

#[test]
fn the_clustering_itself_is_no_output_folder() {
    let mut place = Place::new();
    place.out = place.hier.clone();
    place.refused(&[], 2, &["is a clustering", "hier", "--out"]);
    place.refused(&["--force"], 2, &["is a clustering"]);
}

#[test]
fn a_folder_below_a_file_is_refused() {
    let mut place = Place::new();
    place.out = place.embeddings.join("out");
    place.refused(&[], 2, &["not a folder", "embeddings.npy", "--out"]);
    place.out = place.embeddings.clone();
    place.refused(&["--force"], 2, &["not a folder", "embeddings.npy", "--out"]);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let locked = place.at("deep");
    fs::create_dir(&locked).expect("makes a folder");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("sets permissions");
    if fs::write(locked.join("probe"), "").is_ok() {
        fs::remove_file(locked.join("probe")).expect("removes");
        println!("skipped: this user may write anywhere");
        return;
    }
    place.refused(&[], 1, &["can't be created", "permissions", "--out"]);
    let inside = Place { out: locked, ..place };
    inside.refused(&[], 1, &["can't be written", "permissions", "--out"]);
    fs::set_permissions(&inside.out, fs::Permissions::from_mode(0o755)).expect("sets permissions");
}

#[test]
fn the_default_folder_lies_in_the_clustering() {
    let place = Place::new();
    let mut command = crate::common::program();
    succeeded(command.arg("metrics").arg(&place.hier).arg("--embeddings").arg(&place.embeddings));
    assert!(place.hier.join("metrics/record.json").is_file());
    refused(&mut command, place.folder.path(), 2, &["holds a finished run", "hier/metrics", "--force"]);
}

#[test]
fn a_default_folder_that_cannot_be_made_is_told_with_the_option() {
    let place = Place::new();
    fs::write(place.hier.join("metrics"), "a file").expect("writes");
    let mut command = crate::common::program();
    command.arg("metrics").arg(&place.hier).arg("--embeddings").arg(&place.embeddings);
    refused(&mut command, place.folder.path(), 2, &["hier/metrics", "not a folder", "--out"]);
}

#[test]
fn parents_that_were_there_stay_after_a_refusal() {
    let place = Place::new();
    fs::create_dir_all(&place.out).expect("makes a folder");
    fs::write(place.out.join("notes.txt"), "mine").expect("writes");
    fs::write(&place.embeddings, "").expect("writes");
    place.refused(&[], 3, &["an empty file"]);
}

#[test]
fn what_a_killed_run_left_is_cleared() {
    let place = Place::new();
    let stale = place.out.join(".clustrata-staging-1-1/level1");
    fs::create_dir_all(&stale).expect("makes a folder");
    fs::write(stale.join("distances.npy"), "half").expect("writes");
    fs::write(place.out.join(".clustrata-lock"), "").expect("writes");
    let before = tree(&place.out);
    place.judged(&[]);
    let after = tree(&place.out);
    assert!(before.keys().all(|name| !after.contains_key(name) || !name.starts_with(".")), "{:?}", after.keys());
    assert!(after.keys().all(|name| !name.to_string_lossy().starts_with('.')), "{:?}", after.keys());
    let again = Place::new();
    again.judged(&[]);
    let names = |tree: &std::collections::BTreeMap<_, _>| tree.keys().cloned().collect::<Vec<std::path::PathBuf>>();
    assert_eq!(names(&after), names(&tree(&again.out)));
    same_tree(&after, &tree(&place.out));
}
