//! The same matrix in every container gives the same record, to the bit, and the same clusters.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::common::{Clustering, Dtype, program, record, scratch};
use crate::writers::{Matrix, Written, halves, singles};

const ROWS: usize = 65;
const DIM: usize = 6;

/// A clustering of the matrix on disk.
fn clustering(matrix: &Matrix, folder: &std::path::Path) -> std::path::PathBuf {
    let points: Vec<Vec<f64>> =
        matrix.values.chunks(DIM).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect();
    let members: Vec<Vec<u64>> =
        (0..5).map(|cluster| (0..ROWS as u64).filter(|row| row % 5 == cluster).collect()).collect();
    let centroids = (0..5).map(|cluster| points[cluster * 3].iter().map(|value| value + 0.25).collect()).collect();
    let made = Clustering { points, dtype: Dtype::F4, levels: vec![(members, centroids)], subset: None };
    made.write(folder).0
}

fn levels(clustering: &std::path::Path, written: &Written, out: &std::path::Path) -> (Value, Value) {
    let mut command = program();
    command.arg("metrics").arg(clustering).arg("--embeddings").arg(&written.path).arg("--out").arg(out);
    command.args(["--device", "cpu", "--metrics", "all", "--yes"]).args(&written.arguments);
    succeeded(&mut command);
    let record = record(out);
    (record["levels"].clone(), record["inputs"]["embeddings"].clone())
}

fn succeeded(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_container_gives_the_same_figures() {
    let matrix = Matrix::new(ROWS, DIM);
    let folder = scratch();
    let hier = clustering(&matrix, folder.path());
    for (name, write) in [("halves", halves as fn(&_, &_) -> _), ("singles", singles)] {
        let place = folder.path().join(name);
        fs::create_dir(&place).expect("made");
        let written: Vec<Written> = write(&matrix, &place);
        let (expected, _) = levels(&hier, &written[0], &place.join("out"));
        for (number, written) in written.iter().enumerate().skip(1).step_by(4) {
            let (levels, files) = levels(&hier, written, &place.join(format!("out{number}")));
            assert_eq!(levels, expected, "{}", written.path.display());
            assert!(files[0]["container"].is_string(), "{files}");
        }
        let mut other = matrix.clone();
        other.values[17] += 1;
        let place = place.join("other");
        fs::create_dir(&place).expect("made");
        let written = write(&other, &place);
        let (levels, _) = levels(&hier, written.last().expect("one"), &place.join("out"));
        assert_ne!(levels, expected, "another value must change a figure");
    }
}

#[test]
fn kmeans_makes_the_same_clusters_of_every_container() {
    let matrix = Matrix::new(ROWS, DIM);
    let folder = scratch();
    let written = singles(&matrix, folder.path());
    let made = |written: &Written, name: &str| {
        let out = folder.path().join(name);
        let mut command = program();
        command.args(["kmeans", "--n-clusters", "5,2", "--device", "cpu", "--embeddings-path"]).arg(&written.path);
        let arguments: Vec<&str> =
            written.arguments.iter().map(|&word| if word == "--dtype" { "--embeddings-dtype" } else { word }).collect();
        command.args(arguments).arg("--out").arg(&out);
        succeeded(&mut command);
        ["level1", "level2"].map(|level| {
            ["centroids.npy", "sorted_clusters.npy"].map(|file| fs::read(out.join(level).join(file)).expect("there"))
        })
    };
    let expected = made(&written[0], "first");
    for number in [2, 4, 7, 9, 11, 12, written.len() - 1] {
        let name = format!("made{number}");
        assert!(made(&written[number], &name) == expected, "{}", written[number].path.display());
        // metrics and sample read the embeddings that config.yaml names
        let out = folder.path().join(name);
        if number == 4 {
            let mut command = program();
            command.arg("metrics").arg(&out).args(["--device", "cpu", "--metrics", "fast"]);
            succeeded(&mut command);
            assert_eq!(record(&out.join("metrics"))["settings"]["dtype"], "bf16");
            succeeded(program().args(["sample", "--target-size", "10"]).arg(&out));
        }
    }
}

#[test]
fn parts_and_copies_read_the_same_array() {
    let matrix = Matrix::new(ROWS, DIM);
    let folder = scratch();
    let hier = clustering(&matrix, folder.path());
    let written = singles(&matrix, folder.path());
    let deflated = &written[7];
    let whole = levels(&hier, deflated, &folder.path().join("whole")).0;
    let out = folder.path().join("parts");
    for part in ["1/2", "2/2"] {
        let mut command = program();
        command.arg("metrics").arg(&hier).arg("--embeddings").arg(&deflated.path).arg("--out").arg(&out);
        command.args(["--device", "cpu", "--metrics", "fast", "--array", "emb", "--shard", part, "--scratch"]);
        succeeded(command.arg(folder.path().join("scratch")));
    }
    succeeded(program().arg("merge").arg(&out));
    let merged = record(&out);
    assert_eq!(merged["levels"][0]["figures"]["inertia"], whole[0]["figures"]["inertia"]);
    assert_eq!(merged["inputs"]["embeddings"][0]["array"], "emb");
    let left: Vec<_> = fs::read_dir(folder.path().join("scratch")).expect("a folder").flatten().collect();
    assert!(left.iter().all(|entry| entry.file_name().to_string_lossy().starts_with("clustrata-")), "{left:?}");
}
