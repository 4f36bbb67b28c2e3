//! Cosine silhouettes in parts, and resumed.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{Clustering, Dtype, program, record, scratch};
use crate::data::{Kind, draw};

fn metrics(folder: &Path, out: &str, more: &[&str]) -> Command {
    let mut command = program();
    command.arg("metrics").arg(folder.join("hier")).arg("--embeddings").arg(folder.join("embeddings.npy"));
    command.args(["--normalize", "--metrics", "silhouette_cosine", "--device", "cpu", "--tile-rows", "16", "--out"]);
    command.arg(folder.join(out)).args(more);
    command
}

fn succeeded(command: &mut Command) {
    let output = command.output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The silhouettes of all levels and clusters.
fn silhouettes(record: &Value) -> Vec<f64> {
    let levels = record["levels"].as_array().expect("levels").iter();
    let of = |level: &Value| {
        let clusters = level["clusters"]["silhouette_cosine"].as_array().expect("a column").clone();
        clusters.into_iter().chain([level["figures"]["silhouette_cosine"].clone()]).filter_map(|value| value.as_f64())
    };
    levels.flat_map(|level| of(level).collect::<Vec<_>>()).collect()
}

#[test]
fn shards_add_up_to_the_whole() {
    let folder = scratch();
    let clustering: Clustering = draw(Kind::Offset, Dtype::F4, 16);
    clustering.write(folder.path());
    succeeded(&mut metrics(folder.path(), "whole", &[]));
    let whole = silhouettes(&record(&folder.path().join("whole")));
    let shards = ["1/3", "2/3", "3/3"];
    for _round in 0..2 {
        shards.iter().for_each(|shard| succeeded(&mut metrics(folder.path(), "parts", &["--shard", shard])));
    }
    // repeating a complete part changes nothing
    succeeded(&mut metrics(folder.path(), "parts", &["--shard", "2/3", "--resume"]));
    succeeded(program().arg("merge").arg(folder.path().join("parts")));
    let merged = record(&folder.path().join("parts"));
    let off = silhouettes(&merged).iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < 1e-12 && whole.len() > 8, "{off}");
    // each row was compared once with the non-empty clusters of both levels
    assert_eq!(
        merged["distances"]["cosine"],
        serde_json::json!({"own": 2 * 157, "searched": (7 + 3) * 157, "pairs": 0})
    );
    assert_eq!((&merged["inputs"]["normalized"], &merged["settings"]["normalize"]), (&true.into(), &true.into()));
}

#[test]
fn parts_of_rows_as_they_are_do_not_mix_with_normalised_ones() {
    let folder = scratch();
    draw(Kind::Groups, Dtype::F4, 3).write(folder.path());
    succeeded(&mut metrics(folder.path(), "parts", &["--shard", "1/2", "--metrics", "inertia"]));
    let other = ["--shard", "2/2", "--metrics", "inertia", "--normalize=false"];
    let mut other_part = program();
    other_part
        .arg("metrics")
        .arg(folder.path().join("hier"))
        .arg("--embeddings")
        .arg(folder.path().join("embeddings.npy"));
    succeeded(other_part.args(["--device", "cpu", "--out"]).arg(folder.path().join("parts")).args(other));
    let output = program().arg("merge").arg(folder.path().join("parts")).output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("normalize"), "{said}");
}
