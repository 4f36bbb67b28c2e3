//! Hierarchies that upstream wrote, against the oracle's sizes and upstream's own assignments.

use std::path::{Path, PathBuf};

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::Embeddings;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};
use clustrata::formats::npy::{Matrix, read_indices};

/// The folder with the data sets, or `None` with a note that the test is skipped.
fn data() -> Option<PathBuf> {
    let shared = std::env::var_os("CLUSTRATA_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let data = shared.join("data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("skipped: no data sets in {}; set CLUSTRATA_SHARED", data.display());
    None
}

/// Opens a clustering of the embeddings in a file, whose order does not matter: only its shape is needed.
fn open(clustering: &Path, embeddings: &Path) -> Hierarchy {
    let embeddings = Matrix::open(embeddings).unwrap_or_else(|finding| panic!("{finding}"));
    let (rows, dim) = (embeddings.view().rows(), embeddings.view().cols());
    let opened = crate::fixtures::open(clustering, rows as u64, dim, HierarchyOptions::default());
    opened.unwrap_or_else(|message| panic!("{}: {message}", clustering.display())).0
}

/// Asserts that labels, points and sizes agree.
fn assert_consistent(hierarchy: &Hierarchy) {
    let rows = hierarchy.labels.len();
    let mut tile = vec![Vec::new(); hierarchy.levels.len()];
    hierarchy.label_tile(0, rows, &mut tile);
    for (level, labels) in tile.iter().enumerate() {
        let mut visited = 0;
        for cluster in 0..hierarchy.k(level) {
            let points: Vec<u64> = hierarchy.points_of(level, cluster).collect();
            assert_eq!(points.len() as u64, hierarchy.levels[level].sizes[cluster]);
            let label = u32::try_from(cluster).unwrap();
            assert!(points.iter().all(|&row| labels[usize::try_from(row).unwrap()] == label));
            visited += points.len();
        }
        assert_eq!(visited, rows, "level index {level}");
    }
}

#[test]
fn sizes_are_the_oracles() {
    let Some(data) = data() else { return };
    for (set, embeddings, levels) in
        [("digits", "digits", 3), ("digits_split", "digits", 2), ("photos", "photos", 3), ("rings", "rings", 2)]
    {
        let hierarchy = open(&data.join(set).join("hier"), &data.join(embeddings).join("embeddings.npy"));
        let oracle = std::fs::read_to_string(data.join(set).join("oracle.json")).unwrap();
        let oracle: serde_json::Value = serde_json::from_str(&oracle).unwrap();
        assert_eq!(hierarchy.levels.len(), levels, "{set}");
        for level in &hierarchy.levels {
            let expected = match &oracle["levels"] {
                serde_json::Value::Array(list) => &list[level.number as usize - 1],
                by_number => &by_number[level.number.to_string()],
            };
            let sizes: Vec<u64> = serde_json::from_value(expected["size"].clone()).unwrap();
            assert_eq!(level.sizes, sizes, "{set}, level {}", level.number);
            assert_eq!(level.centroids.view().rows(), sizes.len());
        }
        assert_consistent(&hierarchy);
    }
}

#[test]
fn tables_are_upstreams_own_assignments() {
    let Some(data) = data() else { return };
    for set in ["digits", "photos", "rings"] {
        let hierarchy = open(&data.join(set).join("hier"), &data.join(set).join("embeddings.npy"));
        for level in &hierarchy.levels {
            let table = if level.number == 1 { &hierarchy.labels } else { &level.parent };
            let assignment = level.sources.centroids.with_file_name("cluster_assignment.npy");
            let assigned = read_indices(&assignment).unwrap();
            assert_eq!(assigned.len(), table.len());
            assert!(assigned.iter().zip(table).all(|(&a, &b)| a == u64::from(b)), "{set}, level {}", level.number);
        }
    }
}

#[test]
fn every_variant_of_the_files_gives_the_same_hierarchy() {
    let Some(data) = data() else { return };
    let embeddings = data.join("digits/embeddings.npy");
    let original = open(&data.join("digits/hier"), &embeddings);
    let mut variants = 0;
    for entry in std::fs::read_dir(data.join("variants")).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("level1").is_dir() {
            continue;
        }
        variants += 1;
        let variant = open(&path, &embeddings);
        assert_eq!(variant.labels, original.labels, "{}", path.display());
        let pairs = variant.levels.iter().zip(&original.levels);
        assert_eq!(pairs.len(), 3);
        for (level, (variant, original)) in pairs.enumerate() {
            assert_eq!(variant.parent, original.parent, "{} {level}", path.display());
            // Centroids that were saved with fewer bits agree to that many.
            let (a, b) = (variant.centroids.view(), original.centroids.view());
            let (mut left, mut right) = (vec![f64::NAN; a.cols()], vec![f64::NAN; b.cols()]);
            for row in 0..b.rows() {
                a.copy_row(row, &mut left);
                b.copy_row(row, &mut right);
                let close = left.iter().zip(&right).all(|(l, r)| (l - r).abs() <= 1e-3 * r.abs().max(1.0));
                assert!(close, "{}, level {}, row {row}", path.display(), level + 1);
            }
        }
    }
    assert!(variants > 20, "only {variants} variants");
}

#[test]
fn embeddings_are_read_or_refused_as_they_should_be() {
    let Some(data) = data() else { return };
    let variants = data.join("variants/emb");
    let mut bytes = Vec::new();
    let f4 = ["c_le_f4", "header_v2_f4", "header_v3_f4", "c_be_f4", "fortran_f4"];
    for name in f4.into_iter().chain(["c_le_f2", "c_le_f8", "fortran_f2", "uint8"]) {
        let mut findings = Findings::new();
        let path = variants.join(format!("{name}.npy"));
        let embeddings = Embeddings::open(&[path], &mut findings).unwrap_or_else(|| panic!("{name}: {findings:?}"));
        assert_eq!((embeddings.rows(), embeddings.dim()), (1797, 64), "{name}");
        if name.ends_with("f4") {
            let mut row = vec![0; embeddings.row_bytes()];
            embeddings.read_rows(1796, &mut row).unwrap();
            bytes.push(row);
        }
    }
    assert!(bytes.iter().all(|row| row == &bytes[0]) && bytes[0].iter().any(|&b| b != 0));
    for (name, wanted) in [("variants/emb/object_2tuple_shard", "a[0]"), ("variants/emb/object_rows", "np.stack(a)")] {
        let mut findings = Findings::new();
        assert!(Embeddings::open(&[data.join(format!("{name}.npy"))], &mut findings).is_none());
        let message = findings.into_result().unwrap_err().to_string();
        crate::fixtures::assert_says(&message, &[name, wanted, "expected:", "found:"]);
    }
}
