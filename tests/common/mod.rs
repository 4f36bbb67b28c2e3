//! Shared by the integration tests: running the program, making clusterings, and reference metrics in float64.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses only a part of it")]
#![allow(clippy::print_stdout, reason = "skipped tests are reported")]
#![allow(clippy::cast_possible_truncation, reason = "numbers in tests are small, and rounding to f4 is intended")]

mod adapter;
#[cfg(unix)]
pub mod browser;
pub mod hostile;
pub mod records;
pub mod upstream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use half::f16;
use serde_json::Value;

/// A temporary folder, removed when it goes out of scope.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The program with `--quiet`, without the user's cache of measured speeds.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
    command.env("CLUSTRATA_CACHE", "");
    command.arg("--quiet");
    command
}

/// Runs `clustrata metrics`; asserts nothing.
pub fn metrics(clustering: &Path, embeddings: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = program();
    command.arg("metrics").arg(clustering).arg("--embeddings").arg(embeddings).arg("--out").arg(out).args(more);
    command.output().expect("the program starts")
}

/// Runs `clustrata metrics`, which must succeed, and returns record.json.
pub fn judged(clustering: &Path, embeddings: &Path, out: &Path, more: &[&str]) -> Value {
    let output = metrics(clustering, embeddings, out, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    record(out)
}

/// Reads record.json of an output folder.
pub fn record(out: &Path) -> Value {
    let text = fs::read_to_string(out.join("record.json")).expect("a record");
    serde_json::from_str(&text).expect("valid JSON")
}

/// `--device` values to test: the CPU, and the GPU if there is an adapter.
pub fn devices() -> Vec<&'static str> {
    let mut adapters = clustrata::backend::select::adapters();
    adapters.retain(|adapter| adapter.unusable.is_none());
    adapter::assert_expected(adapters.iter().map(|adapter| adapter.info.name.as_str()));
    if adapters.is_empty() {
        println!(
            "skipped on a GPU backend: no Vulkan, Metal or DX12 adapter (on Debian: mesa-vulkan-drivers libvulkan1)"
        );
        return vec!["cpu"];
    }
    vec!["cpu", "gpu"]
}

/// The larger test data, if this machine has it.
pub fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("CLUSTRATA_SHARED").map_or(beside, PathBuf::from);
    let data = folder.join("data");
    if !data.is_dir() {
        println!("skipped: {} does not exist", data.display());
        return None;
    }
    Some(data)
}

/// A Python with NumPy and scikit-learn, if `script/test` has made one.
pub fn python() -> Option<Command> {
    let python = std::env::var_os("CLUSTRATA_PYTHON");
    if python.is_none() {
        println!("skipped: CLUSTRATA_PYTHON is not set (script/test creates an environment and sets it)");
    }
    python.map(Command::new)
}

/// Relative paths of all files below a folder, sorted; empty if the folder does not exist.
pub fn files_below(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, root, all);
            } else {
                all.push(path.strip_prefix(root).expect("below").display().to_string());
            }
        }
    }
    let mut all = Vec::new();
    walk(folder, folder, &mut all);
    all.sort();
    all
}

/// Element type of a file written by a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dtype {
    F2,
    F4,
    F8,
}

/// The members of each cluster: rows, or clusters of the level below.
pub type Members = Vec<Vec<u64>>;
/// A matrix, row by row.
pub type Rows = Vec<Vec<f64>>;

/// A clustering made by a test: points `[n][d]`, and members and stored centroids per level.
#[derive(Debug, Clone)]
pub struct Clustering {
    pub points: Vec<Vec<f64>>,
    pub dtype: Dtype,
    pub levels: Vec<(Members, Rows)>,
    /// The row that each member number of level 1 stands for; `None` for the identity.
    pub subset: Option<Vec<u64>>,
}

impl Clustering {
    /// Writes `embeddings.npy` and `hier/` (and `subset.npy`) below `dir`.
    pub fn write(&self, dir: &Path) -> (PathBuf, PathBuf) {
        let embeddings = dir.join("embeddings.npy");
        fs::write(&embeddings, npy(&self.points, self.dtype)).expect("writes");
        let hier = dir.join("hier");
        for (i, (members, centroids)) in self.levels.iter().enumerate() {
            let level = hier.join(format!("level{}", i + 1));
            fs::create_dir_all(&level).expect("makes a folder");
            fs::write(level.join("sorted_clusters.npy"), sorted_clusters(members)).expect("writes");
            fs::write(level.join("centroids.npy"), npy(centroids, Dtype::F8)).expect("writes");
        }
        if let Some(subset) = &self.subset {
            fs::write(dir.join("subset.npy"), npy_indices(subset)).expect("writes");
        }
        (hier, embeddings)
    }

