//! Any file is read as labels and as levels of a clustering, or refused. The first byte chooses the extension and the number of rows.
#![no_main]

use std::sync::LazyLock;

use clustrata::base::error::Findings;
use clustrata::formats::labels::{LabelNames, Labels, read_assignments};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let Some((choice, content)) = content.split_first() else { return };
    let (extension, rows) = (["npy", "txt", "csv", "parquet"][usize::from(choice % 4)], u64::from(choice / 4));
    let file = FOLDER.path().join("x").with_extension(extension);
    std::fs::write(&file, content).expect("written");
    let levels = read_assignments(&[file.clone()], &[], None, &mut Findings::new());
    for level in levels.into_iter().flatten() {
        let known = |&&label: &&u32| label != clustrata::base::matrix::UNLABELLED;
        assert!(level.of_rows.iter().filter(known).all(|&label| (label as usize) < level.clusters));
        assert!(level.names.is_none_or(|names| names.len() == level.clusters));
    }
    if let Ok(labels) = Labels::read(&file, rows) {
        let known = |&&label: &&u32| label != clustrata::base::matrix::UNLABELLED;
        assert_eq!(labels.of_rows.len() as u64, rows);
        assert!(labels.of_rows.iter().filter(known).all(|&label| (label as usize) < labels.distinct));
        let names = match labels.names {
            LabelNames::Whole(names) => names.len(),
            LabelNames::Text(names) => names.len(),
        };
        assert_eq!(names, labels.distinct);
    }
});
