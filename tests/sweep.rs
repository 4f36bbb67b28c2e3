//! The example of a sweep, as a user would start from it.

use std::path::Path;

use clustrata::batch::sweep;

#[test]
fn the_example_expands_to_what_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/grid-example.yaml");
    let sweep = sweep::read(&path).expect("valid");
    assert_eq!((sweep.name.as_str(), sweep.runs.len()), ("silhouette-samples", 24));
    let first = &sweep.runs[0];
    assert_eq!(first.name, "data=dinov2,silhouette=sample-1_000,seed=0");
    assert_eq!(first.folder, sweep.root.join("silhouette-samples").join(&first.name));
    let options = first.to_options().expect("settings");
    assert!(
        options
            .clustering
            .is_some_and(|clustering| clustering.is_absolute() && clustering.ends_with("clusterings/dinov2"))
    );
    assert_eq!(options.metrics, ["fast", "silhouette"]);
    let seeds: Vec<u64> = sweep.runs.iter().filter_map(|run| run.options.get("seed")?.as_u64()).collect();
    assert_eq!(seeds[..5], [0, 1, 2, 3, 0], "the last parameter varies fastest");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = sweep::read(Path::new("nowhere/grid.yaml")).expect_err("missing").to_string();
    assert!(error.contains("nowhere/grid.yaml") && error.contains("job spec"), "{error}");
}
