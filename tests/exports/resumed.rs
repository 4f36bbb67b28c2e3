//! Exports of runs that were killed and resumed.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Clustering, Draw, Dtype, files_below, program, scratch};
use crate::fixtures::{read, succeeded};

const ROWS: usize = 3001;
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

/// Waits until a file of the run has appeared, then kills it. Whether it was killed before it was done.
fn killed_at(mut child: Child, appeared: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !appeared() && started.elapsed() < Duration::from_secs(60) {
        if child.try_wait().expect("is mine").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().expect("kills");
    !child.wait().expect("ends").success()
}

/// Checkpoints as often as can be, in small tiles; killed in each of the stages that write values of rows.
#[test]
fn killed_runs_export_what_whole_runs_do() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let run = |out: &str| {
        let mut command: Command = program();
        command.arg("metrics").arg(&hier).arg("--embeddings").arg(&embeddings);
        command.arg("--out").arg(folder.path().join(out)).args(["--device", "cpu", "--threads", "1", "--parquet"]);
        command.args(["--metrics", "all", "--yes", "--nonfinite", "skip", "--tile-rows", "16", "--checkpoint", "1ms"]);
        command.args(["--resume", "--map", "none"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    succeeded(&mut run("whole"));
    let want = read(&folder.path().join("whole/points.parquet"));
    let mut killed = 0;
    for file in ["distances.checkpoint", "distances.part", "search.checkpoint", "search.part", "silhouette.checkpoint"]
    {
        let out = folder.path().join(file);
        let there = || files_below(&out).iter().any(|path| path.ends_with(file));
        killed += usize::from(killed_at(run(file).spawn().expect("starts"), there));
        succeeded(&mut run(file));
        assert!(read(&out.join("points.parquet")) == want, "killed at {file}");
        let left: Vec<String> = files_below(&out).into_iter().filter(|path| path.contains("margin")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    assert!(killed >= 3, "too few runs were killed before they were done: {killed}");
    let mut moved = want.clone();
    moved.rotate_left(1);
    assert!(moved != want, "the control");
}
