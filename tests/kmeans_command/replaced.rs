//! `--force`: the earlier clustering is kept until the new one is finished, however the new run ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ndarray::Array2;

use crate::common::files_below;
use crate::fixtures::{Place, contents, made_as, refused, succeeded};

const REPLACED: &str = ".clustrata-replaced";
const MOVING: &str = ".clustrata-moving";

const SETTINGS: [&str; 8] = ["--n-clusters", "150,30", "--n-iters", "60", "--device", "cpu", "--seed", "7"];

/// A file below a folder: its name, its bytes, and where it links to.
type Kept = (String, Vec<u8>, Option<PathBuf>);

fn everything(folder: &Path) -> Vec<Kept> {
    let file = |name: String| {
        let path = folder.join(&name);
        (name, fs::read(&path).expect("a file"), fs::read_link(&path).ok())
    };
    files_below(folder).into_iter().map(file).collect()
}

fn names(files: &[Kept]) -> Vec<&str> {
    files.iter().map(|(name, ..)| name.as_str()).collect()
}

/// Those that belong to the clustering itself.
fn of_clustering(files: &[Kept]) -> impl Iterator<Item = &Kept> {
    files.iter().filter(|(name, ..)| !name.contains("notes.txt") && !name.starts_with("metrics/"))
}

/// Another clustering in `hier`, with metrics, and with files of the user among its own.
fn old(place: &Place) -> Vec<Kept> {
    place.made("hier", &["--n-clusters", "12,6,3", "--n-splits", "2,1,1", "--device", "cpu"]);
    place.judged("hier", &[]);
    fs::write(place.at("hier/notes.txt"), "mine").expect("writes");
    fs::write(place.at("hier/level1/notes.txt"), "mine too").expect("writes");
    everything(&place.at("hier"))
}

fn kmeans(embeddings: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = crate::common::program();
    command.arg("kmeans").arg("--embeddings-path").arg(embeddings).arg("--out").arg(out).args(more);
    command
}

/// Blobs of deviation `spread` around 1e9, where float32 has steps of 64.
fn far(spread: f64) -> Array2<f64> {
    Array2::from_shape_fn((300, 8), |(row, column)| {
        let noise = (row * 7919 + column * 104_729) % 1009;
        1e9 + 32.0 + spread * (8.0 * ((row % 6 * 5 + column * 3) % 7) as f64 + noise as f64 / 504.5 - 1.0)
    })
}

