//! Exports of runs that were killed and resumed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::common::{Clustering, Draw, Dtype, files_below, program, scratch};
use crate::fixtures::{Row, read, succeeded};

const ROWS: usize = 4001;
const CLUSTERS: usize = 60;

/// All rows of cluster 4 hold a NaN, so the search is repeated.
fn clustering() -> Clustering {
    let mut draw = Draw(3);
    let mut rows = |count: usize| (0..count).map(|_| (0..9).map(|_| draw.value()).collect()).collect::<Vec<Vec<f64>>>();
    let mut points = rows(ROWS);
    points.iter_mut().skip(4).step_by(CLUSTERS).for_each(|row| row[2] = f64::NAN);
    let members = |count: usize, of: usize| -> Vec<Vec<u64>> {
        (0..count).map(|cluster| (0..of as u64).filter(|row| *row as usize % count == cluster).collect()).collect()
    };
    let levels = vec![(members(CLUSTERS, ROWS), rows(CLUSTERS)), (members(7, CLUSTERS), rows(7))];
    Clustering { points, dtype: Dtype::F4, levels, subset: None }
}

/// A run into `out` with small tiles and checkpoints as often as can be, from where an earlier one stopped.
fn run(folder: &Path, out: &str) -> Command {
    let mut command = program();
    command.arg("metrics").arg(folder.join("hier")).arg("--embeddings").arg(folder.join("embeddings.npy"));
    command.arg("--out").arg(folder.join(out)).args(["--device", "cpu", "--threads", "1", "--parquet"]);
    command.args(["--metrics", "all", "--yes", "--nonfinite", "skip", "--tile-rows", "16", "--checkpoint", "1ms"]);
    command.args(["--resume", "--map", "none"]).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What a run that was not stopped exports.
fn whole(folder: &Path) -> Vec<Row> {
    clustering().write(folder);
    succeeded(&mut run(folder, "whole"));
    let rows = read(&folder.join("whole/points.parquet"));
    let mut moved = rows.clone();
    moved.rotate_left(1);
    assert!(moved != rows, "the control");
    rows
}

/// Resumes a run, which must then export `want` and leave nothing behind.
fn resumed(folder: &Path, out: &str, want: &[Row]) {
    succeeded(&mut run(folder, out));
    assert!(read(&folder.join(out).join("points.parquet")) == want, "{out}");
    let left: Vec<String> = files_below(&folder.join(out)).into_iter().filter(|path| path.contains("margin")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn killed_runs_export_what_whole_runs_do() {
    let folder = scratch();
    let started = Instant::now();
    let want = whole(folder.path());
    let took = started.elapsed();
    let mut killed = 0;
    // some are done before they are killed, and more of them on a machine that was slow when the time was taken
    for attempt in 0..40_u32 {
        let out = format!("killed-{attempt}");
        let mut child = run(folder.path(), &out).spawn().expect("starts");
        std::thread::sleep(took * (attempt % 8 + 1) / 10);
        child.kill().expect("kills");
        let done = child.wait().expect("ends").success();
        let stored = files_below(&folder.path().join(&out)).iter().any(|file| file.ends_with("margin.npy"));
        resumed(folder.path(), &out, &want);
        killed += u32::from(!done && stored);
        if killed == 4 {
            break;
        }
    }
    assert_eq!(killed, 4, "too few runs were killed before they were done");
}

/// The repeated search replaces what the first one wrote, and stops in the middle of it.
#[cfg(unix)]
#[test]
fn runs_stopped_in_the_repeated_search_go_on_with_it() {
    let folder = scratch();
    let want = whole(folder.path());
    let caught = (0..40).any(|attempt| {
        let out = format!("stopped-{attempt}");
        let part = folder.path().join(&out).join(format!("parts/rows-{:012}-{ROWS:012}", 0));
        let mut child = run(folder.path(), &out).spawn().expect("starts");
        while !part.join("distances.part").is_file() && child.try_wait().expect("is mine").is_none() {}
        let mut stop = Command::new("kill");
        stop.args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status().expect("runs");
        child.wait().expect("ends");
        let caught = part.join("search.checkpoint").is_file();
        resumed(folder.path(), &out, &want);
        caught
    });
    assert!(caught, "no run was stopped in the repeated search");
}