    /// The label of each row on each level; `None` if it is unassigned.
    pub fn labels(&self) -> Vec<Vec<Option<usize>>> {
        let mut labels: Vec<Vec<Option<usize>>> = Vec::new();
        for (members, _) in &self.levels {
            let level = match labels.last() {
                None => {
                    let mut level = vec![None; self.points.len()];
                    for (cluster, rows) in members.iter().enumerate() {
                        for &row in rows {
                            let row = self.subset.as_ref().map_or(row, |subset| subset[row as usize]);
                            level[row as usize] = Some(cluster);
                        }
                    }
                    level
                }
                Some(below) => {
                    let parent = |child: usize| members.iter().position(|m| m.contains(&(child as u64)));
                    below.iter().map(|label| label.and_then(parent)).collect()
                }
            };
            labels.push(level);
        }
        labels
    }

    /// Size, inertia, mean and largest distance of each cluster of a level, computed from their definitions.
    pub fn figures(&self, level: usize) -> Vec<Figures> {
        let labels = &self.labels()[level];
        let centroids = &self.levels[level].1;
        let distances = |cluster: usize| -> Vec<f64> {
            let rows = labels.iter().enumerate().filter(|(_, label)| **label == Some(cluster));
            rows.map(|(row, _)| distance(&self.points[row], &centroids[cluster])).collect()
        };
        (0..centroids.len()).map(|cluster| Figures::of(&distances(cluster))).collect()
    }
}

/// Reference metrics of one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub size: u64,
    pub inertia: f64,
    pub mean_inertia: Option<f64>,
    pub mean_distance: Option<f64>,
    pub max_distance: Option<f64>,
}

impl Figures {
    fn of(distances: &[f64]) -> Self {
        let n = distances.len() as f64;
        let inertia: f64 = distances.iter().map(|d| d * d).sum();
        let defined = |value: f64| (n > 0.0).then_some(value);
        Figures {
            size: distances.len() as u64,
            inertia,
            mean_inertia: defined(inertia / n),
            mean_distance: defined(distances.iter().sum::<f64>() / n),
            max_distance: defined(distances.iter().copied().fold(0.0, f64::max)),
        }
    }
}

/// Euclidean distance.
pub fn distance(x: &[f64], c: &[f64]) -> f64 {
    x.iter().zip(c).map(|(x, c)| (x - c).powi(2)).sum::<f64>().sqrt()
}

/// Rounds to the precision of a file of type `dtype`.
pub fn stored(value: f64, dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F2 => f16::from_f64(value).to_f64(),
        Dtype::F4 => f64::from(value as f32),
        Dtype::F8 => value,
    }
}

/// Whether a metric in record.json matches its reference within the relative `tolerance`; null matches `None`; NaN never
/// passes. Differences far below `scale` (a sum that is zero except for rounding) pass.
pub fn agrees(got: &Value, want: Option<f64>, tolerance: f64, scale: f64) -> bool {
    match (got.as_f64(), want) {
        (None, None) => got.is_null(),
        (Some(got), Some(want)) => (got - want).abs() <= tolerance * want.abs().max(1e-6 * scale),
        _ => false,
    }
}

/// Options that select every metric.
pub const EVERY_FIGURE: [&str; 5] = ["--metrics", "all", "--silhouette", "exact", "--yes"];

/// Relative tolerance of a metric by the accuracy contract: 1e-6 for sums and means, 1e-5 for ratios, 0 for counts and
/// indices.
pub fn tolerance(metric: &str) -> f64 {
    match metric {
        "points" | "clusters" | "empty_clusters" | "size" | "misassigned" | "nearest_cluster" => 0.0,
        "inertia" | "average_inertia" | "mean_inertia" | "mean_distance" | "max_distance" | "nearest_distance" => 1e-6,
        _ => 1e-5,
    }
}

/// Seeded pseudo-random numbers by SplitMix64 (Steele et al. 2014), independent of the crate's own generators.
pub struct Draw(pub u64);

impl Draw {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.bits() % bound as u64).expect("below the bound")
    }
    /// A value with mean 0 and standard deviation of about 1.
    pub fn value(&mut self) -> f64 {
        (0..4).map(|_| (self.bits() % 20_001) as f64 / 10_000.0 - 1.0).sum::<f64>() * 0.87
    }
}