#[test]
fn a_refused_run_leaves_the_earlier_clustering_byte_for_byte() {
    let place = Place::digits();
    let before = old(&place);
    let bad = place.at("bad.npy");
    let mut nan = Array2::<f32>::from_shape_fn((300, 8), |(row, column)| ((row * 7 + column * 5) % 31) as f32);
    let options = ["--n-clusters", "6,2", "--device", "cpu", "--force"];
    let check = |words: &[&str]| {
        refused(&mut kmeans(&bad, &place.at("hier"), &options), 3, words);
        let after = everything(&place.at("hier"));
        assert!(after == before, "{words:?}: {:?} instead of {:?}", names(&after), names(&before));
    };
    ndarray_npy::write_npy(&bad, &(&nan * 1e37 - 1.5e38)).expect("writes");
    check(&["too far apart"]);
    nan[[299, 7]] = f32::NAN;
    ndarray_npy::write_npy(&bad, &nan).expect("writes");
    check(&["NaN", "299"]);
    // steps of float32 are wider than the spread of all points: refused before the fit
    ndarray_npy::write_npy(&bad, &far(0.5)).expect("writes");
    check(&["--dtype float64", "all values of column"]);
    // the points spread over several steps: refused after the fit
    ndarray_npy::write_npy(&bad, &far(8.0)).expect("writes");
    check(&["--dtype float64", "rounding "]);
    // it is still a valid clustering
    place.judged("hier", &["--force"]);
    // the remedy that the message names works
    succeeded(
        &kmeans(&bad, &place.at("hier"), &[&options[..], &["--dtype", "float64"]].concat()).output().expect("starts"),
    );
    let after = everything(&place.at("hier"));
    assert!(
        !names(&after).iter().any(|name| name.contains(".clustrata") || name.starts_with("level3")),
        "{:?}",
        names(&after)
    );
    assert!(names(&after).contains(&"level1/notes.txt"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_brings_it_back_or_can_be_resumed() {
    let place = Place::digits();
    place.made("whole", &SETTINGS);
    let whole = contents(&place.at("whole"));
    let before = old(&place);
    let (mut back, mut resumable) = (0, 0);
    for attempt in 0..80 {
        let signal = ["-INT", "-TERM"][attempt % 2];
        let checkpoint = if signal == "-INT" { "off" } else { "0s" };
        let mut command = place.kmeans("hier", &[&SETTINGS[..], &["--checkpoint", checkpoint, "--force"]].concat());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("starts");
        while !place.at("hier").join(REPLACED).exists() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(attempt as u64 / 2));
        if child.try_wait().expect("a child").is_none() {
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().is_ok());
        }
        let output = child.wait_with_output().expect("ends");
        assert!(matches!(output.status.code(), Some(0 | 75 | 130)), "{:?}", output.status);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let after = everything(&place.at("hier"));
        if after == before {
            back += 1;
        } else if !made_as(&place.at("hier"))["complete"].as_bool().expect("a truth value") {
            resumable += 1;
            assert!(
                said.contains("the clustering that this run replaces stays in") && said.contains("--resume"),
                "{said}"
            );
            let kept = everything(&place.at("hier").join(REPLACED));
            assert!(kept.iter().eq(of_clustering(&before)), "{:?}", names(&kept));
            // without --resume or --force, the message says where each clustering is
            refused(&mut place.kmeans("hier", &SETTINGS), 2, &["an unfinished one", REPLACED, "--resume"]);
            // a refused run on top of both leaves both
            let bad = place.at("bad.npy");
            ndarray_npy::write_npy(&bad, &far(8.0)).expect("writes");
            let options = ["--n-clusters", "6", "--device", "cpu", "--force"];
            refused(&mut kmeans(&bad, &place.at("hier"), &options), 3, &["--dtype float64"]);
            assert!(everything(&place.at("hier")) == after);
            succeeded(&place.kmeans("hier", &[&SETTINGS[..], &["--resume"]].concat()).output().expect("starts"));
            let levels = contents(&place.at("hier")).into_iter().filter(|(name, _)| !name.contains("notes.txt"));
            assert!(levels.eq(whole.iter().cloned()));
            assert!(!place.at("hier").join(REPLACED).exists());
            renew(&place, &before);
        } else {
            assert!(output.status.success(), "{said}");
            renew(&place, &before);
        }
        if back >= 2 && resumable >= 2 {
            return;
        }
    }
    panic!("{back} brought back, {resumable} resumable: too few to tell");
}

/// Writes the files of the earlier clustering again.
fn renew(place: &Place, before: &[Kept]) {
    fs::remove_dir_all(place.at("hier")).expect("removes");
    for (name, bytes, link) in before {
        let path = place.at("hier").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
        match link {
            Some(target) => link_to(target, &path),
            None => fs::write(path, bytes).expect("writes"),
        }
    }
    assert!(everything(&place.at("hier")) == before);
}

#[cfg(unix)]
fn link_to(target: &Path, path: &Path) {
    std::os::unix::fs::symlink(target, path).expect("links");
}
#[cfg(not(unix))]
fn link_to(_: &Path, _: &Path) {}

#[test]
fn a_killed_run_leaves_one_clustering_or_one_to_resume() {
    let place = Place::digits();
    let before = old(&place);
    let started = std::time::Instant::now();
    place.made("whole", &SETTINGS);
    let took = started.elapsed();
    let (mut killed, mut kept) = (0, 0);
    for run in 0..20_u32 {
        let mut child = place
            .kmeans("hier", &[&SETTINGS[..], &["--checkpoint", "0s", "--force"]].concat())
            .spawn()
            .expect("starts");
        std::thread::sleep(took.mul_f64(f64::from(run % 10) / 10.0).max(Duration::from_millis(3)));
        child.kill().expect("a child");
        killed += u32::from(!child.wait().expect("ends").success());
        // what the next run finds
        refused(&mut place.kmeans("hier", &SETTINGS), 2, &["holds a clustering"]);
        if everything(&place.at("hier")) == before {
            continue;
        }
        if made_as(&place.at("hier"))["complete"] == false {
            let replaced = everything(&place.at("hier").join(REPLACED));
            assert!(replaced.iter().eq(of_clustering(&before)), "run {run}: {:?}", names(&replaced));
            kept += 1;
        } else {
            assert!(!place.at("hier").join(REPLACED).exists(), "run {run}");
        }
        renew(&place, &before);
    }
    assert!(killed >= 5 && kept >= 1, "{killed} killed, {kept} unfinished: too few to tell");
}

#[test]
fn every_state_of_a_killed_move_is_recovered() {
    let place = Place::digits();
    let before = old(&place);
    let folder = place.at("hier");
    let shift = |to: &str, some: &[&str]| {
        for name in some {
            let path = folder.join(to).join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
            fs::rename(folder.join(name), path).expect("moves");
        }
    };
    let all = ["kmeans.json", "config.yaml", "log.txt", "level1/step0", "level1/pre_clusters", "level1/centroids.npy"];
    let all: Vec<&str> = all.into_iter().filter(|name| folder.join(name).exists()).collect();
    let rest = ["level1/sorted_clusters.npy", "level2", "level3"];
    let mended = |what: &str| {
        refused(&mut place.kmeans("hier", &SETTINGS), 2, &["holds a clustering"]);
        let after = everything(&folder);
        assert!(after == before, "{what}: {:?}", names(&after));
    };
    for count in 0..=all.len() {
        fs::create_dir(folder.join(MOVING)).expect("makes a folder");
        shift(MOVING, &all[..count]);
        mended(&format!("{count} moved"));
    }
    shift(REPLACED, &all);
    shift(REPLACED, &rest);
    // what a new run writes before its record
    fs::create_dir_all(folder.join("level1/step0")).expect("makes a folder");
    fs::write(folder.join("config.yaml"), "new").expect("writes");
    fs::write(folder.join("level1/step0/.tmp-x"), "new").expect("writes");
    fs::write(folder.join("level1/step0/checkpoint-0.part"), "new").expect("writes");
    mended("no record of the new run");
    // the new one is complete, the old one not yet removed
    fs::create_dir_all(folder.join(REPLACED).join("level1")).expect("makes a folder");
    fs::copy(folder.join("kmeans.json"), folder.join(REPLACED).join("kmeans.json")).expect("copies");
    mended("complete");
}
