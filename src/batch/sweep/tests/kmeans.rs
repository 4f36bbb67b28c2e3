//! The `kmeans` block of a job spec.

use super::*;

#[test]
fn all_runs_evaluate_the_clustering_that_kmeans_makes() {
    let base = tempfile::tempdir().expect("a folder");
    let config = base.path().join("kmeans.yaml");
    std::fs::write(&config, "embeddings_path: e.npy\nn_clusters: [9, 3]\nexp_dir: hier\n").expect("writes");
    let spec = |kmeans: &str, parameters: &str| {
        // a path in quotes is YAML on Windows as well
        let config = serde_json::Value::from(config.to_str().expect("UTF-8"));
        let text = format!("job_details: {{name: g, root: r}}\nkmeans: {{config: {config}{kmeans}}}\n{parameters}");
        parse(&text, Path::new("grid.yaml"))
    };
    let sweep = spec(", tasks: 4", "parameters: {seed: [1, 2]}").expect("a grid");
    let hier = std::path::absolute("hier").expect("a path");
    assert!(matches!(sweep.kmeans.as_slice(), [one] if (one.tasks, &one.settings.out) == (4, &hier)));
    let names: Vec<&str> = sweep.runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["seed=1", "seed=2"]);
    assert!(sweep.runs.iter().all(|run| run.options["clustering"] == hier.to_str().expect("UTF-8")));
    // nothing else is required
    let sweep = spec(", out: other", "").expect("a grid");
    assert!(
        sweep.runs.len() == 1 && sweep.runs[0].options["clustering"].as_str().is_some_and(|out| out.ends_with("other"))
    );
    let error = spec("", "parameters: {clustering: [a, b]}").expect_err("two clusterings");
    assert!(error.to_string().contains("given twice"), "{error}");
    assert!(parse("job_details: {name: g, root: r}\n", Path::new("grid.yaml")).is_err(), "no parameters");
}

/// A spec that makes clusterings; `kmeans` is the rest of the block.
fn with_kmeans(base: &Path, kmeans: &str, parameters: &str) -> Result<Sweep> {
    let config = base.join("kmeans.yaml");
    std::fs::write(&config, "embeddings_path: e.npy\nn_clusters: [9, 3]\nseed: 5\n").expect("writes");
    let config = serde_json::Value::from(config.to_str().expect("UTF-8"));
    let text = format!("job_details: {{name: g, root: r}}\nkmeans: {{config: {config}{kmeans}}}\n{parameters}");
    parse(&text, Path::new("grid.yaml"))
}

#[test]
fn settings_of_kmeans_are_dimensions() {
    let base = tempfile::tempdir().expect("a folder");
    let spec = ", seed: [0, 1, null], n_clusters: [[1000, 100], [500, 50]], tolerance: 0.1";
    let sweep = with_kmeans(base.path(), spec, "parameters: {silhouette: ['off', 'sample:9']}").expect("a grid");
    let made: Vec<(u64, u64, &str)> = sweep
        .kmeans
        .iter()
        .map(|kmeans| (kmeans.settings.seed, kmeans.settings.levels[0].clusters, kmeans.name.as_str()))
        .collect();
    assert_eq!(
        made,
        [
            (0, 1000, "seed=0,n-clusters=1000+100"),
            (0, 500, "seed=0,n-clusters=500+50"),
            (1, 1000, "seed=1,n-clusters=1000+100"),
            (1, 500, "seed=1,n-clusters=500+50"),
            (5, 1000, "seed=default,n-clusters=1000+100"),
            (5, 500, "seed=default,n-clusters=500+50"),
        ]
    );
    let folder = std::path::absolute("r/g/clusterings").expect("a path");
    assert!(sweep.kmeans.iter().all(|k| k.settings.tolerance == 0.1 && k.settings.out == folder.join(&k.name)));
    // every run on every clustering, and the name says which
    assert_eq!(sweep.runs.len(), 12);
    assert_eq!(sweep.runs[1].name, "kmeans.seed=0,kmeans.n-clusters=1000+100,silhouette=sample-9");
    assert_eq!(sweep.runs[11].name, "kmeans.seed=default,kmeans.n-clusters=500+50,silhouette=sample-9");
    for run in &sweep.runs {
        let kmeans = &sweep.kmeans[run.kmeans.expect("made by the sweep")];
        assert_eq!(run.options["clustering"].as_str().map(Path::new), Some(kmeans.settings.out.as_path()));
    }
    // the clustering alone, with its runs
    let alone = sweep.on_clustering(&folder.join("seed=1,n-clusters=500+50")).expect("there");
    assert_eq!((alone.kmeans.len(), alone.runs.len(), alone.runs[0].kmeans), (1, 2, Some(0)));
    assert!(alone.runs.iter().all(|run| run.name.starts_with("kmeans.seed=1,kmeans.n-clusters=500+50")));
    let around = folder.join("../clusterings/seed=1,n-clusters=500+50");
    assert_eq!(sweep.on_clustering(&around), Ok(alone), "however its path is written");
    let error = sweep.on_clustering(Path::new("elsewhere")).expect_err("another folder").to_string();
    assert!(error.contains("seed=1,n-clusters=500+50"), "{error}");
}

#[test]
fn clusterings_have_folders_of_their_own() {
    let base = tempfile::tempdir().expect("a folder");
    let folders = |kmeans: &str| {
        let sweep = with_kmeans(base.path(), kmeans, "").expect("a grid");
        sweep.kmeans.into_iter().map(|kmeans| kmeans.settings.out).collect::<Vec<_>>()
    };
    let here = |path: &str| std::path::absolute(path).expect("a path");
    assert_eq!(folders(""), [here("clustering")], "the default of kmeans");
    assert_eq!(folders(", out: o"), [here("o")]);
    assert_eq!(folders(", out: o, seed: [1]"), [here("o")], "nothing varies");
    assert_eq!(folders(", out: o, seed: [1, 2]"), [here("o/seed=1"), here("o/seed=2")]);
    let blocks = ", LIST_size: [{name: small, n_clusters: [[20, 4]]}, {name: large, n_clusters: [[200, 40]]}]";
    assert_eq!(folders(blocks), [here("r/g/clusterings/size=small"), here("r/g/clusterings/size=large")]);
}

#[test]
fn wrong_settings_of_kmeans_are_told_with_their_place() {
    let base = tempfile::tempdir().expect("a folder");
    let table = [
        (", sede: [1]", "did you mean `seed`"),
        (", taks: 3", "did you mean `tasks`"),
        (", seed: [1, x]", "kmeans.seed[1]"),
        (", seed: []", "the list is empty"),
        (", seed: [1, 1]", "the same clustering twice"),
        (", n_clusters: [[9, 3, 1], [9]], n_levels: 2", "n_clusters"),
        (", LIST: [{out: x}]", "kmeans.LIST[0].out"),
    ];
    for (kmeans, part) in table {
        let error = with_kmeans(base.path(), kmeans, "").expect_err(kmeans);
        assert!(
            error.kind() == crate::base::error::Kind::Usage && error.to_string().contains(part),
            "{kmeans}: {error}"
        );
    }
    let many = with_kmeans(base.path(), ", seed: [1, 2, 3]", "parameters: {seed: [1, 2]}\ngrid: {max_runs: 5}");
    let error = many.expect_err("six runs").to_string();
    assert!(error.contains("6: clusterings (3) x seed (2)"), "{error}");
}