/// Compares a level of the record with the reference.
///
/// # Errors
/// The first difference, as text.
pub fn compare_level(level: &Value, want: &[Figures], tolerance: f64) -> Result<(), String> {
    let total: f64 = want.iter().map(|c| c.inertia).sum();
    let points: u64 = want.iter().map(|c| c.size).sum();
    let scale = total / (points.max(1) as f64);
    let check = |name: &str, got: &Value, want: Option<f64>, scale: f64| {
        let fine = agrees(got, want, tolerance, scale);
        if fine { Ok(()) } else { Err(format!("{name}: {got} instead of {want:?}")) }
    };
    check("points", &level["figures"]["points"], Some(points as f64), 0.0)?;
    check("inertia", &level["figures"]["inertia"], Some(total), 0.0)?;
    check("average_inertia", &level["figures"]["average_inertia"], Some(total / want.len() as f64), 0.0)?;
    if level["clusters"]["size"].as_array().map(Vec::len) != Some(want.len()) {
        return Err(format!("{} instead of {} clusters", level["clusters"]["size"], want.len()));
    }
    for (c, want) in want.iter().enumerate() {
        let got = |name: &str| &level["clusters"][name][c];
        check(&format!("size[{c}]"), got("size"), Some(want.size as f64), 0.0)?;
        check(&format!("inertia[{c}]"), got("inertia"), Some(want.inertia), scale)?;
        check(&format!("mean_inertia[{c}]"), got("mean_inertia"), want.mean_inertia, scale)?;
        check(&format!("mean_distance[{c}]"), got("mean_distance"), want.mean_distance, scale.sqrt())?;
        check(&format!("max_distance[{c}]"), got("max_distance"), want.max_distance, scale.sqrt())?;
    }
    Ok(())
}

/// A 2-D `.npy`, C order.
pub fn npy(rows: &[Vec<f64>], dtype: Dtype) -> Vec<u8> {
    let (descr, columns) = (["<f2", "<f4", "<f8"][dtype as usize], rows.first().map_or(0, Vec::len));
    let mut bytes = npy_header(descr, &format!("({}, {columns})", rows.len()), false);
    for &value in rows.iter().flatten() {
        match dtype {
            Dtype::F2 => bytes.extend(f16::from_f64(value).to_le_bytes()),
            Dtype::F4 => bytes.extend((value as f32).to_le_bytes()),
            Dtype::F8 => bytes.extend(value.to_le_bytes()),
        }
    }
    bytes
}

/// A 1-D `.npy` of int64.
pub fn npy_indices(values: &[u64]) -> Vec<u8> {
    let mut bytes = npy_header("<i8", &format!("({},)", values.len()), false);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The first bytes of a `.npy` of version 1.
pub fn npy_header(descr: &str, shape: &str, fortran: bool) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// `sorted_clusters.npy` as NumPy pickles an object array of int64 arrays (protocol 2 opcodes, no memo).
pub fn sorted_clusters(members: &[Vec<u64>]) -> Vec<u8> {
    let mut p = npy_header("|O", &format!("({},)", members.len()), false);
    p.extend(b"\x80\x03");
    p.extend(reconstruct());
    p.extend(b"(K\x01");
    p.extend(shape(members.len()));
    p.extend(dtype(b"O8", b"|"));
    p.extend(b"\x89](");
    for member in members {
        p.extend(reconstruct());
        p.extend(b"(K\x01");
        p.extend(shape(member.len()));
        p.extend(dtype(b"i8", b"<"));
        p.extend(b"\x89B");
        p.extend(u32::try_from(8 * member.len()).expect("short").to_le_bytes());
        p.extend(member.iter().flat_map(|row| row.to_le_bytes()));
        p.extend(b"tb");
    }
    p.extend(b"etb.");
    p
}

fn reconstruct() -> Vec<u8> {
    b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R".to_vec()
}

fn shape(length: usize) -> Vec<u8> {
    let mut p = b"J".to_vec();
    p.extend(i32::try_from(length).expect("short").to_le_bytes());
    p.push(b'\x85');
    p
}

fn dtype(name: &[u8], order: &[u8]) -> Vec<u8> {
    let mut p = b"cnumpy\ndtype\nX\x02\x00\x00\x00".to_vec();
    p.extend(name);
    p.extend(b"\x89\x88\x87R(K\x03X\x01\x00\x00\x00");
    p.extend(order);
    p.extend(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb");
    p
}
